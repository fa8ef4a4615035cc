"""The events that Redis knows, of every machine, and the newest tags."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from sys import intern

from app.errors import ProtocolError, StateUnavailable
from app.protocol import EVENT_ID, Label, Request
from app.state import KnownEvent, State
from app.web.dashboard.events.row import EventRow, day_of, delivery_in, new_row

_log = logging.getLogger(__name__)

#: Entries of a stream that are read at once.
_BATCH = 1000
#: The time for which a Redis that is away is not asked again.
_REST_S = 3.0
#: The tags that are remembered.
_MOST_TAGS = 20_000


class EventNews:
    """The events in the Redis of *state*. One thread at a time may use it.

    While Redis is away, *trouble* says why, and nothing is new.
    """

    def __init__(self, state: State, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.trouble: str | None = None
        self._state = state
        self._monotonic = monotonic
        self._rest_until_s = float("-inf")
        self._last_fact: str | None = None
        self._last_request: str | None = None
        self._first_fact: str | None = None
        self._hosts: dict[str, str] = {}
        self._days: dict[str, set[str]] = defaultdict(set)
        self._stale: dict[str, set[str]] = defaultdict(set)
        self._rows: dict[str, dict[str, EventRow]] = defaultdict(dict)
        self._tags: dict[str, tuple[Label | None, str | None]] = {}

    def refresh(self) -> set[str]:
        """Read what is new, and return the days of which something has changed."""
        changed: set[str] = set()
        is_all = False
        while not is_all and self._is_asked():
            try:
                news = self._state.news(self._last_fact, self._last_request, _BATCH)
            except StateUnavailable as error:
                self._rest(error)
                break
            self.trouble = None
            is_all = news.is_all or self._last_fact is None
            if self._last_fact is None:
                self._first_fact = news.last_fact
            # An empty stream has no entry after which to read on.
            self._last_fact = news.last_fact or "0-0"
            self._last_request = news.last_request or "0-0"
            changed.update(*(self._learn(fact.event, fact.host) for fact in news.facts))
            changed.update(*(self._tag(request) for request in news.requests))
        return changed

    def read_back_to(self, day: str | None) -> None:
        """Read older facts, until those of *day* are read too; None reads all."""
        while self._first_fact and self._is_asked():
            if day and _day_of_entry(self._first_fact) < day:
                return
            try:
                past = self._state.past_events(self._first_fact, _BATCH)
            except StateUnavailable as error:
                self._rest(error)
                return
            self._first_fact = past.oldest
            for event, host in past.events:
                self._learn(event, host)

    def days(self) -> list[str]:
        """Return the days in UTC of the events that are known so far."""
        return list(self._days)

    def rows(self, day: str, here: Collection[str]) -> dict[str, EventRow]:
        """Return the rows of the events of *day* that are not on this disk, where *here* are."""
        wanted = sorted(self._stale.get(day, set()) - set(here))
        if wanted and self._is_asked():
            try:
                known = self._state.known_events(wanted)
            except StateUnavailable as error:
                self._rest(error)
                return self._rows[day]
            self._stale[day].difference_update(wanted)
            for event, one in known.items():
                with suppress(ProtocolError):  # of a day that does not exist
                    self._rows[day][event] = _row_of(new_row(event), one)
        return {
            event: replace(row, host=self._hosts.get(event))
            for event, row in self._rows[day].items()
            if event not in here
        }

    def tagged(self, row: EventRow) -> EventRow:
        """Return *row* with the label of the newest tag, if one was read."""
        return row.tagged(*self._tags[row.id]) if row.id in self._tags else row

    def newest(self, rows: list[EventRow]) -> list[EventRow]:
        """Return *rows* with the records that Redis has now, in one round trip."""
        if not rows or not self._is_asked():
            return rows
        try:
            known = self._state.known_events([row.id for row in rows])
        except StateUnavailable as error:
            self._rest(error)
            return rows
        found = []
        for row in rows:
            if one := known.get(row.id):
                self._remember(row.id, one.record.label, one.record.label_by)
                found.append(_row_of(row, one))
            else:
                found.append(row)
        return found

    def _learn(self, event: str | None, host: str | None) -> set[str]:
        """Note the *event* of a fact, and the *host* of its clip; returns its day."""
        if not event or not EVENT_ID.fullmatch(event):
            return set()
        day = day_of(event)
        self._days[day].add(event)
        self._stale[day].add(event)
        if host:
            self._hosts[event] = intern(host)
        return {day}

    def _tag(self, request: Request) -> set[str]:
        if request.kind != "tag" or not request.event or not EVENT_ID.fullmatch(request.event):
            return set()
        self._remember(request.event, request.label, request.by)
        return {day_of(request.event)}

    def _remember(self, event: str, label: Label | None, by: str | None) -> None:
        self._tags.pop(event, None)
        self._tags[event] = (label, by)
        if len(self._tags) > _MOST_TAGS:
            del self._tags[next(iter(self._tags))]

    def _is_asked(self) -> bool:
        return self._monotonic() >= self._rest_until_s

    def _rest(self, error: StateUnavailable) -> None:
        if self.trouble is None:
            _log.warning("the timeline shows only what is on the disk: %s", error)
        self.trouble = str(error)
        self._rest_until_s = self._monotonic() + _REST_S


def _row_of(row: EventRow, known: KnownEvent) -> EventRow:
    """Return *row* with what Redis knows of its event."""
    has_snapshot = row.has_snapshot if row.is_here else known.has_snapshot
    delivery = delivery_in(known.marks)
    return replace(row.of_record(known.record), has_snapshot=has_snapshot, delivery=delivery)


def _day_of_entry(entry: str) -> str:
    at = datetime.fromtimestamp(int(entry.partition("-")[0]) / 1000, UTC)
    return f"{at:%Y-%m-%d}"
