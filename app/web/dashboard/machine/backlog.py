"""The disk and what waits, from the heartbeats: deletions, uploads and alerts, in words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from app import protocol
from app.errors import ProtocolError
from app.programs import program_of
from app.protocol import Counters, Figure, Heartbeat, by_label
from app.times import format_duration, format_time
from app.uploads.base import DiskSettings
from app.web.dashboard.machine.program_rows import shown


@dataclass(frozen=True, slots=True)
class NextDeletion:
    """A recording that is deleted soon: its name, its size, why, and the latest time."""

    name: str
    size_mb: float
    why: str
    latest: str | None


@dataclass(frozen=True, slots=True)
class DiskRow:
    """The disk of one machine as its uploader reports it; None for what is not known."""

    machine: str
    free_gb: float | None
    recordings_gb: float | None
    deleted: int
    deletions: tuple[NextDeletion, ...]


@dataclass(frozen=True, slots=True)
class QueueRow:
    """The queue of one store or channel: its length, details in words, and trouble, "" if none.

    *name* has the machine if it is another one.
    """

    name: str
    waiting: int
    details: str
    trouble: str


def disk_rows(
    heartbeats: Mapping[str, Heartbeat], settings: DiskSettings, now: datetime
) -> list[DiskRow]:
    """Return the disk of each machine with an uploader."""
    return [
        DiskRow(
            host,
            _number(counters.get("free_gb")),
            _number(counters.get("recordings_gb")),
            int(_number(counters.get("deleted")) or 0),
            tuple(_deletions(counters, settings, now)),
        )
        for host, counters in _of("uploader", heartbeats)
    ]


def upload_rows(heartbeats: Mapping[str, Heartbeat], now: datetime) -> list[QueueRow]:
    """Return the queue of each store on each machine."""
    rows = []
    for host, counters in _of("uploader", heartbeats):
        sizes, last = by_label(counters, "store_waiting_mb"), by_label(counters, "store_last")
        troubles = by_label(counters, "store_trouble")
        for store, waiting in by_label(counters, "store_waiting").items():
            size = _number(sizes.get(store)) or 0.0
            words = [f"{size:,.1f} MB"] if waiting else []
            if at := last.get(store):
                words.append(f"last upload {shown(at, 'UTC time', now)}")
            name, trouble = _named(store, host), str(troubles.get(store) or "")
            rows.append(QueueRow(name, int(_number(waiting) or 0), ", ".join(words), trouble))
    return rows


def alert_rows(heartbeats: Mapping[str, Heartbeat]) -> list[QueueRow]:
    """Return the queue of each channel on each machine with a notifier."""
    rows = []
    for host, counters in _of("notifier", heartbeats):
        oldest_s = by_label(counters, "channel_oldest_s")
        troubles = by_label(counters, "channel_trouble")
        for channel, waiting in by_label(counters, "channel_waiting").items():
            age_s = _number(oldest_s.get(channel))
            words = (
                f"the oldest for {format_duration(max(age_s, 0.0))}" if age_s and waiting else ""
            )
            name, trouble = _named(channel, host), str(troubles.get(channel) or "")
            rows.append(QueueRow(name, int(_number(waiting) or 0), words, trouble))
    return rows


def _of(kind: str, heartbeats: Mapping[str, Heartbeat]) -> Iterable[tuple[str, Counters]]:
    """Yield machine and counters of each program of this *kind*."""
    for key, heartbeat in heartbeats.items():
        program, host = program_of(key)
        if program.kind == kind:
            yield host, heartbeat.counters


def _deletions(counters: Counters, settings: DiskSettings, now: datetime) -> Iterable[NextDeletion]:
    reasons = by_label(counters, "next_deleted_why")
    for name, size in by_label(counters, "next_deleted_mb").items():
        title, at = _recording(name, now)
        latest = at + timedelta(days=settings.keep_days) if at else None
        yield NextDeletion(
            title,
            _number(size) or 0.0,
            str(reasons.get(name) or ""),
            format_time(latest, now) if latest else None,
        )


def _recording(name: str, now: datetime) -> tuple[str, datetime | None]:
    """Return what *name*, a folder and a name below it, is called, and its time."""
    event = name.rpartition("/")[2]
    try:
        at = protocol.event_started_at(event)
        return f"{protocol.event_camera(event)} {format_time(at, now)}", at
    except ProtocolError:
        return name, None


def _named(name: str, host: str) -> str:
    return name if host == protocol.host_name() else f"{name} on {host}"


def _number(figure: Figure | Mapping[str, Figure]) -> float | None:
    return float(figure) if isinstance(figure, int | float) else None
