"""A tagged house made of the yardstick's scenes: what a sensitive detector noticed in them.

    python -m tests.evaluation.tagged_scenes KEPT OUT [--clips]

KEPT is the folder of `scripts/yardstick.sh --keep`, and OUT gets `events/` as a suite writes it,
with samples, or with clips instead. The tags are the truth, but 5 of 100 are wrong.
"""

import sys
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

import cv2
import numpy as np

from app.detector import Detector, EventSettings
from app.evaluation.yardstick.drawn import encode, read_frames, read_labels
from app.evaluation.yardstick.staging import Labels
from app.frames import Box, Frame, Image
from app.motion import make_motion
from app.motion.base import MotionSettings
from app.protocol import Label
from tests.evaluation.tagged import TaggedHouse

#: A house that noticed too much, by both methods; its tags know what other settings would do.
SENSITIVE = (
    (MotionSettings(min_size=0.0014), EventSettings()),
    (
        MotionSettings(method="running_average", min_area=2500, delta_thresh=4),
        EventSettings(min_occupied_fraction=0.45),
    ),
)
WRONG = 0.05
_FRAMES, _BEFORE, _AFTER, _SETTLE_S = 31, 50, 60, 8.0
_FIRST = datetime(2026, 11, 1, 8, tzinfo=UTC)


def openings(frames: Iterable[Frame]) -> Iterator[tuple[float, list[Box]]]:
    """Yield when events open in *frames*, at least 4 s apart, and the boxes around what moves."""
    detectors = [Detector(make_motion(one, fps=10), two, fps=10) for one, two in SENSITIVE]
    quiet_s = _SETTLE_S
    for frame in frames:
        opened = [one.judge(frame).changed == "opened" for one in detectors]
        if any(opened) and frame.at_s >= quiet_s:
            quiet_s = frame.at_s + 4.0
            compared = [one.comparison() for one in detectors]
            yield frame.at_s, [box.box for one in compared if one for box in one.contours]


def is_there(labels: Labels, at_s: float) -> bool:
    """Return whether somebody is in the scene, or has just left."""
    return any(first - 0.2 <= at_s <= last + 2 for first, last in labels.presence)


def add_scene(
    house: TaggedHouse, path: Path, labels: Labels, start: datetime, *, clips: bool
) -> int:
    """Add the events of the scene at *path*, which began at *start*; return how many."""
    rng = np.random.default_rng(int(start.timestamp()))
    opened = list(openings(read_frames(path)))
    waiting = deque(opened)
    kept: deque[Image] = deque(maxlen=_BEFORE + _AFTER if clips else _FRAMES)
    after_s = _AFTER / 10 if clips else 0.0
    for frame in read_frames(path):
        kept.append(frame.bgr())
        if waiting and frame.at_s >= min(waiting[0][0] + after_s, labels.seconds - 0.2):
            at_s, boxes = waiting.popleft()
            there = is_there(labels, at_s)
            label: Label = "occupied" if there != (rng.random() < WRONG) else "unoccupied"
            at, pictures = start + timedelta(seconds=at_s), list(kept)
            event = house.add(at, label)
            if clips:
                encode(house.folder(event, at) / "clip.mp4", pictures)
            else:
                house.add_sample(at, pictures, boxes=boxes)
    return len(opened) - len(waiting)


def main(kept: Path, out: Path, *, clips: bool) -> None:
    cv2.setNumThreads(1)
    house = TaggedHouse(out)
    scenes = chain.from_iterable(
        ((folder / f"{name}.mp4", one) for name, one in read_labels(folder).items())
        for folder in sorted(kept.glob("seed*"))
    )
    for number, (path, labels) in enumerate(scenes):
        start = _FIRST + timedelta(days=number % 10, minutes=10 * (number // 10))
        count = add_scene(house, path, labels, start, clips=clips)
        print(f"{path.parent.name} {labels.name}: {count} events")  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), clips="--clips" in sys.argv)
