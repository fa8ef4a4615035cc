"""Events for tests of the dashboard: on the disk, and in Redis."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.protocol import EventRecord, Fact, event_camera, event_fact_id, event_id, plain_event
from app.recording.event_folder import EventFolders
from app.state import State

#: The beginning of the first event.
FIRST = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
JPEG = b"\xff\xd8 marked \xff\xd9"
CLEAN_JPEG = b"\xff\xd8 clean \xff\xd9"


def an_event(minute: float = 0, camera: str = "front", lasted_s: float = 42) -> EventRecord:
    """An event that began so many minutes after `FIRST`, and was sent."""
    at = FIRST + timedelta(minutes=minute)
    return EventRecord(camera, at, at + timedelta(seconds=lasted_s), decision="sent")


def write_event(
    data_dir: Path, record: EventRecord, *, clip: bytes | None = b"clip", pictures: bool = True
) -> str:
    """Write the folder of *record*, and return the event's id."""
    event = event_id(record.started_at, record.camera)
    folder = EventFolders(data_dir).folder(event, record.started_at)
    folder.mkdir(parents=True)
    (folder / "event.json").write_text(json.dumps({"id": event, **plain_event(record)}))
    if pictures:
        (folder / "snapshot.jpg").write_bytes(JPEG)
        (folder / "snapshot-clean.jpg").write_bytes(CLEAN_JPEG)
    if record.label:
        label = {"label": record.label, "user": record.label_by or "U0ANNA"}
        (folder / "label.json").write_text(json.dumps(label))
    if clip is not None:
        (folder / "clip.mp4").write_bytes(clip)
    return event


def publish_event(
    state: State, record: EventRecord, *, host: str | None = None, snapshot: bytes | None = None
) -> str:
    """Publish the opening of *record*, and its clip if *host* has one; return the event's id."""
    event = event_id(record.started_at, record.camera)
    at, camera = record.started_at, record.camera
    started = Fact(
        event_fact_id(event, "motion_started"), "motion_started", at, "Motion.", camera, event
    )
    state.publish(started, record, snapshot)
    if host:
        ready = replace(
            started,
            id=event_fact_id(event, "clip_ready"),
            kind="clip_ready",
            file="clip.mp4",
            lasted_s=42.0,
            host=host,
        )
        state.publish(ready)
    return event


def folder_of(data_dir: Path, event: str) -> Path:
    day = f"{event[:4]}-{event[4:6]}-{event[6:8]}"
    assert event_camera(event)
    return data_dir / "events" / day / event
