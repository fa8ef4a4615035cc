"""Events, samples and tags as the suite writes them, made by its own writers."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np

from app.frames import Box, Frame, Image, jpeg
from app.protocol import EventRecord, Label, event_id, plain_event
from app.recording.event_folder import EventFolders, SnapshotPair
from app.recording.samples import SAMPLE_NAME, FrameStore, Moment, write_sample

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class TaggedHouse:
    """A house in *data_dir* with a camera, to which events are added."""

    def __init__(self, data_dir: Path, camera: str = "front") -> None:
        self.data_dir = data_dir
        self.camera = camera
        self._folders = EventFolders(data_dir)

    def folder(self, event: str, at: datetime) -> Path:
        """Return the folder of *event*, which began *at*."""
        return self._folders.folder(event, at)

    def add(self, at: datetime, label: Label | None = None, **fields: Any) -> str:
        """Add an event with its snapshot, tagged with *label*; return its id."""
        event = event_id(at, self.camera)
        record = replace(EventRecord(self.camera, at, at + timedelta(seconds=5)), **fields)
        snapshot = jpeg(picture(at.hour))
        pictures = SnapshotPair(snapshot, snapshot)
        self._folders.write_event(event, at, plain_event(record), pictures)
        self.tag(event, at, label)
        return event

    def tag(self, event: str, at: datetime, label: Label | None) -> None:
        """Tag *event*, which began *at*, or remove its tag."""
        facts = {"label": label, "by": "anna", "at": at.isoformat()} if label else None
        self._folders.write_label(event, at, facts)

    def add_sample(
        self,
        at: datetime,
        pictures: Sequence[Image],
        kind: Literal["alert", "quiet"] = "alert",
        *,
        boxes: Sequence[Box] = (),
        motion: bool = True,
    ) -> Path:
        """Add a sample of *pictures*, ten a second, of which the last was taken *at*."""
        event = event_id(at, self.camera)
        frames = frames_until(at, pictures)
        store = FrameStore(len(pictures))
        for one in frames[:-1]:
            store.append(one, None)
        details = {
            "camera": self.camera,
            "classification": {"motion": motion, "boxes": list(boxes)},
            "contours": [{"box": box, "area_px": 9.5} for box in boxes],
            "settings": {"motion": {}},
        }
        plane = np.full((36, 64), 90, np.uint8)
        moment = Moment(event, kind, frames[-1], None, details, {"background": plane})
        path = self.folder(event, at) / SAMPLE_NAME
        write_sample(path, moment, store)
        return path


def picture(number: int) -> Image:
    """Return a small picture that differs by *number*."""
    rows, columns = np.indices((48, 64))
    return np.stack([rows * 3 + number, columns * 2, rows + columns], axis=-1).astype(np.uint8)


def frames_until(at: datetime, pictures: Sequence[Image]) -> list[Frame]:
    """Return *pictures* as frames, ten a second, of which the last was taken *at*."""
    last = len(pictures) - 1
    return [
        Frame(
            np.ascontiguousarray(one[:, :, 0]),
            number / 10,
            at - timedelta(seconds=(last - number) / 10),
            number,
            lambda one=one: one,  # type: ignore[misc]
        )
        for number, one in enumerate(pictures)
    ]
