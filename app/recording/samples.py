"""Training samples: a moment as the detector saw it, and the frames before, as one tar in the
naming of WebDataset.

All files of a sample share the part of their names before the first dot, its key; what follows says
what a file is. An event's id has a dot of its own, so that the key has a dash in its place; the id
itself is in the sample's JSON.
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

#: The JPEG quality of the moment itself, and of the frames before.
FRAME_QUALITY, STORED_QUALITY = 90, 60
#: Before a quiet moment nothing has moved, and one frame of so many tells it all: a day's samples
#: of 640x480 take 20 to 50 MB, not 100.
QUIET_STEP = 5
SAMPLE_NAME = "sample.tar"


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """A frame that is kept as JPEG, and what the motion sensor said then, None without one."""

    jpeg: bytes
    taken_at: datetime
    number: int
    pir: bool | None


@dataclass(frozen=True, slots=True)
class Moment:
    """What a sample is of: an alert, or a room that is quiet, and what the motion sensor said then.

    *facts*, plain, tell how *frame* was judged and by what settings; *pictures*, (rows, columns)
    uint8, are those that it was compared by: "background" and "delta", or none.
    """

    sample: str
    kind: Literal["alert", "quiet"]
    frame: Frame
    pir: bool | None
    facts: dict[str, Any]
    pictures: dict[str, Image]


class FrameStore:
    """The last *count* frames, oldest first."""

    def __init__(self, count: int) -> None:
        self._stored: deque[StoredFrame] = deque(maxlen=count)

    @property
    def megabytes(self) -> float:
        """How much memory they take."""
        return sum(len(one.jpeg) for one in list(self._stored)) / 1e6

    def keep(self, frame: Frame, pir: bool | None) -> None:
        """Put *frame* at the end."""
        self._stored.append(
            StoredFrame(jpeg(frame.bgr(), STORED_QUALITY), frame.taken_at, frame.number, pir)
        )

    def clear(self) -> None:
        """Forget them, as after the camera was switched off."""
        self._stored.clear()

    def __iter__(self) -> Iterator[StoredFrame]:
        return iter(list(self._stored))


def sample_key(sample: str) -> str:
    """What the names of all files of *sample*, an id, begin with."""
    return sample.replace(".", "-")


def write_sample(path: Path, moment: Moment, store: FrameStore) -> None:
    """Make the tar of *moment* at *path*, with the frames in *store* before it. The same moment
    gives the same bytes.
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
    """What a sample holds, by what follows the key in its name."""
    yield "json", json.dumps(_facts(moment, before), indent=1, sort_keys=True).encode()
    yield "frame.jpg", jpeg(moment.frame.bgr(), FRAME_QUALITY)
    for name, picture in moment.pictures.items():
        yield f"{name}.png", _png(picture)
    for number, stored in enumerate(before):
        yield f"{number:02d}.jpg", stored.jpeg


def _facts(moment: Moment, before: list[StoredFrame]) -> dict[str, Any]:
    frame = moment.frame
    return {
        **moment.facts,
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
