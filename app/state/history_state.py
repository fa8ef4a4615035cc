"""The past: the entries of both streams, and many events at once."""

from collections.abc import Sequence
from typing import Any, cast

from pydantic_core import from_json

from app import protocol
from app.errors import ProtocolError
from app.protocol import EVENT_FIELDS, AnyRecord, Fact, Request
from app.state import scripts
from app.state.base_state import BaseState
from app.state.connection import TIMEOUT_S, talking
from app.state.views import KnownEvent, News, PastEvents, word_of

_Entries = list[tuple[bytes, dict[bytes, bytes]]]


class HistoryState(BaseState):
    """The part of the state about what happened before; reading it changes nothing."""

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        super().__init__(url, timeout_s)
        self._past = self._redis.register_script(scripts.PAST_EVENTS)

    def news(self, fact: str | None, request: str | None, most: int) -> News:
        """Return the facts and requests that came after these entries, at most *most* of each.

        None returns the newest fact, and the newest requests. Takes one round trip.
        """
        with talking(), self._redis.pipeline(transaction=False) as pipe:
            for stream, after, newest in (("events", fact, 1), ("requests", request, most)):
                if after is None:
                    pipe.xrevrange(stream, count=newest)
                else:
                    pipe.xrange(stream, min=f"({after}", count=most)
            facts, requests = pipe.execute(raise_on_error=False)
        if fact is None:
            facts = _reversed(facts)
        if request is None:
            requests = _reversed(requests)
        return News(
            self._records("events", Fact, facts),
            self._records("requests", Request, requests),
            _last(facts, fact),
            _last(requests, request),
            is_all=max(len(_entries(facts)), len(_entries(requests))) < most,
        )

    def past_events(self, before: str, most: int) -> PastEvents:
        """Return the events of at most *most* facts before the entry *before* of the stream."""
        with talking():
            found = cast(bytes, self._past(keys=["events"], args=[before, most]))
        pairs, oldest = from_json(found.decode(errors="replace"))
        # The script writes {} for an empty list.
        return PastEvents([(event, host or None) for event, host in pairs or ()], oldest or None)

    def known_events(self, events: Sequence[str]) -> dict[str, KnownEvent]:
        """Return the record of each of *events* that Redis knows, in one round trip."""
        if not events:
            return {}
        with talking(), self._redis.pipeline(transaction=False) as pipe:
            for event in events:
                pipe.hgetall(protocol.event_key(event))
                pipe.exists(protocol.snapshot_key(event))
            answers = pipe.execute(raise_on_error=False)
        found = {}
        for event, fields, has_snapshot in zip(events, answers[::2], answers[1::2], strict=True):
            if one := self._known_event(event, fields, has_snapshot == 1):
                found[event] = one
        return found

    def _known_event(self, event: str, raw: object, has_snapshot: bool) -> KnownEvent | None:
        _check(raw)
        if not isinstance(raw, dict) or not raw:
            return None
        words = {
            word_of(name): word_of(value) for name, value in cast(dict[bytes, bytes], raw).items()
        }
        try:
            record = protocol.decode_event(words)
            if record.camera != protocol.event_camera(event):
                raise ProtocolError(f"it is of camera {record.camera!r}")
        except ProtocolError as error:
            self._foreign.ignored(protocol.event_key(event), error)
            return None
        marks = {name: value for name, value in words.items() if name not in EVENT_FIELDS}
        return KnownEvent(record, marks, has_snapshot)

    def _records(self, stream: str, kind: type[AnyRecord], entries: object) -> list[AnyRecord]:
        name = kind.__name__.lower().encode()
        decoded = (
            self._foreign.decoded(f"{entry.decode()} of {stream}", kind, stored[name])
            for entry, stored in _entries(entries)
            if name in stored
        )
        return [one for one in decoded if one]


def _entries(answer: object) -> _Entries:
    """Return the entries in *answer*; none when the key is no stream."""
    _check(answer)
    return cast(_Entries, answer) if isinstance(answer, list) else []


def _check(answer: object) -> None:
    """Raise the error that is an *answer*, unless it says that a key has a foreign type."""
    if isinstance(answer, Exception) and "WRONGTYPE" not in str(answer):
        with talking():
            raise answer


def _reversed(answer: object) -> _Entries:
    return _entries(answer)[::-1]


def _last(answer: Any, known: str | None) -> str | None:
    entries = _entries(answer)
    return entries[-1][0].decode() if entries else known
