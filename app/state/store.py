"""What the programs share, in Redis. This is the only module that speaks to it.

Every call may raise `StateUnavailable`, at once when the server is gone and after `TIMEOUT_S` when
it hangs. Nothing is sent twice by itself: a lost answer to XADD must not become two entries.
"""

import json
import logging
import math
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, cast
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app import protocol
from app.errors import ProtocolError, StateUnavailable
from app.protocol import AnyRecord, ArmedBy, EventRecord, Fact, Heartbeat, Label, Record, Request
from app.state import scripts

TIMEOUT_S = 5.0
#: How long a fact may lie with a reader that has died before another takes it over.
TAKE_OVER_AFTER_MS = 60_000
#: How many entries of a stream are read at once.
_BATCH = 100

_log = logging.getLogger(__name__)

#: What somebody has to mend, or time does, at the server; any other refusal is a mistake of ours.
_REFUSALS = (
    "MISCONF",
    "LOADING",
    "BUSY",
    "MASTERDOWN",
    "UNBLOCKED",
    "TRYAGAIN",
    "CLUSTERDOWN",
    "READONLY",
    "OOM",
    "NOREPLICAS",
)
_AWAY = (
    redis.ConnectionError,
    redis.TimeoutError,
    redis.exceptions.ReadOnlyError,
    redis.exceptions.OutOfMemoryError,
    redis.exceptions.NoPermissionError,
)

# Until when this thread waits for Redis, by the monotonic clock.
_wait_until_s: ContextVar[float] = ContextVar("wait_until_s", default=math.inf)
_LEAST_WAIT_S = 0.01


class _Punctual(redis.connection.AbstractConnection):
    """A connection of which every step, the greeting's too, ends when `within` says."""

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        self._hurry()
        super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]

    def read_response(self, *args: Any, **kwargs: Any) -> Any:
        self._hurry()
        return super().read_response(*args, **kwargs)

    def _hurry(self) -> None:
        line = cast(socket.socket | None, self._sock)
        if line and self.socket_timeout:
            left_s = _wait_until_s.get() - time.monotonic()
            line.settimeout(max(min(left_s, self.socket_timeout), _LEAST_WAIT_S))


class _Tcp(_Punctual, redis.Connection):
    pass


class _Tls(_Punctual, redis.SSLConnection):
    pass


class _Unix(_Punctual, redis.UnixDomainSocketConnection):
    pass


_CONNECTIONS = {"redis": _Tcp, "rediss": _Tls, "unix": _Unix}


@dataclass(frozen=True, slots=True)
class Latest:
    """A camera's newest picture."""

    jpeg: bytes
    taken_at: datetime


@dataclass(frozen=True, slots=True)
class CameraWishes:
    """What Redis says is wanted of a camera, unchecked. *newest* is the last request in *asked*;
    None in it was no request.
    """

    camera_status: str | None
    target: str | None
    watched: bool
    asked: tuple[Request | None, ...]
    newest: str


@dataclass(frozen=True, slots=True)
class Tag:
    """The label that an event had, who gave it, and when; all None when it had none."""

    label: Label | None = None
    by: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Survey:
    """How things stand: plain strings by name, and what is decoded only when it is asked for:
    pulses, and the newest events.

    Nothing is known, and *first* is False, when the claim that was made with it had been made
    before.
    """

    first: bool
    strings: dict[str, str | None] = field(default_factory=dict)
    _beats: Mapping[str, str] = field(default_factory=dict)
    _events: Sequence[tuple[str, dict[str, str]]] = ()

    def heartbeats(self) -> dict[str, Heartbeat]:
        """Every pulse, by its key; what is no heartbeat is logged and left out."""
        return _heartbeats(self._beats)

    def events(self) -> dict[str, EventRecord]:
        """The newest events by their ids, the newest first; what is no event, or not known any
        more, is left out.
        """
        found = {}
        for event, stored in self._events:
            try:
                found[event] = protocol.decode_event(stored)
            except ProtocolError as error:
                _log.warning("%s: %s", protocol.event_key(event), error)
        return found


class State:
    """The shared state at *url*: `redis://host:port/db`, `rediss://…` or `unix:///path`."""

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        self._redis: redis.Redis = redis.Redis.from_url(
            url,
            socket_connect_timeout=min(timeout_s, 2.0),
            socket_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
            connection_class=_CONNECTIONS[urlsplit(url).scheme],
        )
        self._publish_once = self._redis.register_script(scripts.PUBLISH_ONCE)
        self._keep = self._redis.register_script(scripts.KEEP)
        self._tag = self._redis.register_script(scripts.TAG)
        self._survey = self._redis.register_script(scripts.SURVEY)

    def close(self) -> None:
        """Let go of the connections."""
        self._redis.close()

    def ping(self) -> None:
        """Raise `StateUnavailable` unless the server answers."""
        with _talking():
            self._redis.ping()

    def server_facts(self) -> dict[str, Any]:
        """What the server says of itself (Redis's INFO); `ProtocolError` when it does not tell this
        user.
        """
        with _talking(), _asking_for_leave():
            return self._redis.info()

    def set_server(self, name: str, value: str) -> None:
        """Change one of the server's own settings, until its next start; `ProtocolError` when it
        lets nobody do that.
        """
        with _talking(), _asking_for_leave():
            self._redis.config_set(name, value)

    def set_server_and_note(self, settings: Mapping[str, str], told: str) -> None:
        """Do as `set_server` does with all *settings*, then as `mark_delivery`, in one message, so
        that no end of ours comes between.
        """
        with _talking(), _asking_for_leave(), self._redis.pipeline(transaction=False) as pipe:
            for name, value in settings.items():
                pipe.config_set(name, value)
            pipe.hset(_delivery_key(told), mapping=cast(Any, dict(settings)))
            pipe.expire(_delivery_key(told), protocol.DELIVERY_LIFE_S)
            pipe.execute()

    def read_strings(self, *names: str) -> list[str | None]:
        """The plain strings under *names*, None where there is none or it is of another type."""
        with _talking():
            return [_text(raw) for raw in cast(list[bytes | None], self._redis.mget(names))]

    def set_switch(self, name: str, value: bool, changed: ArmedBy | None = None) -> None:
        """Set one of the house's switches, and with *changed* say who did it."""
        self.set_switches({name: value}, changed)

    def set_switches(self, values: Mapping[str, bool], changed: ArmedBy | None = None) -> None:
        """Set several of the house's switches at once, and with *changed* say who did it."""
        words = _switch_words(values, changed)
        with _talking():
            self._redis.mset(words)

    def snooze(self, until: datetime, life_s: int) -> None:
        """Hold alerts back until *until*, which Redis forgets after *life_s* seconds."""
        with _talking():
            self._redis.set("snoozed_until", until.isoformat(), ex=life_s)

    def end_snooze(self) -> None:
        """Hold alerts back no longer."""
        with _talking():
            self._redis.delete("snoozed_until")

    def first_time(self, key: str, life_s: int) -> bool:
        """Whether nobody has asked this of *key* in the last *life_s* seconds."""
        with _talking():
            return bool(self._redis.set(key, "1", nx=True, ex=life_s))

    def tag(self, request: Request) -> Tag | None:
        """Put the label of *request* on its event and *request* on the stream, unless the event has
        that label already.

        Returns what the event was tagged before; None when the event is not known any more.
        """
        if request.event is None:
            raise ProtocolError("a tag is about an event")
        words = (
            request.label or "",
            request.by,
            request.at.isoformat(),
            protocol.REQUESTS_KEPT,
            protocol.encode(request),
        )
        with _talking():
            found = cast(
                Any, self._tag(keys=[protocol.event_key(request.event), "requests"], args=words)
            )
        return None if found is None else _tag_of(*map(_text, found))

    def initialise_switches(self) -> None:
        """Give every switch that nobody has set yet its first value."""
        with _talking(), self._redis.pipeline() as pipe:
            for name, value in protocol.SWITCHES.items():
                pipe.set(name, str(value), nx=True)
            pipe.execute()

    def get(self, key: str, kind: type[AnyRecord]) -> AnyRecord | None:
        """The record under *key*, None when there is none; `ProtocolError` when it is not a
        *kind*.
        """
        with _talking():
            raw = cast(bytes | None, self._redis.get(key))
        return None if raw is None else protocol.decode(kind, raw)

    def put(self, key: str, record: Record, life_s: int | None = None) -> None:
        """Store *record* under *key*, for *life_s* seconds or for ever."""
        with _talking():
            self._redis.set(key, protocol.encode(record), ex=life_s)

    def beat(self, key: str, heartbeat: Heartbeat) -> None:
        """Show that a program lives."""
        with _talking(), self._redis.pipeline(transaction=False) as pipe:
            pipe.set(key, protocol.encode(heartbeat), ex=protocol.HEARTBEAT_LIFE_S)
            pipe.sadd("heartbeats", key)
            pipe.execute()

    def heartbeats(self) -> dict[str, Heartbeat]:
        """Every pulse there is, by its key; what is no heartbeat is logged and left out."""
        with _talking():
            keys = sorted(
                key.decode() for key in cast(set[bytes], self._redis.smembers("heartbeats"))
            )
            raws = cast(list[bytes | None], self._redis.mget(keys)) if keys else []
        return _heartbeats(
            {key: raw for key, raw in zip(keys, raws, strict=True) if raw is not None}
        )

    def survey(
        self, *names: str, events: int = 0, claim: str | None = None, claim_life_s: int = 1
    ) -> Survey:
        """How things stand, in one round trip, unless somebody has made the same *claim* in the
        last *claim_life_s* seconds.

        With no *events* wanted, nobody's pulse is felt either.
        """
        with _talking():
            found = cast(Any, self._survey(keys=names, args=[claim or "", claim_life_s, events]))
        if not found:
            return Survey(first=False)
        # Where nothing is stored there is a false, and a list that is empty is an empty object.
        values, hearts, beats, newest = json.loads(found.decode(errors="replace"))
        strings = {
            name: None if value is False else value
            for name, value in zip(names, values, strict=True)
        }
        found_events = [
            (event, dict(zip(flat[::2], flat[1::2], strict=True))) for event, flat in newest if flat
        ]
        return Survey(
            True,
            strings,
            {key: beat for key, beat in zip(hearts, beats, strict=True) if beat},
            found_events,
        )

    def beaten_ago_s(self, keys: Iterable[str]) -> dict[str, float]:
        """For each of *keys* that is there, seconds since `beat` wrote it."""
        names = list(keys)
        with _talking(), self._redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.pttl(name)
            left_ms = cast(list[int], pipe.execute())
        return {
            name: protocol.HEARTBEAT_LIFE_S - left / 1000
            for name, left in zip(names, left_ms, strict=True)
            if left >= 0
        }

    def publish(
        self, fact: Fact, record: EventRecord | None = None, snapshot: bytes | None = None
    ) -> None:
        """Put *fact* on the stream, and what is known of its event beside it; published again, it
        changes nothing.
        """
        event = fact.event or ""
        known = protocol.encode_event(record) if event and record else {}
        with _talking():
            self._publish_once(
                keys=[
                    protocol.published_key(fact.id),
                    "events",
                    protocol.event_key(event),
                    protocol.snapshot_key(event),
                ],
                args=[
                    protocol.PUBLISHED_LIFE_S,
                    protocol.EVENTS_KEPT,
                    protocol.encode(fact),
                    protocol.EVENT_LIFE_S,
                    protocol.SNAPSHOT_LIFE_S,
                    snapshot or b"",
                    *(word for field in known.items() for word in field),
                ],
            )

    def keep(
        self,
        records: Mapping[str, Record],
        switches: Mapping[str, bool] | None = None,
        changed: ArmedBy | None = None,
        fact: Fact | None = None,
    ) -> None:
        """Store *records* by their keys for ever, set *switches*, say in *changed* who did it, and
        publish *fact*.

        All or nothing, and with a fact once: kept again, as after a lost answer, it changes
        nothing.
        """
        words = {key: protocol.encode(stored) for key, stored in records.items()} | _switch_words(
            switches or {}, changed
        )
        told = protocol.encode(fact) if fact else ""
        with _talking():
            self._keep(
                keys=[protocol.published_key(fact.id if fact else ""), "events", *words],
                args=[told, protocol.EVENTS_KEPT, protocol.PUBLISHED_LIFE_S, *words.values()],
            )

    def event(self, event: str) -> EventRecord | None:
        """What is known of *event*, None when nothing is."""
        stored = self.event_fields(event)
        return protocol.decode_event(stored) if stored else None

    def event_fields(self, event: str) -> dict[str, str]:
        """The hash of *event* as it stands, delivery marks included."""
        return self._hash(protocol.event_key(event))

    def mark_event(self, event: str, marks: Mapping[str, str]) -> None:
        """Write *marks* on *event*'s hash."""
        self._add_to_hash(protocol.event_key(event), marks, protocol.EVENT_LIFE_S)

    def delivery_marks(self, told: Fact | str) -> dict[str, str]:
        """What was noted of the telling of *told*: on its event's hash when it is a fact that opens
        one, else on a hash of its own.

        What is no fact has an id.
        """
        event = protocol.opened_event(told) if isinstance(told, Fact) else None
        return self.event_fields(event) if event else self._hash(_delivery_key(told))

    def mark_delivery(self, told: Fact | str, marks: Mapping[str, str]) -> None:
        """Note *marks* of the telling of *told*."""
        event = protocol.opened_event(told) if isinstance(told, Fact) else None
        if event:
            self.mark_event(event, marks)
        else:
            self._add_to_hash(_delivery_key(told), marks, protocol.DELIVERY_LIFE_S)

    def snapshot(self, event: str) -> bytes | None:
        """The JPEG of *event*, None when it has none any more."""
        with _talking():
            return cast(bytes | None, self._redis.get(protocol.snapshot_key(event)))

    def set_latest(self, camera: str, latest: Latest) -> None:
        """Show *latest* as the newest picture of *camera*."""
        key = protocol.camera_key(camera, "latest")
        with _talking(), self._redis.pipeline() as pipe:
            pipe.hset(key, mapping={"jpeg": latest.jpeg, "taken_at": latest.taken_at.isoformat()})
            pipe.expire(key, protocol.LATEST_LIFE_S)
            pipe.execute()

    def latest(self, camera: str) -> Latest | None:
        """The newest picture of *camera*, None when there is none of the last day."""
        with _talking():
            raw = cast(
                dict[bytes, bytes], self._redis.hgetall(protocol.camera_key(camera, "latest"))
            )
        return (
            Latest(raw[b"jpeg"], datetime.fromisoformat(raw[b"taken_at"].decode())) if raw else None
        )

    def latest_taken_at(self, camera: str) -> datetime | None:
        """When the newest picture of *camera* was taken, None when there is none of the last
        day.
        """
        with _talking():
            raw = cast(
                bytes | None, self._redis.hget(protocol.camera_key(camera, "latest"), "taken_at")
            )
        return datetime.fromisoformat(raw.decode()) if raw else None

    def publish_frame(self, camera: str, picture: bytes) -> None:
        """Send *picture*, a JPEG, to whoever watches *camera* just now."""
        with _talking():
            self._redis.publish(protocol.camera_key(camera, "frames"), picture)

    def add_request(self, request: Request) -> None:
        """Ask for something."""
        with _talking():
            self._redis.xadd(
                "requests",
                {"request": protocol.encode(request)},
                maxlen=protocol.REQUESTS_KEPT,
                approximate=True,
            )

    def camera_wishes(self, camera: str, after: str) -> "CameraWishes":
        """What is wanted of *camera* just now, and what was asked for since the request *after*, in
        one round trip.
        """
        names = (
            "camera_status",
            protocol.camera_key(camera, "target"),
            protocol.camera_key(camera, "watched"),
        )
        with _talking(), self._redis.pipeline(transaction=False) as pipe:
            pipe.mget(names)
            pipe.xrange("requests", min=f"({after}", count=100)
            (status, target, watched), entries = pipe.execute()
        asked = tuple(
            _decoded(Request, stored.get(b"request"), "requests") for _, stored in entries
        )
        newest = entries[-1][0].decode() if entries else after
        return CameraWishes(_text(status), _text(target), watched is not None, asked, newest)

    def facts(self, group: str, reader: str) -> "Reader[Fact]":
        """The stream of facts as *reader* of *group* gets it."""
        return Reader(self._redis, "events", Fact, group, reader)

    def requests(self, group: str, reader: str) -> "Reader[Request]":
        """The stream of requests as *reader* of *group* gets it."""
        return Reader(self._redis, "requests", Request, group, reader)

    def hearts(self) -> dict[str, str]:
        """What was noted of each heartbeat there has ever been."""
        return self._hash("hearts")

    def note_heart(self, key: str, noted: str) -> None:
        """Note something of the heartbeat *key*."""
        with _talking():
            self._redis.hset("hearts", key, noted)

    def _hash(self, key: str) -> dict[str, str]:
        with _talking():
            raw = cast(dict[bytes, bytes], self._redis.hgetall(key))
        return _strings(raw)

    def _add_to_hash(self, key: str, values: Mapping[str, str], life_s: int) -> None:
        with _talking(), self._redis.pipeline() as pipe:
            pipe.hset(key, mapping=cast(Any, dict(values)))
            pipe.expire(key, life_s)
            pipe.execute()


class Reader(Generic[AnyRecord]):
    """One of a group of readers that share a stream of *kind* among them; each entry is somebody's
    until it is acknowledged.
    """

    def __init__(
        self, server: redis.Redis, stream: str, kind: type[AnyRecord], group: str, reader: str
    ) -> None:
        self._redis = server
        self._stream = stream
        self._kind = kind
        self._group = group
        self._reader = reader

    def unfinished(self, after: str = "0") -> list[tuple[str, AnyRecord]]:
        """What this reader was given and has not acknowledged, and what a reader that died has
        left: the oldest 100 *after* an entry.
        """

        def ask() -> list[tuple[bytes, dict[bytes, bytes]]]:
            self._redis.xautoclaim(
                self._stream,
                self._group,
                self._reader,
                TAKE_OVER_AFTER_MS,
                after,
                count=_BATCH,
                justid=True,
            )
            return self._read(after, None)

        return self._batch(ask)

    def all_unfinished(self) -> Iterator[tuple[str, AnyRecord]]:
        """All of `unfinished`, oldest first."""
        after = "0"
        while found := self.unfinished(after):
            yield from found
            after = found[-1][0]

    def new(self, wait_s: float) -> list[tuple[str, AnyRecord]]:
        """What nobody has been given yet, after at most *wait_s* (up to 4) seconds of waiting for
        it.
        """
        return self._batch(lambda: self._read(">", round(wait_s * 1000)))

    def done(self, entry: str) -> None:
        """The *entry* needs no more care."""
        with _talking():
            self._redis.xack(self._stream, self._group, entry)

    def _read(self, start: str, block_ms: int | None) -> list[tuple[bytes, dict[bytes, bytes]]]:
        found = cast(
            Any,
            self._redis.xreadgroup(
                self._group,
                self._reader,
                {self._stream: start},
                count=_BATCH,
                block=block_ms or None,
            ),
        )
        streams = found.items() if isinstance(found, dict) else found or []
        entries: list[tuple[bytes, dict[bytes, bytes]]] = []
        for _, rows in streams:
            entries.extend(rows)
        return entries

    def _in_group(
        self, ask: Callable[[], list[tuple[bytes, dict[bytes, bytes]]]]
    ) -> list[tuple[bytes, dict[bytes, bytes]]]:
        with _talking():
            try:
                return ask()
            except redis.ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
                self._redis.xgroup_create(self._stream, self._group, id="0", mkstream=True)
                return ask()

    def _batch(
        self, ask: Callable[[], list[tuple[bytes, dict[bytes, bytes]]]]
    ) -> list[tuple[str, AnyRecord]]:
        """What *ask* finds, without what cannot be read; only the last batch is empty."""
        while True:
            entries = self._in_group(ask)
            records = self._records(entries)
            if records or len(entries) < _BATCH:
                return records

    def _records(
        self, entries: list[tuple[bytes, dict[bytes, bytes]]]
    ) -> list[tuple[str, AnyRecord]]:
        records = []
        for name, stored in entries:
            record = _decoded(
                self._kind, (stored or {}).get(self._kind.__name__.lower().encode()), self._stream
            )
            if record is None:
                self.done(name.decode())
            else:
                records.append((name.decode(), record))
        return records


@contextmanager
def within(patience_s: float) -> Iterator[None]:
    """In here, what Redis has not answered *patience_s* from now is a `StateUnavailable`, whatever
    the timeout.
    """
    token = _wait_until_s.set(min(_wait_until_s.get(), time.monotonic() + patience_s))
    try:
        yield
    finally:
        _wait_until_s.reset(token)


def _switch_words(values: Mapping[str, bool], changed: ArmedBy | None) -> dict[str, str]:
    """What stands under which keys when the switches are set to *values*."""
    unknown = sorted(values.keys() - protocol.SWITCHES.keys())
    if unknown:
        raise ProtocolError(
            f"{unknown[0]} is not a switch; the switches are {', '.join(protocol.SWITCHES)}"
        )
    words = {name: str(value) for name, value in values.items()}
    return words | (
        {protocol.changed_by_key(name): protocol.encode(changed) for name in values}
        if changed
        else {}
    )


def _heartbeats(stored: Mapping[str, str | bytes]) -> dict[str, Heartbeat]:
    found = {}
    for key, beat in stored.items():
        try:
            found[key] = protocol.decode(Heartbeat, beat)
        except ProtocolError as error:
            _log.warning("%s: %s", key, error)
    return found


def _tag_of(label: str | None, by: str | None, at: str | None) -> Tag:
    if label not in ("occupied", "unoccupied"):
        return Tag()
    return Tag(cast(Label, label), by, datetime.fromisoformat(at) if at else None)


def _strings(raw: Mapping[bytes, bytes]) -> dict[str, str]:
    return {name.decode(): value.decode(errors="replace") for name, value in raw.items()}


def _delivery_key(told: Fact | str) -> str:
    return protocol.delivery_key(told.id if isinstance(told, Fact) else told)


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode(errors="replace")


def _decoded(kind: type[AnyRecord], raw: bytes | None, stream: str) -> AnyRecord | None:
    try:
        if raw is None:
            raise ProtocolError(f"an entry without a {kind.__name__.lower()}")
        return protocol.decode(kind, raw)
    except ProtocolError as error:
        _log.warning("dropped from the stream %s: %s", stream, error)
        return None


@contextmanager
def _talking() -> Iterator[None]:
    if time.monotonic() > _wait_until_s.get():
        raise StateUnavailable("Redis is too slow")
    try:
        yield
    except _AWAY as error:
        raise StateUnavailable(
            f"Redis is not reachable or not writable: {_reason(error)}"
        ) from error
    except redis.ResponseError as error:
        if _reason(error).startswith(_REFUSALS):
            raise StateUnavailable(f"Redis refuses just now: {_reason(error)}") from error
        raise ProtocolError(f"Redis says: {_reason(error)}") from error


@contextmanager
def _asking_for_leave() -> Iterator[None]:
    try:
        yield
    except redis.exceptions.NoPermissionError as error:
        raise ProtocolError(f"Redis denies that to this user: {_reason(error)}") from error


def _reason(error: redis.RedisError) -> str:
    """What the server said; an error of a pipeline quotes the whole command before it, pictures
    included.
    """
    return str(error).rpartition("caused error: ")[2]
