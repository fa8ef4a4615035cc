"""The figures of a run as tables, for the terminal and in Markdown."""

from collections.abc import Callable, Iterable, Mapping, Sequence

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
NOTES = """\
In 1, 2, 3 s: the share of visits found within so many seconds of entry. Coverage: the share of the
time with somebody in view that is under an event; overhang: of the time with nobody there. False:
events that open while nobody is there. Tripped: disturbances during which, or within 5 s after
which, a false event opened."""


def scenes(results: Iterable[tuple[Labels, Score]]) -> list[Row]:
    """Return headings, a row of figures for each scene, and one for all."""
    scores = {labels.name: one for labels, one in results}
    return _rows("scene", {**scores, "all": total(scores.values())})


def variants(results: Mapping[str, Iterable[tuple[Labels, Score]]]) -> list[Row]:
    """Return headings, and a row of figures for all scenes of each variant."""
    return _rows(
        "variant", {name: total(one for _, one in found) for name, found in results.items()}
    )


def text(table: Sequence[Row]) -> str:
    """Return *table* with each column as wide as necessary."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
        for line in table
    )


def markdown(title: str, tables: Mapping[str, Sequence[Row]]) -> str:
    """Return a page of Markdown with *tables*, each below its subtitle."""
    body = "".join(f"{subtitle}\n\n{_markdown(table)}\n\n" for subtitle, table in tables.items())
    return f"# {title}\n\n{body}{NOTES}\n"


def _rows(heading: str, scores: Mapping[str, Score]) -> list[Row]:
    cells = [[name, *(show(one) for show in COLUMNS.values())] for name, one in scores.items()]
    return [[heading, *COLUMNS], *cells]


def _markdown(table: Sequence[Row]) -> str:
    lines = [table[0], ["---", *("---:" for _ in COLUMNS)], *table[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _number(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
