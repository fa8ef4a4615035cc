"""Training samples: a moment and the frames before it, as a tar with WebDataset's naming.

All files of a sample have the same name up to the first dot: the key. The rest of the name says
what the file is. An event's id contains a dot, so the key has a dash in its place; the id itself is
in the sample's JSON.
"""

import io
import json
import tarfile
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from app.files import atomic_file
from app.frames import Frame, Image, jpeg

#: The JPEG quality of the moment itself, and of the frames before it.
FRAME_QUALITY, STORED_QUALITY = 90, 60
#: Nothing moves before a quiet moment, so every fifth frame is enough: the samples of a day at
#: 640x480 take 20 to 50 MB instead of 100.
QUIET_STEP = 5
SAMPLE_NAME = "sample.tar"


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """A frame kept as JPEG. *pir* is the state of the motion sensor, None without one."""

    jpeg: bytes
    taken_at: datetime
    number: int
    pir: bool | None


@dataclass(frozen=True, slots=True)
class Moment:
    """The subject of a sample: an alert, or a quiet room. *pir* is the state of the motion sensor.

    *details* are plain values: the verdict on *frame*, and the settings that decided it.
    *pictures*, (rows, columns) uint8, are "background" and "delta" of the comparison, or none.
    """

    sample: str
    kind: Literal["alert", "quiet"]
    frame: Frame
    pir: bool | None
    details: dict[str, Any]
    pictures: dict[str, Image]


class FrameStore:
    """Keeps the last *count* frames, oldest first."""

    def __init__(self, count: int) -> None:
        self._stored: deque[StoredFrame] = deque(maxlen=count)

    @property
    def megabytes(self) -> float:
        """The memory that the frames take."""
        return sum(len(one.jpeg) for one in list(self._stored)) / 1e6

    def append(self, frame: Frame, pir: bool | None) -> None:
        """Add *frame* at the end."""
        encoded = jpeg(frame.bgr(), STORED_QUALITY)
        self._stored.append(StoredFrame(encoded, frame.taken_at, frame.number, pir))

    def clear(self) -> None:
        """Drop all frames, for example after the camera was switched off."""
        self._stored.clear()

    def __iter__(self) -> Iterator[StoredFrame]:
        return iter(list(self._stored))


def sample_key(sample: str) -> str:
    """Return the common beginning of the names of all files of *sample*, an id."""
    return sample.replace(".", "-")


def write_sample(path: Path, moment: Moment, store: FrameStore) -> None:
    """Write the tar of *moment* to *path*, with the frames in *store* before it.

    The same moment gives the same bytes.
    """
    before = list(store)[:: -QUIET_STEP if moment.kind == "quiet" else -1][::-1]
    key, mtime = sample_key(moment.sample), int(moment.frame.taken_at.timestamp())
    with (
        atomic_file(path) as file,
        tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for suffix, content in _files(moment, before):
            member = tarfile.TarInfo(f"{key}.{suffix}")
            member.size, member.mtime = len(content), mtime
            tar.addfile(member, io.BytesIO(content))


def _files(moment: Moment, before: list[StoredFrame]) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a sample: the part of the name after the key, and the content."""
    yield "json", json.dumps(_description(moment, before), indent=1, sort_keys=True).encode()
    yield "frame.jpg", jpeg(moment.frame.bgr(), FRAME_QUALITY)
    for name, picture in moment.pictures.items():
        yield f"{name}.png", _png(picture)
    for number, stored in enumerate(before):
        yield f"{number:02d}.jpg", stored.jpeg


def _description(moment: Moment, before: list[StoredFrame]) -> dict[str, Any]:
    frame = moment.frame
    return {
        **moment.details,
        "id": moment.sample,
        "kind": moment.kind,
        "at": frame.taken_at.isoformat(),
        "number": frame.number,
        "luma_span": frame.luma_span,
        "pir_now": moment.pir,
        "pir": [stored.pir for stored in before],
        "frames": [
            {"file": f"{n:02d}.jpg", "at": stored.taken_at.isoformat(), "number": stored.number}
            for n, stored in enumerate(before)
        ],
    }


def _png(picture: Image) -> bytes:
    import cv2

    done, encoded = cv2.imencode(".png", picture)
    if not done:
        raise ValueError(f"OpenCV could not make a PNG of a picture of shape {picture.shape}")
    return encoded.tobytes()
