"""Values from the state, typed; some are decoded only on demand."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from app import protocol
from app.errors import ProtocolError
from app.protocol import EventRecord, Fact, Heartbeat, Label, Request
from app.state.foreign import Foreign
from app.times import utc_time


@dataclass(frozen=True, slots=True)
class Latest:
    """A camera's newest picture."""

    jpeg: bytes
    taken_at: datetime


@dataclass(frozen=True, slots=True)
class CameraControls:
    """The wanted state of a camera, as Redis has it, unchecked.

    *newest* is the entry of the last request in *asked*, where None is an unreadable request.
    """

    camera_status: str | None
    target: str | None
    watched: bool
    asked: tuple[Request | None, ...]
    newest: str
    detector_watched: bool = False


@dataclass(frozen=True, slots=True)
class KnownEvent:
    """An event that Redis knows: its record, the other fields of its hash, and its picture's."""

    record: EventRecord
    marks: Mapping[str, str]
    has_snapshot: bool


@dataclass(frozen=True, slots=True)
class News:
    """Entries of the two streams, the oldest first.

    *last_fact* and *last_request* are the newest entries that were read. Without *is_all* there may
    be more.
    """

    facts: Sequence[Fact]
    requests: Sequence[Request]
    last_fact: str | None
    last_request: str | None
    is_all: bool


@dataclass(frozen=True, slots=True)
class PastEvents:
    """Events with the host of their clip, None without one, as they come from Redis, unchecked.

    *oldest* is the oldest entry of the stream that was read, None when there was none.
    """

    events: Sequence[tuple[str, str | None]]
    oldest: str | None


@dataclass(frozen=True, slots=True)
class Tag:
    """The label of an event, who gave it, and when; all None when it has none."""

    label: Label | None = None
    by: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Survey:
    """The part of the state that commands read: strings by name, heartbeats, newest events.

    *decisions* says how often alerts had each decision lately. Heartbeats and events are decoded
    only on demand. Without *has_all_heartbeats*, a missing one says nothing: Redis has just been
    started, and keeps heartbeats only in memory.
    """

    strings: dict[str, str | None]
    _foreign: Foreign
    _beats: Mapping[str, str] = field(default_factory=dict)
    _events: Sequence[tuple[str, dict[str, str]]] = ()
    decisions: Mapping[str, int] = field(default_factory=dict)
    has_all_heartbeats: bool = False

    def heartbeats(self) -> dict[str, Heartbeat]:
        """Return every heartbeat by its key; any other value is logged and left out."""
        return read_heartbeats(self._foreign, self._beats)

    def events(self) -> dict[str, EventRecord]:
        """Return the newest events by their ids, the newest first.

        An event that is damaged or no longer known is left out.
        """
        found = {}
        for event, stored in self._events:
            try:
                found[event] = protocol.decode_event(stored)
            except ProtocolError as error:
                self._foreign.ignored(protocol.event_key(event), error)
        return found


def survey_of(names: Sequence[str], found: bytes, foreign: Foreign) -> Survey:
    """Return the survey of *names* in *found*, the answer of a script.

    The script writes false for a missing string, and {} for an empty list.
    """
    values, keys, beats, newest, decisions, age_s = json.loads(found.decode(errors="replace"))
    strings = {
        name: None if value is False else value for name, value in zip(names, values, strict=True)
    }
    heartbeats = {
        key: beat
        for key, beat in zip(keys, beats, strict=True)
        if beat and protocol.is_heartbeat_key(key)
    }
    events = [
        (event, dict(zip(flat[::2], flat[1::2], strict=True))) for event, flat in newest if flat
    ]
    is_complete = age_s >= protocol.HEARTBEAT_LIFE_S
    return Survey(strings, foreign, heartbeats, events, decisions, is_complete)


def read_heartbeats(foreign: Foreign, stored: Mapping[str, str | bytes]) -> dict[str, Heartbeat]:
    found = {key: foreign.decoded(key, Heartbeat, beat) for key, beat in stored.items()}
    return {key: beat for key, beat in found.items() if beat}


def latest_of(raw: Mapping[bytes, bytes]) -> Latest | None:
    """Return the picture in the fields *raw*; None when there is none, or it has no time."""
    jpeg, taken_at = raw.get(b"jpeg"), time_of(raw.get(b"taken_at"))
    return Latest(jpeg, taken_at) if jpeg and taken_at else None


def time_of(raw: bytes | None) -> datetime | None:
    """Return the time in *raw*; None when it is none of this age."""
    try:
        at = utc_time((raw or b"").decode())
    except ValueError:
        return None
    return at if protocol.is_moment(at) else None


def tag_of(label: str | None, by: str | None, at: str | None) -> Tag:
    if label not in ("occupied", "unoccupied"):
        return Tag()
    return Tag(cast(Label, label), by, time_of((at or "").encode()))


def text_of(raw: bytes | None) -> str | None:
    return None if raw is None else word_of(raw)


def word_of(raw: bytes) -> str:
    return raw.decode(errors="replace")
