"""The base of every part of the state: the connection, plain values, hashes and the two streams.

A foreign or damaged value counts as missing when it is read, and is logged once. When it is in the
way of a write, it is set aside. So `ProtocolError` is only about the record that is to be written.

Every call may raise `StateUnavailable`, at once when the server is gone and after `TIMEOUT_S` when
it hangs. No command is sent twice by itself: a lost answer to XADD must not become two entries.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from app import protocol
from app.clock import Clock, SystemClock
from app.errors import ProtocolError, StateUnavailable
from app.protocol import AnyRecord, EventRecord, Fact, Record, Request
from app.protocol.deliveries import is_readable
from app.state import scripts
from app.state.changes import Changes
from app.state.connection import TIMEOUT_S, connect, talking
from app.state.foreign import Answer, Foreign, report_of, report_of_dropped
from app.state.inbox import Inbox
from app.state.streams import Reader
from app.state.views import text_of, word_of

_log = logging.getLogger(__name__)

#: The length of each stream from which on it is trimmed, and the size that it may have.
_LIMITS = {
    "events": (protocol.EVENTS_KEPT, protocol.EVENTS_BYTES),
    "requests": (protocol.REQUESTS_KEPT, protocol.REQUESTS_BYTES),
}
#: A stream is trimmed once in so many entries; Redis frees as many at once.
_TRIM_EVERY = 100


class BaseState:
    """The values and streams at *url*: `redis://host:port/db`, `rediss://…` or `unix:///path`."""

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        self._url = url
        self._timeout_s = timeout_s
        #: The clock of the reports once a day.
        self.clock: Clock = SystemClock()
        self._redis = connect(url, timeout_s)
        self._foreign = Foreign(self._redis)
        self._publish_once = self._redis.register_script(scripts.PUBLISH_ONCE)
        self._restore_picture = self._redis.register_script(scripts.RESTORE_PICTURE)
        self._trim = self._redis.register_script(scripts.TRIM)

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def ping(self) -> None:
        """Raise `StateUnavailable` unless the server answers."""
        with talking():
            self._redis.ping()

    def get(self, key: str, kind: type[AnyRecord]) -> AnyRecord | None:
        """Return the record under *key*; None when there is no *kind*."""
        return self._foreign.decoded(key, kind, self._bytes(key))

    def put(self, key: str, record: Record, life_s: int | None = None) -> None:
        """Store *record* under *key*, for *life_s* seconds or without limit."""
        with talking():
            self._redis.set(key, protocol.encode(record), ex=life_s)

    def read_strings(self, *names: str) -> list[str | None]:
        """Return the plain strings under *names*; None where one is missing or has another type."""
        with talking():
            return [text_of(raw) for raw in cast(list[bytes | None], self._redis.mget(names))]

    def claim_once(self, key: str, life_s: int) -> bool:
        """Return whether this is the first claim to *key* in *life_s* seconds."""
        with talking():
            return bool(self._redis.set(key, "1", nx=True, ex=life_s))

    def publish(
        self, fact: Fact, record: EventRecord | None = None, snapshot: bytes | None = None
    ) -> None:
        """Put *fact* on the stream, and store *record* and *snapshot* of its event.

        A fact that was published before changes nothing.
        """
        event = fact.event or ""
        known = protocol.encode_event(record) if event and record else {}
        keys = [protocol.published_key(fact.id), "events", *_picture_keys(event)]
        words: list[str | int | bytes] = [
            protocol.PUBLISHED_LIFE_S,
            protocol.encode(fact),
            protocol.EVENT_LIFE_S,
            protocol.SNAPSHOT_LIFE_S,
            snapshot or b"",
            protocol.SNAPSHOT_BYTES,
            *(word for field in known.items() for word in field),
        ]
        length = self._write(keys, lambda: cast(int, self._publish_once(keys=keys, args=words)))
        self._trim_sometimes("events", length)

    def changes(self, *prefixes: str) -> Changes:
        """Return the changes of the keys that begin with one of *prefixes*."""
        return Changes(self._redis, prefixes)

    def restore_picture(self, event: str, picture: bytes) -> None:
        """Store the *picture* of *event* again, unless Redis has it, or does not know the event."""
        keys = ["", "events", *_picture_keys(event)]
        words: list[str | int | bytes] = ["", "", "", protocol.SNAPSHOT_LIFE_S, picture]
        words.append(protocol.SNAPSHOT_BYTES)
        self._write(keys[2:], lambda: self._restore_picture(keys=keys, args=words))

    def add_request(self, request: Request) -> None:
        """Put *request* on the stream."""
        self._announce(request, lambda _: None)

    def facts(self, group: str, reader: str) -> "Reader[Fact]":
        """Return the stream of facts for *reader* of *group*."""
        return Reader(self._redis, "events", Fact, group=group, reader=reader, write=self._write)

    def requests(self, group: str, reader: str) -> "Reader[Request]":
        """Return the stream of requests for *reader* of *group*."""
        return Reader(
            self._redis, "requests", Request, group=group, reader=reader, write=self._write
        )

    def inbox(self, group: str, reader: str, wait_s: float) -> Inbox:
        """Return both streams for *reader* of *group*, who waits up to *wait_s* for new entries."""
        return Inbox(
            self._url, group, reader, wait_s=wait_s, timeout_s=self._timeout_s, write=self._write
        )

    def _announce(self, request: Request | None, change: Callable[[Any], object]) -> None:
        """Make *change*, and put *request* on the stream, in one step."""

        def write() -> int:
            with self._redis.pipeline() as pipe:
                change(pipe)
                if request:
                    pipe.xadd("requests", {"request": protocol.encode(request)})
                pipe.xlen("requests")
                return cast(int, pipe.execute()[-1])

        self._trim_sometimes("requests", self._write(["requests"], write))

    def _bytes(self, key: str) -> bytes | None:
        return self._foreign.read(key, lambda: cast(bytes | None, self._redis.get(key)))

    def _fields(self, key: str) -> dict[bytes, bytes]:
        found = self._foreign.read(key, lambda: self._redis.hgetall(key))
        return cast(dict[bytes, bytes], found or {})

    def _hash(self, key: str) -> dict[str, str]:
        """Return the fields of *key* with their values, without marks that cannot be read."""
        return self._readable(key, self._fields(key))

    def _readable(self, key: str, raw: Mapping[bytes, bytes]) -> dict[str, str]:
        """Return *raw*, the hash *key*, as words, without marks that cannot be read."""
        words = {word_of(name): word_of(value) for name, value in raw.items()}
        for name in [name for name, value in words.items() if not is_readable(name, value)]:
            self._foreign.ignored(f"{name} of {key}", f"{words.pop(name)[:40]!r} is no such mark")
        return words

    def _add_to_hash(self, key: str, values: Mapping[str, str | bytes], life_s: int) -> None:
        self._add_to_hashes([(key, values, life_s)])

    def _add_to_hashes(self, hashes: Sequence[tuple[str, Mapping[str, str | bytes], int]]) -> None:
        """Add values to *hashes*, each with its key and its life in seconds; all or none."""

        def send() -> None:
            with self._redis.pipeline() as pipe:
                for key, values, life_s in hashes:
                    pipe.hset(key, mapping=cast(Any, dict(values)))
                    pipe.expire(key, life_s)
                pipe.execute()

        self._write([key for key, _, _ in hashes], send)

    def _write(self, keys: Iterable[str], write: Callable[[], Answer]) -> Answer:
        """Return the answer of *write*; foreign values under *keys* are set aside, and reported."""
        answer, moved = self._foreign.write(keys, write)
        for key in moved:
            self.publish(report_of(key, self.clock.now()))
        return answer

    def _trim_sometimes(self, stream: str, length: int = 0) -> None:
        """Trim *stream* if its *length* says that it is time; report what is lost to the owner.

        A failure is no failure of what was written before.
        """
        kept, most_bytes = _LIMITS[stream]
        if length <= kept or length % _TRIM_EVERY:
            return
        keys = [stream, "dropped"]
        limits = [kept, most_bytes, protocol.DROPPED_LIFE_S]
        try:
            dropped = self._write(keys, lambda: cast(int, self._trim(keys=keys, args=limits)))
            if dropped:
                _log.error("%d entries of %s were dropped: nobody reads them", dropped, stream)
                self.publish(report_of_dropped(self.clock.now()))
        except (StateUnavailable, ProtocolError) as error:
            _log.warning("the stream %s is not trimmed: %s", stream, error)


def _picture_keys(event: str) -> list[str]:
    """Return the keys of *event*, of its picture, and of the list and the size of all pictures."""
    names = protocol.event_key(event), protocol.snapshot_key(event)
    return [*names, "snapshots", "snapshot_bytes"]
