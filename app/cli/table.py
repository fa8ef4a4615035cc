"""A table for people to read."""

from collections.abc import Sequence

from app.logs import printable


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return *rows* under *headings*, each column as wide as necessary.

    A name from outside, as that of a guest's phone, changes neither the lines nor the terminal.
    """
    lines = [[printable(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
