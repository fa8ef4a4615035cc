"""The events: their records, pictures and tags, and the marks of deliveries."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from app import protocol
from app.errors import ProtocolError
from app.protocol import EventRecord, Fact, Request
from app.state import scripts
from app.state.base_state import BaseState
from app.state.connection import TIMEOUT_S, talking
from app.state.views import Tag, tag_of, text_of


class EventState(BaseState):
    """The part of the state about events and what is delivered."""

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        super().__init__(url, timeout_s)
        self._tag = self._redis.register_script(scripts.TAG)

    def event(self, event: str) -> EventRecord | None:
        """Return the record of *event*, None when it is not known or damaged."""
        return self.event_in(event, self.event_fields(event))

    def event_in(self, event: str, stored: dict[str, str]) -> EventRecord | None:
        """Return the record of *event*, whose hash is *stored*; None as for `event`."""
        if not stored:
            return None
        try:
            return protocol.decode_event(stored)
        except ProtocolError as error:
            self._foreign.ignored(protocol.event_key(event), error)
            return None

    def event_fields(self, event: str) -> dict[str, str]:
        """Return the hash of *event*, delivery marks included."""
        return self._hash(protocol.event_key(event))

    def mark_event(self, event: str, marks: Mapping[str, str]) -> None:
        """Write *marks* on *event*'s hash."""
        self._add_to_hash(protocol.event_key(event), marks, protocol.EVENT_LIFE_S)

    def snapshot(self, event: str) -> bytes | None:
        """Return the JPEG of *event*, None when there is none any more."""
        return self._bytes(protocol.snapshot_key(event))

    def pictured_events(self, camera: str) -> list[str]:
        """Return the events of *camera* whose pictures are in Redis, the oldest first."""
        pattern = protocol.snapshot_key(f"*Z-{camera}")
        with talking():
            found = [key.decode() for key in self._redis.scan_iter(match=pattern, count=1000)]
        return sorted({key.split(":")[1] for key in found})

    def forget_picture(self, event: str) -> None:
        """Remove the picture of *event* from Redis."""
        with talking():
            self._redis.delete(protocol.snapshot_key(event))

    def events_without_picture(self, events: Iterable[str]) -> list[str]:
        """Return those of *events* that Redis knows, but without their pictures."""
        names = list(events)
        with talking(), self._redis.pipeline(transaction=False) as pipe:
            for event in names:
                pipe.exists(protocol.event_key(event))
                pipe.exists(protocol.snapshot_key(event))
            found = cast(list[int], pipe.execute())
        known = zip(names, found[::2], found[1::2], strict=True)
        return [event for event, has_record, has_picture in known if has_record > has_picture]

    def tag(self, request: Request) -> Tag | None:
        """Put the label of *request* on its event, and *request* on the stream.

        Nothing changes when the event has that label already. Returns the tag that the event had
        before; None when the event is no longer known.
        """
        if request.event is None:
            raise ProtocolError("a tag is about an event")
        words = (
            request.label or "",
            request.by,
            request.at.isoformat(),
            protocol.encode(request),
        )
        keys = [protocol.event_key(request.event), "requests"]
        found = self._write(keys, lambda: cast(Any, self._tag(keys=keys, args=words)))
        if found is None:
            return None
        self._trim_sometimes("requests", *found[3:])
        return tag_of(*map(text_of, found[:3]))

    def delivery_marks(self, delivered: Fact | str) -> dict[str, str]:
        """Return the marks of *delivered*: a fact, or the id of a digest, reply or program.

        A fact that opens an event has its marks on the event's hash; everything else has its own
        hash.
        """
        return self._hash(_marks_key(delivered))

    def all_delivery_marks(self, delivered: Sequence[Fact | str]) -> list[dict[str, str]]:
        """Return the marks of each of *delivered*, as `delivery_marks` does, in one round trip."""
        keys = [_marks_key(one) for one in delivered]
        if len(keys) == 1:
            return [self._hash(keys[0])]
        with talking(), self._redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.hgetall(key)
            found = pipe.execute(raise_on_error=False)
        # A foreign value is reported by the call for it alone.
        return [
            self._hash(key) if isinstance(raw, Exception) else self._readable(key, raw)
            for key, raw in zip(keys, found, strict=True)
        ]

    def mark_delivery(self, delivered: Fact | str, marks: Mapping[str, str]) -> None:
        """Write *marks* of *delivered*, as `delivery_marks` returns them."""
        self.mark_deliveries([(delivered, marks)])

    def mark_deliveries(self, deliveries: Sequence[tuple[Fact | str, Mapping[str, str]]]) -> None:
        """Write the marks of each of *deliveries*, all or none, in one round trip."""
        hashes = [(_marks_key(one), marks, _marks_life_s(one)) for one, marks in deliveries]
        self._add_to_hashes(hashes)


def _marks_key(delivered: Fact | str) -> str:
    if isinstance(delivered, str):
        return protocol.delivery_key(delivered)
    event = protocol.opened_event(delivered)
    return protocol.event_key(event) if event else protocol.delivery_key(delivered.id)


def _marks_life_s(delivered: Fact | str) -> int:
    opens_event = isinstance(delivered, Fact) and protocol.opened_event(delivered)
    return protocol.EVENT_LIFE_S if opens_event else protocol.DELIVERY_LIFE_S
