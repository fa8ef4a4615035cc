"""The report of an evaluation as Markdown."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.evaluation.evaluate import figures
from app.evaluation.evaluate.figures import CALLS, Group, Row
from app.evaluation.evaluate.judging import JudgedEvent
from app.evaluation.intervals import Counts, Interval

_MOST_SKIPPED = 20
_HEAD = ("events", "precision", "recall", "F1", "false alarms", "missed")


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of the figures: the *place* of the archive, and the *model* in words.

    *untagged* events count as nothing. *skipped* has the files that were left out, with reasons.
    """

    place: str
    model: str
    untagged: int
    skipped: Mapping[str, str]


def summary(events: Sequence[JudgedEvent], source: Origin) -> str:
    """Return the short form for the terminal: the origin, and the table of all decisions."""
    occupied = sum(one.occupied for one in events)
    lines = [
        f"{source.place}: {occupied} events tagged occupied, {len(events) - occupied} unoccupied; "
        f"{source.untagged} untagged, which count as nothing; {len(source.skipped)} skipped.",
        _origin(events, source),
        *_table(("decision", *_HEAD), _decisions(events)),
    ]
    return "\n".join(lines)


def markdown(events: Sequence[JudgedEvent], source: Origin, mistakes: Sequence[JudgedEvent]) -> str:
    """Return the whole report."""
    parts = [
        "# Evaluation by tags",
        summary(events, source).partition("\n")[0],
        _origin(events, source),
        "## The classic table",
        "Motion at the moment, a person, and what the tag says. A person is one in the event, "
        "where the suite stored a score; else one in the last 30 frames or the snapshot.",
        _classic(figures.classic_table(events, CALLS["person"]), "person"),
        "The same with the memory: a person there, or seen by this camera not long before.",
        _classic(figures.classic_table(events, figures.person_or_memory), "person or memory"),
        "## How often each way to decide was right",
        "\n".join(_table(("decision", *_HEAD), _decisions(events))),
        "In brackets are 95 % intervals: Wilson's for precision and recall, those of a bootstrap "
        "over the events for F1. Recall is among tagged events: whom motion did not see at all, "
        "nobody can tag.",
        "## The rule in force by hour",
        _groups("hour", figures.by_hour(events)),
        "## The rule in force by camera",
        _groups("camera", figures.by_camera(events)),
        "## Occupied by person score",
        _bands(events),
        "## The worst mistakes of the rule in force",
        _mistakes(mistakes),
        *(["## Skipped", _skipped(source.skipped)] if source.skipped else []),
    ]
    return "\n\n".join(parts) + "\n"


def _origin(events: Sequence[JudgedEvent], source: Origin) -> str:
    people = Counter(one.person_source for one in events)
    decisions = Counter(one.decision_source for one in events)
    return (
        f"Person model: {source.model}. Person scores: {people['stored']} stored by the suite, "
        f"{people['model']} from the model here, {people['unknown']} unknown. Decisions: "
        f"{decisions['stored']} stored by the suite, {decisions['replayed']} from the rule here."
    )


def _decisions(events: Sequence[JudgedEvent]) -> list[tuple[str, ...]]:
    return [(name, *_cells(figures.counts(events, call))) for name, call in CALLS.items()]


def _cells(one: Counts) -> tuple[str, ...]:
    total = one.hits + one.false + one.missed + one.right_no
    shares = (one.precision, one.recall, one.f1)
    return (str(total), *map(_share, shares), str(one.false), str(one.missed))


def _share(one: Interval | None) -> str:
    return "-" if one is None else f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})"


def _classic(table: Mapping[Row, int], column: str) -> str:
    rows = [
        (*("yes" if one else "no" for one in row[:2]), _word(row[2]), str(events))
        for row, events in table.items()
    ]
    return "\n".join(_table(("motion", column, "actual", "events"), rows))


def _groups(name: str, groups: Iterable[Group]) -> str:
    return "\n".join(_table((name, *_HEAD), [(one.name, *_cells(one.counts)) for one in groups]))


def _bands(events: Sequence[JudgedEvent]) -> str:
    rows = [
        (f"{one.low:.1f} to {one.high:.1f}", str(one.events), str(one.occupied), _share(one.share))
        for one in figures.by_score(events)
    ]
    return (
        "\n".join(_table(("score", "events", "occupied", "share"), rows)) if rows else "No scores."
    )


def _mistakes(mistakes: Sequence[JudgedEvent]) -> str:
    if not mistakes:
        return "None."
    rows = [
        (one.id, mistake(one), "-" if one.score is None else f"{one.score:.2f}") for one in mistakes
    ]
    return "\n".join(
        ["![The worst mistakes](mistakes.jpg)", "", *_table(("event", "mistake", "score"), rows)]
    )


def mistake(one: JudgedEvent) -> str:
    """Return the mistake of the rule about an event, in words."""
    return "missed person" if one.occupied else "false alarm"


def _skipped(skipped: Mapping[str, str]) -> str:
    lines = [f"- `{name}`: {why}" for name, why in list(skipped.items())[:_MOST_SKIPPED]]
    more = len(skipped) - len(lines)
    return "\n".join([*lines, *([f"- and {more} more"] if more else [])])


def _word(occupied: bool) -> str:
    return "occupied" if occupied else "unoccupied"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    all_rows = [head, ["---"] * len(head), *rows]
    widths = [max(len(row[column]) for row in all_rows) for column in range(len(head))]
    all_rows[1] = ["-" * width for width in widths]
    return [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in all_rows
    ]
