"""The plot of an event: what was measured in its frames, one curve below the other."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.recording.trace import EventTrace

#: The size of a curve's picture; the page stretches it.
WIDTH, HEIGHT = 600, 80
_MARGIN = 4


@dataclass(frozen=True, slots=True)
class Curve:
    """One curve: the *path* through its figures, the height of its limit, and both in words."""

    name: str
    path: str
    limit_y: float | None
    words: str


@dataclass(frozen=True, slots=True)
class Plot:
    """The *curves* of an event between two times, in seconds; *start_x* is where it opened."""

    curves: tuple[Curve, ...]
    from_s: float
    to_s: float
    start_x: float


def plot_of(trace: EventTrace) -> Plot | None:
    """Return the plot of *trace*; None when nothing was measured."""
    if not trace.t_s:
        return None
    from_s, to_s = trace.t_s[0], max(trace.t_s[-1], trace.t_s[0] + 0.1)
    places = [round((at_s - from_s) / (to_s - from_s) * WIDTH, 1) for at_s in trace.t_s]
    curves = (
        _curve("Area", places, trace.area_px, trace.least_area_px, form="{:,.0f} pixels"),
        _curve(
            "Occlusion",
            places,
            trace.hidden,
            trace.least_hidden,
            form="{:.0%}",
            top=1,
        ),
        _curve("Light", places, trace.level, trace.least_level, form="{:.0f} of 255", top=255),
        _curve("Person score", places, trace.score, trace.least_score, form="{:.0%}", top=1),
    )
    found = tuple(curve for curve in curves if curve)
    start_x = round(min(max(-from_s / (to_s - from_s), 0.0), 1.0) * WIDTH, 1)
    return Plot(found, from_s, to_s, start_x) if found else None


def _curve(
    name: str,
    places: Sequence[float],
    figures: Sequence[float | None],
    limit: float | None,
    *,
    form: str,
    top: float | None = None,
) -> Curve | None:
    known = [figure for figure in figures if figure is not None]
    if not known:
        return None
    highest = top or max(*known, (limit or 0.0) * 1.2, 1.0)
    words = f"at most {form.format(max(known))}"
    if limit is not None:
        words += f"; it counts from {form.format(limit)}"
    points = [
        (x, None if figure is None else _height(figure, highest))
        for x, figure in zip(places, figures, strict=True)
    ]
    return Curve(name, _path(points), None if limit is None else _height(limit, highest), words)


def _height(figure: float, highest: float) -> float:
    share = min(max(figure / highest, 0.0), 1.0)
    return round(HEIGHT - _MARGIN - share * (HEIGHT - 2 * _MARGIN), 1)


def _path(points: Sequence[tuple[float, float | None]]) -> str:
    """Return the path through *points*, with a gap where there is no figure."""
    words, is_drawing = [], False
    for x, y in points:
        if y is not None:
            # A figure between two gaps is a line without length, which round ends make a dot.
            words.append(f"L{x} {y}" if is_drawing else f"M{x} {y}h0")
        is_drawing = y is not None
    return "".join(words)
