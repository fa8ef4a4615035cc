"""The past: the entries of both streams, and many events at once."""

from collections.abc import Sequence
from typing import Any, cast

from app import protocol
from app.errors import ProtocolError
from app.protocol import EVENT_FIELDS, AnyRecord, Fact, Request
from app.state.base_state import BaseState
from app.state.connection import talking
from app.state.views import KnownEvent, News, word_of

_Entries = list[tuple[bytes, dict[bytes, bytes]]]


class HistoryState(BaseState):
    """The part of the state about what happened before; reading it changes nothing."""

    def news(self, fact: str | None, request: str | None, most: int) -> News:
        """Return the facts and requests that came after these entries, at most *most* of each.

        None returns the newest ones. Takes one round trip.
        """
        with talking(), self._redis.pipeline(transaction=False) as pipe:
            for stream, after in (("events", fact), ("requests", request)):
                if after is None:
                    pipe.xrevrange(stream, count=most)
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
            _first(facts),
            is_all=max(len(_entries(facts)), len(_entries(requests))) < most,
        )

    def older_facts(self, before: str, most: int) -> tuple[list[Fact], str | None]:
        """Return at most *most* facts before the entry *before*, and the oldest of these entries.

        The entry is None when there are no older ones.
        """
        with talking(), self._redis.pipeline(transaction=False) as pipe:
            pipe.xrevrange("events", max=f"({before}", count=most)
            (entries,) = pipe.execute(raise_on_error=False)
        entries = _reversed(entries)
        return self._records("events", Fact, entries), _first(entries)

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


def _first(answer: Any) -> str | None:
    entries = _entries(answer)
    return entries[0][0].decode() if entries else None


def _last(answer: Any, known: str | None) -> str | None:
    entries = _entries(answer)
    return entries[-1][0].decode() if entries else known
