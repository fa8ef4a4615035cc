"""The figures of a run as a table, for the terminal and in Markdown."""

from collections.abc import Callable, Iterable, Sequence

from app.evaluation.yardstick.score import Score, total
from app.evaluation.yardstick.staging import Labels

Row = Sequence[str]
#: Each column's heading, and its text for a score.
COLUMNS: dict[str, Callable[[Score], str]] = {
    "visits": lambda one: str(len(one.latencies_s)),
    "in 1 s": lambda one: _number(one.recall(1)),
    "in 2 s": lambda one: _number(one.recall(2)),
    "in 3 s": lambda one: _number(one.recall(3)),
    "median s": lambda one: _number(one.median_latency_s, 1),
    "coverage": lambda one: _number(one.coverage, 3),
    "overhang": lambda one: _number(one.overhang, 3),
    "false": lambda one: str(len(one.false_at_s)),
    "tripped": lambda one: f"{one.tripped} of {one.disturbances}" if one.disturbances else "-",
}
HEADINGS = ["scene", *COLUMNS]
NOTES = """\
In 1, 2, 3 s: the share of visits found within so many seconds of entry. Coverage: the share of the
time with somebody in view that is under an event; overhang: of the time with nobody there. False:
events that open while nobody is there. Tripped: disturbances during which, or within 5 s after
which, a false event opened."""


def rows(results: Iterable[tuple[Labels, Score]]) -> list[Row]:
    """Return a row of figures for each scene, and one for all."""
    scores = {labels.name: one for labels, one in results}
    scores["all"] = total(scores.values())
    return [[name, *(show(one) for show in COLUMNS.values())] for name, one in scores.items()]


def text(table: Sequence[Row]) -> str:
    """Return *table* with each column as wide as necessary."""
    lines = [HEADINGS, *table]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
        for line in lines
    )


def markdown(title: str, subtitle: str, table: Sequence[Row]) -> str:
    """Return *table* as a page of Markdown."""
    lines = [HEADINGS, ["---", *("---:" for _ in COLUMNS)], *table]
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"# {title}\n\n{subtitle}\n\n{body}\n\n{NOTES}\n"


def _number(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
