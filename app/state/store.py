"""What the programs share, in Redis. Only this package imports redis.

Every call may raise `StateUnavailable`, at once when the server is gone and after `TIMEOUT_S` when
it hangs. Nothing is sent twice by itself: a lost answer to XADD must not become two entries.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, cast

from app import protocol
from app.errors import ProtocolError
from app.protocol import AnyRecord, ArmedBy, EventRecord, Fact, Heartbeat, Record, Request
from app.state import scripts
from app.state.connection import TIMEOUT_S, asking_for_leave, connect, talking
from app.state.streams import Reader, decoded
from app.state.views import CameraControls, Latest, Survey, Tag, read_heartbeats, survey_of, tag_of


class State:
    """The shared state at *url*: `redis://host:port/db`, `rediss://…` or `unix:///path`."""

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        self._redis = connect(url, timeout_s)
        self._publish_once = self._redis.register_script(scripts.PUBLISH_ONCE)
        self._keep = self._redis.register_script(scripts.KEEP)
        self._tag = self._redis.register_script(scripts.TAG)
        self._survey = self._redis.register_script(scripts.SURVEY)
        self._survey_once = self._redis.register_script(scripts.SURVEY_ONCE)

    def close(self) -> None:
        """Let go of the connections."""
        self._redis.close()

    def ping(self) -> None:
        """Raise `StateUnavailable` unless the server answers."""
        with talking():
            self._redis.ping()

    def server_facts(self) -> dict[str, Any]:
        """What the server says of itself (Redis's INFO); `ProtocolError` when it does not tell this
        user.
        """
        with talking(), asking_for_leave():
            return self._redis.info()

    def set_server(self, name: str, value: str) -> None:
        """Change one of the server's own settings, until its next start; `ProtocolError` when it
        lets nobody do that.
        """
        with talking(), asking_for_leave():
            self._redis.config_set(name, value)

    def set_server_and_mark(self, settings: Mapping[str, str], told: str) -> None:
        """Do as `set_server` does with all *settings*, then as `mark_delivery`, in one message, so
        that no end of ours comes between.
        """
        with talking(), asking_for_leave(), self._redis.pipeline(transaction=False) as pipe:
            for name, value in settings.items():
                pipe.config_set(name, value)
            pipe.hset(_delivery_key(told), mapping=cast(Any, dict(settings)))
            pipe.expire(_delivery_key(told), protocol.DELIVERY_LIFE_S)
            pipe.execute()

    def read_strings(self, *names: str) -> list[str | None]:
        """The plain strings under *names*, None where there is none or it is of another type."""
        with talking():
            return [_text(raw) for raw in cast(list[bytes | None], self._redis.mget(names))]

    def set_switch(self, name: str, value: bool, changed: ArmedBy | None = None) -> None:
        """Set one of the house's switches, and with *changed* say who did it."""
        self.set_switches({name: value}, changed)

    def set_switches(self, values: Mapping[str, bool], changed: ArmedBy | None = None) -> None:
        """Set several of the house's switches at once, and with *changed* say who did it."""
        words = _switch_words(values, changed)
        with talking():
            self._redis.mset(words)

    def snooze(self, until: datetime, life_s: int) -> None:
        """Hold alerts back until *until*, which Redis forgets after *life_s* seconds."""
        with talking():
            self._redis.set("snoozed_until", until.isoformat(), ex=life_s)

    def end_snooze(self) -> None:
        """Hold alerts back no longer."""
        with talking():
            self._redis.delete("snoozed_until")

    def claim_once(self, key: str, life_s: int) -> bool:
        """Whether nobody has asked this of *key* in the last *life_s* seconds."""
        with talking():
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
        with talking():
            found = cast(
                Any, self._tag(keys=[protocol.event_key(request.event), "requests"], args=words)
            )
        return None if found is None else tag_of(*map(_text, found))

    def initialise_switches(self) -> None:
        """Give every switch that nobody has set yet its first value."""
        with talking(), self._redis.pipeline() as pipe:
            for name, value in protocol.SWITCHES.items():
                pipe.set(name, str(value), nx=True)
            pipe.execute()

    def get(self, key: str, kind: type[AnyRecord]) -> AnyRecord | None:
        """The record under *key*, None when there is none; `ProtocolError` when it is not a
        *kind*.
        """
        with talking():
            raw = cast(bytes | None, self._redis.get(key))
        return None if raw is None else protocol.decode(kind, raw)

    def put(self, key: str, record: Record, life_s: int | None = None) -> None:
        """Store *record* under *key*, for *life_s* seconds or for ever."""
        with talking():
            self._redis.set(key, protocol.encode(record), ex=life_s)

    def send_heartbeat(self, key: str, heartbeat: Heartbeat) -> None:
        """Show that a program lives."""
        with talking(), self._redis.pipeline(transaction=False) as pipe:
            pipe.set(key, protocol.encode(heartbeat), ex=protocol.HEARTBEAT_LIFE_S)
            pipe.sadd("heartbeats", key)
            pipe.execute()

    def heartbeats(self) -> dict[str, Heartbeat]:
        """Every pulse there is, by its key; what is no heartbeat is logged and left out."""
        with talking():
            keys = sorted(
                key.decode() for key in cast(set[bytes], self._redis.smembers("heartbeats"))
            )
            raws = cast(list[bytes | None], self._redis.mget(keys)) if keys else []
        return read_heartbeats(
            {key: raw for key, raw in zip(keys, raws, strict=True) if raw is not None}
        )

    def survey(self, *names: str, events: int = 0) -> Survey:
        """Return the plain strings under *names*, the heartbeats and the newest *events*.

        All in one round trip. Without *events* there are no heartbeats either.
        """
        with talking():
            found = cast(bytes, self._survey(keys=names, args=[events]))
        return survey_of(names, found)

    def survey_once(self, claim: str, life_s: int, *names: str, events: int = 0) -> Survey | None:
        """Do what `claim_once` does with *claim*, then `survey`, in one round trip.

        Returns None when somebody has made the same *claim* in the last *life_s* seconds.
        """
        with talking():
            found = cast(bytes, self._survey_once(keys=names, args=[events, claim, life_s]))
        return survey_of(names, found) if found else None

    def heartbeat_ages_s(self, keys: Iterable[str]) -> dict[str, float]:
        """For each of *keys* that is there, seconds since `beat` wrote it."""
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
        """Put *fact* on the stream, and what is known of its event beside it; published again, it
        changes nothing.
        """
        event = fact.event or ""
        known = protocol.encode_event(record) if event and record else {}
        with talking():
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

    def commit(
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
        with talking():
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
        with talking():
            return cast(bytes | None, self._redis.get(protocol.snapshot_key(event)))

    def set_latest(self, camera: str, latest: Latest) -> None:
        """Show *latest* as the newest picture of *camera*."""
        key = protocol.camera_key(camera, "latest")
        with talking(), self._redis.pipeline() as pipe:
            pipe.hset(key, mapping={"jpeg": latest.jpeg, "taken_at": latest.taken_at.isoformat()})
            pipe.expire(key, protocol.LATEST_LIFE_S)
            pipe.execute()

    def latest(self, camera: str) -> Latest | None:
        """The newest picture of *camera*, None when there is none of the last day."""
        with talking():
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
        with talking():
            raw = cast(
                bytes | None, self._redis.hget(protocol.camera_key(camera, "latest"), "taken_at")
            )
        return datetime.fromisoformat(raw.decode()) if raw else None

    def publish_frame(self, camera: str, picture: bytes) -> None:
        """Send *picture*, a JPEG, to whoever watches *camera* just now."""
        with talking():
            self._redis.publish(protocol.camera_key(camera, "frames"), picture)

    def add_request(self, request: Request) -> None:
        """Ask for something."""
        with talking():
            self._redis.xadd(
                "requests",
                {"request": protocol.encode(request)},
                maxlen=protocol.REQUESTS_KEPT,
                approximate=True,
            )

    def camera_controls(self, camera: str, after: str) -> "CameraControls":
        """What is wanted of *camera* just now, and what was asked for since the request *after*, in
        one round trip.
        """
        names = (
            "camera_status",
            protocol.camera_key(camera, "target"),
            protocol.camera_key(camera, "watched"),
        )
        with talking(), self._redis.pipeline(transaction=False) as pipe:
            pipe.mget(names)
            pipe.xrange("requests", min=f"({after}", count=100)
            (status, target, watched), entries = pipe.execute()
        asked = tuple(decoded(Request, stored.get(b"request"), "requests") for _, stored in entries)
        newest = entries[-1][0].decode() if entries else after
        return CameraControls(_text(status), _text(target), watched is not None, asked, newest)

    def facts(self, group: str, reader: str) -> "Reader[Fact]":
        """The stream of facts as *reader* of *group* gets it."""
        return Reader(self._redis, "events", Fact, group, reader)

    def requests(self, group: str, reader: str) -> "Reader[Request]":
        """The stream of requests as *reader* of *group* gets it."""
        return Reader(self._redis, "requests", Request, group, reader)

    def heartbeat_marks(self) -> dict[str, str]:
        """What was noted of each heartbeat there has ever been."""
        return self._hash("hearts")

    def mark_heartbeat(self, key: str, noted: str) -> None:
        """Note something of the heartbeat *key*."""
        with talking():
            self._redis.hset("hearts", key, noted)

    def _hash(self, key: str) -> dict[str, str]:
        with talking():
            raw = cast(dict[bytes, bytes], self._redis.hgetall(key))
        return _strings(raw)

    def _add_to_hash(self, key: str, values: Mapping[str, str], life_s: int) -> None:
        with talking(), self._redis.pipeline() as pipe:
            pipe.hset(key, mapping=cast(Any, dict(values)))
            pipe.expire(key, life_s)
            pipe.execute()


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


def _strings(raw: Mapping[bytes, bytes]) -> dict[str, str]:
    return {name.decode(): value.decode(errors="replace") for name, value in raw.items()}


def _delivery_key(told: Fact | str) -> str:
    return protocol.delivery_key(told.id if isinstance(told, Fact) else told)


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode(errors="replace")
