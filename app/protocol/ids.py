"""Ids of events and facts, and the name of this machine in keys."""

import hashlib
import re
import secrets
import socket
from datetime import UTC, datetime

from app.errors import ProtocolError

CAMERA_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
EVENT_ID = re.compile(
    rf"(?P<moment>[0-9]{{8}}T[0-9]{{6}}\.[0-9]{{3}})Z-(?P<camera>{CAMERA_NAME.pattern})"
)
#: The form of ids: an id can safely be a file's name and part of a key.
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def event_id(started_at: datetime, camera: str) -> str:
    """Return an event's id, as in `20261120T101500.123Z-front`; ids sort by time."""
    moment = started_at.astimezone(UTC)
    return f"{moment:%Y%m%dT%H%M%S}.{moment.microsecond // 1000:03d}Z-{camera}"


def event_camera(event: str) -> str:
    """Return the camera that opened *event*."""
    return _event_parts(event)[1]


def event_started_at(event: str) -> datetime:
    """Return the time when *event* was opened, UTC, to the millisecond."""
    text = _event_parts(event)[0]
    try:
        # Five times as fast as strptime, which matters for thousands of events.
        return datetime(
            int(text[:4]),
            int(text[4:6]),
            int(text[6:8]),
            int(text[9:11]),
            int(text[11:13]),
            int(text[13:15]),
            int(text[16:]) * 1000,
            UTC,
        )
    except ValueError as error:
        raise ProtocolError(f"{event!r} is no event's id: {error}") from None


def _event_parts(event: str) -> tuple[str, str]:
    parts = EVENT_ID.fullmatch(event)
    if not parts:
        raise ProtocolError(
            f"{event!r} is no event's id; one looks like 20261120T101500.123Z-front"
        )
    return parts["moment"], parts["camera"]


def new_fact_id(at: datetime, camera: str | None = None) -> str:
    """Return a new id for a fact without an event."""
    return f"{event_id(at, camera or 'house')}-{secrets.token_hex(4)}"


def derived_fact_id(at: datetime, text: str) -> str:
    """Return an id for a fact of the house that is the same for the same *at* and *text*."""
    return f"{event_id(at, 'house')}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def event_fact_id(event: str, what: str, file: str | None = None) -> str:
    """Return the id of the fact *what* about *event*; it is the same each time.

    Each part of a long clip has its own id, with the end of the name of its *file*: -2 for
    `clip-2.mp4`.
    """
    part = file.removeprefix("clip").removesuffix(".mp4") if file else ""
    return f"{event}-{what}{part}"


def host_name() -> str:
    """Return the name of this machine in keys."""
    return socket.gethostname().split(".")[0].replace(":", "-") or "localhost"
