"""A strip of one day: a bar for each quarter of an hour in which something happened."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from app.web.dashboard.events.row import EventRow

#: The height of a strip, and of a bar at least, in pixels.
HEIGHT, _LEAST_HEIGHT = 32, 12
_BAR_S = 900
_HOURS = (0, 6, 12, 18)
#: How a bar is coloured, the most important first: a bar of several events has the colour of the
#: most important of them. The names are classes of timeline.css, and words of the legend.
COLOURS = ("occupied", "sent", "waiting", "motion", "held back", "unoccupied")


@dataclass(frozen=True, slots=True)
class Bar:
    """The events of a quarter of an hour; *x* and *width* are percentages of the day.

    *height* is in pixels, of `HEIGHT`: more events make a higher bar.
    """

    x: float
    width: float
    height: int
    colour: str
    words: str
    newest: str


@dataclass(frozen=True, slots=True)
class DayStrip:
    """The *bars* of a day, and its *hours* with their places in percent."""

    bars: tuple[Bar, ...]
    hours: tuple[tuple[str, float], ...]
    words: str

    @property
    def colours(self) -> set[str]:
        return {bar.colour for bar in self.bars}


def strip_of(day: date, rows: Iterable[EventRow]) -> DayStrip:
    """Return the strip of *day*, on which the events of *rows*, the newest first, began."""
    start_s, end_s = _at_s(day, 0), _at_s(day + timedelta(days=1), 0)
    whole_s = end_s - start_s
    quarters: dict[int, list[EventRow]] = {}
    for row in rows:
        quarters.setdefault(int((row.started_s - start_s) // _BAR_S), []).append(row)
    most = max(map(len, quarters.values()), default=1)
    bars = tuple(
        _bar(number, quarters[number], _BAR_S / whole_s * 100, most) for number in sorted(quarters)
    )
    hours = tuple(
        (f"{hour:02d}:00", round((_at_s(day, hour) - start_s) / whole_s * 100, 2))
        for hour in _HOURS
    )
    return DayStrip(bars, hours, _summary(quarters))


def colour_of(row: EventRow) -> str:
    """Return the colour of an event: that of its label, or else of its decision."""
    if row.label:
        return row.label
    if row.decision in ("held", "silenced"):
        return "held back"
    return row.decision or "motion"


def _bar(number: int, rows: list[EventRow], width: float, most: int) -> Bar:
    first, last = rows[-1].started_at.astimezone(), rows[0].started_at.astimezone()
    colour = min((colour_of(row) for row in rows), key=COLOURS.index)
    if len(rows) == 1:
        words = f"{first:%H:%M}: {rows[0].camera}, {colour}"
    else:
        words = f"{first:%H:%M} to {last:%H:%M}: {len(rows)} events, {colour}; the newest"
    height = _LEAST_HEIGHT + round((HEIGHT - _LEAST_HEIGHT) * len(rows) / most)
    return Bar(round(number * width, 2), round(width, 2), height, colour, words, rows[0].id)


def _summary(quarters: dict[int, list[EventRow]]) -> str:
    if not quarters:
        return "no events"
    first = quarters[min(quarters)][-1].started_at.astimezone()
    last = quarters[max(quarters)][0].started_at.astimezone()
    count = sum(map(len, quarters.values()))
    if count == 1:
        return f"1 event, at {first:%H:%M}"
    return f"{count} events between {first:%H:%M} and {last:%H:%M}"


def _at_s(day: date, hour: int) -> float:
    return datetime.combine(day, time(hour)).timestamp()
