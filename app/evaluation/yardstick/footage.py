"""The pictures that scenes are made of: a real clip, or the demo's drawn room."""

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from app.cameras.base import CameraSettings
from app.cameras.synthetic.camera import SyntheticCamera
from app.clock import SystemClock
from app.frames import Frame, Image

#: A picture while it is being made, (rows, columns, BGR), in grey levels.
Pixels = NDArray[np.floating[Any]]
FPS, WIDTH, HEIGHT = 10, 640, 360
#: Intel's one-by-one-person-detection.mp4 (CC-BY-4.0): 1394 frames, 10 a second.
CLIP = "one-by-one-person-detection.mp4"
#: Its first and last frames with any part of a body in view, and its frames of the clean room.
CLIP_VISITS = ((60, 199), (227, 450), (502, 700), (744, 870), (920, 1200), (1234, 1359))
CLIP_EMPTY = range(2, 52)
#: The frames of the drawn room that are kept before and after each visit.
_BEFORE, _AFTER = 3, 21
_DRAWN_EMPTY = range(2, 22)


@dataclass(frozen=True, slots=True)
class Footage:
    """Frames of a room, with the first and last frame of each of six visits.

    All visitors leave at the right, or at the left where *mirrored*. *empty* are the frames of the
    clean room, and *plate* is their mean.
    """

    frames: list[Image]
    visits: tuple[tuple[int, int], ...]
    empty: range
    mirrored: bool
    plate: Pixels

    def empty_room(self, number: int) -> Pixels:
        """Return a frame of the clean room; they are shown there and back."""
        count = len(self.empty)
        place = number % (2 * count - 2)
        frame = self.empty[place if place < count else 2 * count - 2 - place]
        return self.frames[frame].astype(np.float32)

    def matte(self, number: int) -> tuple[Pixels, Pixels]:
        """Return a frame, and a soft mask, 0 to 1, of what differs from the clean room there."""
        frame = self.frames[number].astype(np.float32)
        difference = np.abs(frame - self.plate)
        difference -= np.median(difference, axis=(0, 1))
        mask = (cv2.GaussianBlur(difference.max(axis=2), (5, 5), 0) > 24).astype(np.uint8)
        opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        closed = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, np.ones((13, 13), np.uint8))
        full = np.zeros((HEIGHT, WIDTH), np.uint8)
        for contour in cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]:
            if cv2.contourArea(contour) > 250:
                cv2.drawContours(full, [contour], -1, 1, -1)
        soft = np.asarray(cv2.GaussianBlur(full.astype(np.float32), (5, 5), 0), np.float32)
        return frame, soft[..., None]


def find_clip() -> Path | None:
    """Return the clip, from the folder WHOS_THERE_DATA or ../shared/data; None if it is missing."""
    beside = Path(__file__).resolve().parents[4] / "shared" / "data"
    clip = Path(os.environ.get("WHOS_THERE_DATA", beside)) / CLIP
    return clip if clip.is_file() else None


def clip_footage(clip: Path, seed: int, most: int | None = None) -> Footage:
    """Return *clip* in the framing of *seed*: 88 to 100 % of it, and perhaps mirrored.

    With *most*, only so many frames are read.
    """
    rng = np.random.default_rng([seed, 999])
    scale, mirrored = rng.uniform(0.88, 1), rng.random() < 0.5
    frames = []
    for picture in _pictures(clip, most):
        rows, columns = picture.shape[:2]
        # People enter and leave over the lower and the right edge, so these stay.
        part = picture[rows - int(rows * scale) :, columns - int(columns * scale) :]
        small = cv2.resize(part, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        frames.append(np.ascontiguousarray(small[:, ::-1] if mirrored else small, np.uint8))
    visits = tuple(one for one in CLIP_VISITS if one[1] + _AFTER < len(frames))
    return Footage(frames, visits, CLIP_EMPTY, mirrored, _mean(frames, CLIP_EMPTY))


def drawn_footage(seed: int, count: int = 6) -> Footage:
    """Return *count* visits to the demo's drawn room, for which no clip is needed."""
    mirrored = bool(np.random.default_rng([seed, 999]).random() < 0.5)
    settings = CameraSettings("demo", (WIDTH, HEIGHT), FPS, hflip=mirrored)
    camera = SyntheticCamera("drawn", settings, SystemClock(), "fast", scene="person", seed=seed)
    visits: list[tuple[int, int]] = []
    with closing(camera):
        camera.open()
        frames = [camera.read().bgr() for _ in range(_DRAWN_EMPTY.stop)]
        while len(visits) < count:
            stretch, (first, last) = _read_visit(camera)
            person = camera.ground_truth(stretch[last].number).person
            if person and (2 * person.x + person.width < WIDTH) == mirrored:
                visits.append((len(frames) + first, len(frames) + last))
                frames += [frame.bgr() for frame in stretch]
    return Footage(frames, tuple(visits), _DRAWN_EMPTY, mirrored, _mean(frames, _DRAWN_EMPTY))


def _read_visit(camera: SyntheticCamera) -> tuple[list[Frame], tuple[int, int]]:
    """Return the frames of the next visit and some around it, and the places of its ends."""
    frames: list[Frame] = []
    seen: list[int] = []
    # A foot at the edge comes into view again with the next step.
    while not seen or len(frames) - seen[-1] <= _AFTER:
        frame = camera.read()
        if camera.ground_truth(frame.number).person:
            seen.append(len(frames))
        frames.append(frame)
    begin = max(0, seen[0] - _BEFORE)
    return frames[begin:], (seen[0] - begin, seen[-1] - begin)


def _pictures(clip: Path, most: int | None) -> Iterator[Image]:
    with av.open(str(clip)) as container:
        for frame in islice(container.decode(video=0), most):
            yield np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)


def _mean(frames: list[Image], empty: range) -> Pixels:
    mean = np.mean([frames[number] for number in empty], axis=0)
    return np.asarray(mean, np.float32)
