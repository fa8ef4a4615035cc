"""The state that the programs share, in Redis.

A foreign or damaged value counts as missing when it is read, and is logged once. When it is in the
way of a write, it is set aside. So `ProtocolError` is only about the record that is to be written.

Every call may raise `StateUnavailable`, at once when the server is gone and after `TIMEOUT_S` when
it hangs. No command is sent twice by itself: a lost answer to XADD must not become two entries.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from app import protocol
from app.errors import ProtocolError, StateUnavailable
from app.protocol import AnyRecord, ArmedBy, EventRecord, Fact, Heartbeat, Record, Request
from app.protocol.deliveries import is_readable
from app.state import scripts
from app.state.connection import TIMEOUT_S, connect, permitted, talking
from app.state.foreign import Answer, Foreign, report_of, report_of_dropped
from app.state.streams import Reader, decoded, is_before
from app.state.views import (
    CameraControls,
    Latest,
    Survey,
    Tag,
    latest_of,
    read_heartbeats,
    survey_of,
    tag_of,
    time_of,
)

_log = logging.getLogger(__name__)

#: The length of each stream from which on it is trimmed, and the size that it may have.
_LIMITS = {
    "events": (protocol.EVENTS_KEPT, protocol.EVENTS_BYTES),
    "requests": (protocol.REQUESTS_KEPT, protocol.REQUESTS_BYTES),
}
#: A stream is trimmed once in so many entries; Redis frees as many at once.
_TRIM_EVERY = 100
#: Requests that a camera reads at once.
_REQUESTS = 100


class State:
    """The shared state at *url*: `redis://host:port/db`, `rediss://…` or `unix:///path`."""

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        self._redis = connect(url, timeout_s)
        self._foreign = Foreign(self._redis)
        self._publish_once = self._redis.register_script(scripts.PUBLISH_ONCE)
        self._commit = self._redis.register_script(scripts.COMMIT)
        self._trim = self._redis.register_script(scripts.TRIM)
        self._tag = self._redis.register_script(scripts.TAG)
        self._survey = self._redis.register_script(scripts.SURVEY)
        self._survey_once = self._redis.register_script(scripts.SURVEY_ONCE)

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def ping(self) -> None:
        """Raise `StateUnavailable` unless the server answers."""
        with talking():
            self._redis.ping()

    def server_facts(self) -> dict[str, Any]:
        """Return Redis's INFO; `ProtocolError` when this user may not ask for it."""
        with talking(), permitted():
            return self._redis.info()

    def server_setting(self, name: str) -> str:
        """Return a setting of the server; `ProtocolError` when this user may not ask for it."""
        with talking(), permitted():
            return str(cast(dict[str, str], self._redis.config_get(name))[name])

    def some_keys(self, most: int) -> list[str]:
        """Return the names of about *most* keys; `ProtocolError` when this user may not ask."""
        names: set[str] = set()
        with talking(), permitted():
            for name in self._redis.scan_iter(count=1000):
                names.add(cast(bytes, name).decode(errors="backslashreplace"))
                if len(names) >= most:
                    break
        return sorted(names)

    def set_server(self, name: str, value: str) -> None:
        """Change a setting of the server until its next start; `ProtocolError` when it refuses."""
        with talking(), permitted():
            self._redis.config_set(name, value)

    def set_server_and_mark(self, settings: Mapping[str, str], subject: str) -> None:
        """Change all *settings* of the server, and write them as marks of *subject*.

        Both are sent in one message, so the program cannot end between them.
        """
        key = _delivery_key(subject)

        def send() -> None:
            with permitted(), self._redis.pipeline(transaction=False) as pipe:
                for name, value in settings.items():
                    pipe.config_set(name, value)
                pipe.hset(key, mapping=cast(Any, dict(settings)))
                pipe.expire(key, protocol.DELIVERY_LIFE_S)
                pipe.execute()

        self._write([key], send)

    def read_strings(self, *names: str) -> list[str | None]:
        """Return the plain strings under *names*; None where one is missing or has another type."""
        with talking():
            return [_text(raw) for raw in cast(list[bytes | None], self._redis.mget(names))]

    def set_switch(self, name: str, value: bool, changed: ArmedBy | None = None) -> None:
        """Set one switch of the house, and store *changed* as its last change."""
        self.set_switches({name: value}, changed)

    def set_switches(self, values: Mapping[str, bool], changed: ArmedBy | None = None) -> None:
        """Set several switches of the house at once, and store *changed* as their last change."""
        words = _switch_words(values, changed)
        with talking():
            self._redis.mset(words)

    def snooze(self, until: datetime, life_s: int, announcement: Request | None = None) -> None:
        """Hold alerts back until *until*, and put *announcement* on the stream in the same step.

        Redis drops the snooze after *life_s* seconds.
        """
        value = until.isoformat()
        self._announce(announcement, lambda pipe: pipe.set("snoozed_until", value, ex=life_s))

    def end_snooze(self, announcement: Request | None = None) -> None:
        """Stop holding alerts back, and put *announcement* on the stream in the same step."""
        self._announce(announcement, lambda pipe: pipe.delete("snoozed_until"))

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

    def claim_once(self, key: str, life_s: int) -> bool:
        """Return whether this is the first claim to *key* in *life_s* seconds."""
        with talking():
            return bool(self._redis.set(key, "1", nx=True, ex=life_s))

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
        return tag_of(*map(_text, found[:3]))

    def initialise_switches(self) -> None:
        """Set each switch that nobody has set yet to its first value."""
        with talking(), self._redis.pipeline() as pipe:
            for name, value in protocol.SWITCHES.items():
                pipe.set(name, str(value), nx=True)
            pipe.execute()

    def get(self, key: str, kind: type[AnyRecord]) -> AnyRecord | None:
        """Return the record under *key*; None when there is no *kind*."""
        return self._foreign.decoded(key, kind, self._bytes(key))

    def put(self, key: str, record: Record, life_s: int | None = None) -> None:
        """Store *record* under *key*, for *life_s* seconds or without limit."""
        with talking():
            self._redis.set(key, protocol.encode(record), ex=life_s)

    def send_heartbeat(self, key: str, heartbeat: Heartbeat) -> None:
        """Store the heartbeat of a program under *key*."""
        self.exchange_heartbeat(key, heartbeat, key)

    def exchange_heartbeat(self, key: str, heartbeat: Heartbeat, other: str) -> Heartbeat | None:
        """Store the heartbeat of a program under *key*, and return the one under *other*.

        All in one round trip. Returns None when there is no heartbeat under *other*.
        """

        def send() -> list[Any]:
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.set(key, protocol.encode(heartbeat), ex=protocol.HEARTBEAT_LIFE_S)
                pipe.sadd("heartbeats", key)
                if other != key:
                    # A value of another type counts as no heartbeat.
                    pipe.mget([other])
                return pipe.execute()[2:]

        found = self._write(["heartbeats"], send)
        raw = cast(bytes | None, found[0][0] if found else None)
        return read_heartbeats(self._foreign, {other: raw}).get(other) if raw else None

    def heartbeats(self) -> dict[str, Heartbeat]:
        """Return all heartbeats by their keys; any other value is logged and left out."""
        found = self._foreign.read(
            "heartbeats", lambda: cast(set[bytes], self._redis.smembers("heartbeats"))
        )
        keys = sorted(filter(protocol.is_heartbeat_key, map(_word, found or ())))
        if not keys:
            return {}
        with talking():
            raws = cast(list[bytes | None], self._redis.mget(keys))
        return read_heartbeats(
            self._foreign,
            {key: raw for key, raw in zip(keys, raws, strict=True) if raw is not None},
        )

    def survey(self, *names: str, events: int = 0) -> Survey:
        """Return the plain strings under *names*, the heartbeats and the newest *events*.

        All in one round trip. Without *events* there are no heartbeats either.
        """
        with talking():
            found = cast(bytes, self._survey(keys=names, args=[events]))
        return survey_of(names, found, self._foreign)

    def survey_once(self, claim: str, life_s: int, *names: str, events: int = 0) -> Survey | None:
        """Do `claim_once` with *claim*, then `survey`, in one round trip.

        Returns None when somebody has made the same *claim* in the last *life_s* seconds.
        """
        with talking():
            found = cast(bytes, self._survey_once(keys=names, args=[events, claim, life_s]))
        return survey_of(names, found, self._foreign) if found else None

    def heartbeat_ages_s(self, keys: Iterable[str]) -> dict[str, float]:
        """Return the age in seconds of each heartbeat in *keys* that exists."""
        names = list(keys)
        with talking(), self._redis.pipeline(transaction=False) as pipe:
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
        """Put *fact* on the stream, and store *record* and *snapshot* of its event.

        A fact that was published before changes nothing.
        """
        event = fact.event or ""
        known = protocol.encode_event(record) if event and record else {}
        keys = [
            protocol.published_key(fact.id),
            "events",
            protocol.event_key(event),
            protocol.snapshot_key(event),
            "snapshots",
            "snapshot_bytes",
        ]
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

    def commit(
        self,
        records: Mapping[str, Record],
        switches: Mapping[str, bool] | None = None,
        changed: ArmedBy | None = None,
        fact: Fact | None = None,
    ) -> None:
        """Store *records* by their keys, set *switches* as *changed* says, and publish *fact*.

        Redis does all of it or nothing. A fact that was published before changes nothing: perhaps
        only the answer was lost.
        """
        words = {key: protocol.encode(stored) for key, stored in records.items()} | _switch_words(
            switches or {}, changed
        )
        encoded = protocol.encode(fact) if fact else ""
        keys = [protocol.published_key(fact.id if fact else ""), "events", *words]
        values: list[str | int] = [protocol.PUBLISHED_LIFE_S, encoded, *words.values()]
        length = self._write(keys[:2], lambda: cast(int, self._commit(keys=keys, args=values)))
        self._trim_sometimes("events", length)

    def event(self, event: str) -> EventRecord | None:
        """Return the record of *event*, None when it is not known or damaged."""
        stored = self.event_fields(event)
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

    def delivery_marks(self, delivered: Fact | str) -> dict[str, str]:
        """Return the marks of *delivered*: a fact, or the id of a digest, reply or program.

        A fact that opens an event has its marks on the event's hash; everything else has its own
        hash.
        """
        event = protocol.opened_event(delivered) if isinstance(delivered, Fact) else None
        return self.event_fields(event) if event else self._hash(_delivery_key(delivered))

    def mark_delivery(self, delivered: Fact | str, marks: Mapping[str, str]) -> None:
        """Write *marks* of *delivered*, as `delivery_marks` returns them."""
        event = protocol.opened_event(delivered) if isinstance(delivered, Fact) else None
        if event:
            self.mark_event(event, marks)
        else:
            self._add_to_hash(_delivery_key(delivered), marks, protocol.DELIVERY_LIFE_S)

    def snapshot(self, event: str) -> bytes | None:
        """Return the JPEG of *event*, None when there is none any more."""
        return self._bytes(protocol.snapshot_key(event))

    def set_latest(self, camera: str, latest: Latest) -> None:
        """Store *latest* as the newest picture of *camera*."""
        key = protocol.camera_key(camera, "latest")
        words: dict[str, str | bytes] = {
            "jpeg": latest.jpeg,
            "taken_at": latest.taken_at.isoformat(),
        }
        self._add_to_hash(key, words, protocol.LATEST_LIFE_S)

    def latest(self, camera: str) -> Latest | None:
        """Return the newest picture of *camera*, None when there is none from the last day."""
        key = protocol.camera_key(camera, "latest")
        raw = self._fields(key)
        return latest_of(raw)

    def latest_taken_at(self, camera: str) -> datetime | None:
        """Return when the newest picture of *camera* was taken, None when there is none."""
        key = protocol.camera_key(camera, "latest")
        return time_of(
            self._foreign.read(key, lambda: cast(bytes | None, self._redis.hget(key, "taken_at")))
        )

    def publish_frame(self, camera: str, picture: bytes) -> None:
        """Send *picture*, a JPEG, to everybody who watches *camera* now."""
        with talking():
            self._redis.publish(protocol.camera_key(camera, "frames"), picture)

    def add_request(self, request: Request) -> None:
        """Put *request* on the stream."""
        self._announce(request, lambda _: None)

    def camera_controls(self, camera: str, after: str) -> CameraControls:
        """Return the wanted state of *camera*, and the requests after the entry *after*.

        When the stream has not come as far as *after*, it is another stream, since Redis was
        emptied. Its requests are then returned from the beginning.
        """
        names = (
            "camera_status",
            protocol.camera_key(camera, "target"),
            protocol.camera_key(camera, "watched"),
        )

        def ask() -> Any:
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.mget(names)
                pipe.xrevrange("requests", count=1)
                return pipe.execute()

        (status, target, watched), last = self._write(["requests"], ask)
        newest = last[0][0].decode() if last else "0-0"
        entries = []
        if newest != after:
            start = after if is_before(after, newest) else "0-0"
            with talking():
                entries = cast(
                    Any, self._redis.xrange("requests", min=f"({start}", count=_REQUESTS)
                )
            newest = entries[-1][0].decode() if entries else "0-0"
        asked = tuple(decoded(Request, stored.get(b"request"), "requests") for _, stored in entries)
        return CameraControls(_text(status), _text(target), watched is not None, asked, newest)

    def facts(self, group: str, reader: str) -> "Reader[Fact]":
        """Return the stream of facts for *reader* of *group*."""
        return Reader(self._redis, "events", Fact, group=group, reader=reader, write=self._write)

    def requests(self, group: str, reader: str) -> "Reader[Request]":
        """Return the stream of requests for *reader* of *group*."""
        return Reader(
            self._redis, "requests", Request, group=group, reader=reader, write=self._write
        )

    def heartbeat_marks(self) -> dict[str, str]:
        """Return the mark of each heartbeat that was ever sent."""
        marks = self._hash("hearts")
        return {key: mark for key, mark in marks.items() if protocol.is_heartbeat_key(key)}

    def mark_heartbeat(self, key: str, mark: str) -> None:
        """Write the *mark* of the heartbeat *key*."""
        self._write(["hearts"], lambda: self._redis.hset("hearts", key, mark))

    def _bytes(self, key: str) -> bytes | None:
        return self._foreign.read(key, lambda: cast(bytes | None, self._redis.get(key)))

    def _fields(self, key: str) -> dict[bytes, bytes]:
        found = self._foreign.read(key, lambda: self._redis.hgetall(key))
        return cast(dict[bytes, bytes], found or {})

    def _hash(self, key: str) -> dict[str, str]:
        """Return the fields of *key* with their values, without marks that cannot be read."""
        raw = self._fields(key)
        words = {_word(name): _word(value) for name, value in raw.items()}
        for name in [name for name, value in words.items() if not is_readable(name, value)]:
            self._foreign.ignored(f"{name} of {key}", f"{words.pop(name)[:40]!r} is no such mark")
        return words

    def _add_to_hash(self, key: str, values: Mapping[str, str | bytes], life_s: int) -> None:
        def send() -> None:
            with self._redis.pipeline() as pipe:
                pipe.hset(key, mapping=cast(Any, dict(values)))
                pipe.expire(key, life_s)
                pipe.execute()

        self._write([key], send)

    def _write(self, keys: Iterable[str], write: Callable[[], Answer]) -> Answer:
        """Return the answer of *write*; foreign values under *keys* are set aside, and reported."""
        answer, moved = self._foreign.write(keys, write)
        for key in moved:
            self.publish(report_of(key, datetime.now(UTC)))
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
                self.publish(report_of_dropped(datetime.now(UTC)))
        except (StateUnavailable, ProtocolError) as error:
            _log.warning("the stream %s is not trimmed: %s", stream, error)


def _switch_words(values: Mapping[str, bool], changed: ArmedBy | None) -> dict[str, str]:
    """Return the values by key that set the switches to *values*."""
    unknown = sorted(values.keys() - protocol.SWITCHES.keys())
    if unknown:
        raise ProtocolError(
            f"{unknown[0]} is not a switch; the switches are {', '.join(protocol.SWITCHES)}"
        )
    words = {name: str(value) for name, value in values.items()}
    if changed:
        words |= {protocol.changed_by_key(name): protocol.encode(changed) for name in values}
    return words


def _delivery_key(delivered: Fact | str) -> str:
    return protocol.delivery_key(delivered.id if isinstance(delivered, Fact) else delivered)


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else _word(raw)


def _word(raw: bytes) -> str:
    return raw.decode(errors="replace")
