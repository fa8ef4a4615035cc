"""What callers get from the state: typed, and decoded when they ask for it."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from app import protocol
from app.errors import ProtocolError
from app.protocol import EventRecord, Heartbeat, Label, Request

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Latest:
    """A camera's newest picture."""

    jpeg: bytes
    taken_at: datetime


@dataclass(frozen=True, slots=True)
class CameraControls:
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
        return read_heartbeats(self._beats)

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


def read_heartbeats(stored: Mapping[str, str | bytes]) -> dict[str, Heartbeat]:
    found = {}
    for key, beat in stored.items():
        try:
            found[key] = protocol.decode(Heartbeat, beat)
        except ProtocolError as error:
            _log.warning("%s: %s", key, error)
    return found


def tag_of(label: str | None, by: str | None, at: str | None) -> Tag:
    if label not in ("occupied", "unoccupied"):
        return Tag()
    return Tag(cast(Label, label), by, datetime.fromisoformat(at) if at else None)
