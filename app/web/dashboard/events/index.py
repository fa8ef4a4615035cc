"""All events, newest first: those on the disk of this machine, and those that Redis knows.

They are kept in memory as small rows. What has changed is read again when somebody asks, at most
once a second; nothing is read while nobody asks.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import NamedTuple, TypeVar

from app.clock import Clock, SystemClock
from app.config import Config
from app.protocol import Decision
from app.state import State
from app.web import STOPPING
from app.web.dashboard.events.disk import EventDisk
from app.web.dashboard.events.news import EventNews
from app.web.dashboard.events.row import EVERY_EVENT, EventFilter, EventRow, day_of, new_row

__all__ = ["EVERY_EVENT", "EventFilter", "EventIndex", "EventRow"]

Kind = TypeVar("Kind")

_EVERY_S = 1.0
#: The rest after each day that is read ahead, as a multiple of the time for that day.
_REST = 4.0
_NEVER = float("-inf")


@dataclass(slots=True)
class _Day:
    """The rows of one day in UTC, the newest first, and what they were made of."""

    here: dict[str, EventRow]
    elsewhere: dict[str, EventRow]
    rows: list[EventRow]


class Occurring(NamedTuple):
    """The values that occur among events; *asked* is whether somebody has asked for a clip."""

    cameras: list[str]
    classes: list[str]
    decisions: set[Decision]
    asked: bool


class EventIndex:
    """The events of the house. Any thread may use it."""

    def __init__(self, config: Config, state: State, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._disk = EventDisk(config.data_dir, self._clock.monotonic)
        self._news = EventNews(state, self._clock.monotonic)
        self._days: dict[str, _Day] = {}
        self._checked: set[str] = set()
        self._refreshed_s = _NEVER
        self._lock = threading.Lock()

    @property
    def trouble(self) -> str | None:
        """The reason why only the events on this disk are known; None while Redis answers."""
        return self._news.trouble

    def page(
        self, wanted: EventFilter = EVERY_EVENT, before: str | None = None, count: int = 50
    ) -> list[EventRow]:
        """Return the *count* newest events that *wanted* accepts, before the event *before*.

        Their labels and decisions are those that Redis has now.
        """
        found: list[EventRow] = []
        with self._lock:
            self._refresh()
            matching = self._matching(wanted, before)
            while batch := list(islice(matching, count - len(found))):
                found += [row for row in self._news.newest(batch) if wanted.accepts(row)]
        return found

    def read_ahead(self) -> None:
        """Read all events, so that no page waits for that; it rests between two days, so that no
        page and no other program waits long for this either.
        """
        with self._lock:
            self._refresh()
            days = self._day_names("~")
        took_s = 0.0
        while not STOPPING.wait(_REST * took_s):
            began_s = self._clock.monotonic()
            with self._lock:
                day = next(days, None)
                if day is None:
                    return
                self._rows(day)
            took_s = self._clock.monotonic() - began_s

    def row(self, event: str) -> EventRow | None:
        """Return the row of *event*; None when it is not known. May raise a `ProtocolError`."""
        new_row(event)
        with self._lock:
            found = self._found(event)
            if found is None:
                # It may have begun since the last refresh.
                self._refreshed_s = _NEVER
                found = self._found(event)
            return self._news.newest([found])[0] if found else None

    def count(self, wanted: EventFilter = EVERY_EVENT) -> int:
        """Return how many events *wanted* accepts."""
        with self._lock:
            self._refresh()
            return sum(1 for _ in self._matching(wanted, None))

    def of_day(self, day: date, wanted: EventFilter = EVERY_EVENT) -> list[EventRow]:
        """Return the events of *day* that *wanted* accepts, the newest first, from memory."""
        with self._lock:
            return list(self._matching(replace(wanted, day=day), None))

    def known(self) -> Occurring:
        """Return what occurs among the events that were read so far."""
        with self._lock:
            rows = [row for day in self._days.values() for row in day.rows]
        return Occurring(
            sorted({row.camera for row in rows}),
            sorted({row.seen for row in rows if row.seen}),
            {row.decision for row in rows if row.decision},
            any(row.asked for row in rows),
        )

    def tally(
        self, kind: Callable[[EventRow], Kind], wanted: EventFilter = EVERY_EVENT
    ) -> dict[Kind, int]:
        """Return how many of the events that *wanted* accepts are of each *kind*."""
        counts: dict[Kind, int] = {}
        with self._lock:
            self._refresh()
            for row in self._matching(wanted, None):
                counts[kind(row)] = counts.get(kind(row), 0) + 1
        return counts

    def after(self, event: str) -> EventRow | None:
        """Return the next newer event than *event*; None for the newest."""
        day = day_of(event)
        with self._lock:
            self._refresh()
            self._news.read_back_to(day)
            for name in sorted({*self._disk.names, *self._news.days()}):
                if name < day:
                    continue
                for row in reversed(self._rows(name)):
                    if row.id > event:
                        return row
        return None

    def _found(self, event: str) -> EventRow | None:
        self._refresh()
        day = day_of(event)
        self._news.read_back_to(day)
        return next((row for row in self._rows(day) if row.id == event), None)

    def _refresh(self) -> None:
        now_s = self._clock.monotonic()
        if now_s - self._refreshed_s < _EVERY_S:
            return
        self._refreshed_s = now_s
        self._checked.clear()
        self._disk.look()
        for day in self._news.refresh():
            self._days.pop(day, None)

    def _matching(self, wanted: EventFilter, before: str | None) -> Iterator[EventRow]:
        since_s, until_s = _span_s(wanted.day)
        first = before or "~"
        for day in self._day_names(min(day_of(first) if before else "~", _utc_day(until_s))):
            for row in self._rows(day):
                if row.started_s < since_s:
                    return
                if row.id < first and row.started_s < until_s and wanted.accepts(row):
                    yield row

    def _day_names(self, latest: str) -> Iterator[str]:
        """Yield the days with events up to *latest*, the newest first."""
        here = [day for day in self._disk.names if day <= latest]
        last = "~"
        while True:
            next_here = next((day for day in here if day < last), None)
            self._news.read_back_to(next_here)
            days = [day for day in self._news.days() if day < last and day <= latest]
            days += [next_here] if next_here else []
            if not days:
                return
            last = max(days)
            yield last

    def _rows(self, day: str) -> list[EventRow]:
        known = self._days.get(day)
        if known and day in self._checked:
            return known.rows
        self._checked.add(day)
        here = self._disk.day(day)
        elsewhere = self._news.rows(day, here)
        if not known or known.here is not here or known.elsewhere != elsewhere:
            rows = [self._news.tagged(row) for row in (*here.values(), *elsewhere.values())]
            rows.sort(key=lambda row: row.id, reverse=True)
            known = _Day(here, elsewhere, rows)
            if rows:
                self._days[day] = known
            else:
                self._days.pop(day, None)
        return known.rows


def _span_s(day: date | None) -> tuple[float, float]:
    """Return the beginning and the end of *day* in the house's time zone; None is all of time."""
    if day is None:
        return float("-inf"), float("inf")
    start, end = (datetime.combine(day + timedelta(days=days), time()) for days in (0, 1))
    return start.timestamp(), end.timestamp()


def _utc_day(at_s: float) -> str:
    if at_s == float("inf"):
        return "~"
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d}"
