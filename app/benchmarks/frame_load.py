"""Measures the CPU time of the detector, beside the classic pipeline, with warm and cold caches.

In its figures, the detector is that with the method running_average.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import cv2
import numpy as np

from app.benchmarks.caches import Caches
from app.benchmarks.classic import ClassicMotion
from app.benchmarks.stopwatch import Stopwatch
from app.cameras import fast_frames
from app.cameras.base import CameraSettings
from app.detector import Detector, EventSettings
from app.frames import Frame, Image
from app.motion.background import BackgroundMotion
from app.motion.base import MotionSettings

WIDTH, HEIGHT = 640, 480
PICTURES = 150
WARM_UP = 20
CLASSIC_STAGES = ("resize", "grey", "blur", "compare", "mark", "outline")
DETECTOR_STAGES = ("shrink", "blur", "learn", "compare", "outline")
#: The most frames for which the caches are wiped, which takes longer than the frames.
COLD_FRAMES = 300
#: Each picture, in colour for the classic pipeline and as a frame for the detector.
BenchPictures = Sequence[tuple[Image, Frame]]


def read_pictures(source: str) -> BenchPictures:
    """Return the first pictures of *source*, resized to 640x480."""
    settings = CameraSettings(source=source, resolution=(WIDTH, HEIGHT))
    pictures: list[tuple[Image, Frame]] = []
    for frame in islice(fast_frames("bench", settings), PICTURES):
        resized = cv2.resize(frame.bgr(), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        bgr = np.asarray(resized, np.uint8)
        luma = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), np.uint8)
        pictures.append((bgr, replace(frame, luma=luma, luma_span=255)))
    return pictures


def measure_frames(pictures: BenchPictures, count: int) -> dict[str, Any]:
    """Return the costs of both pipelines and of their stages, over *count* frames.

    `cold` has the costs at a camera's pace, with the caches wiped before each pipeline's turn.
    """
    costs = _costs(pictures, count)
    cold = _costs(pictures, min(count, COLD_FRAMES), Caches())
    return {**costs, "frames": count, "cold": cold, **_stages(pictures, count)}


def _costs(pictures: BenchPictures, count: int, caches: Caches | None = None) -> dict[str, float]:
    whole = Stopwatch()
    classic = ClassicMotion(MotionSettings())
    detector = Detector(BackgroundMotion(MotionSettings()), EventSettings())
    _take_turns(
        pictures,
        count,
        whole.timed("classic_ms", classic.judge),
        whole.timed("detector_ms", detector.judge),
        watches=[whole],
        caches=caches,
    )
    costs = whole.ms(count)
    return {**costs, "ratio": round(costs["detector_ms"] / costs["classic_ms"], 4)}


def _stages(pictures: BenchPictures, count: int) -> dict[str, dict[str, float]]:
    classic, motion = ClassicMotion(MotionSettings()), BackgroundMotion(MotionSettings())
    detector = Detector(motion, EventSettings())
    motion.judge(pictures[0][1].luma)
    whole, of_classic, of_detector = Stopwatch(), Stopwatch(), Stopwatch()
    of_classic.watch(classic, CLASSIC_STAGES)
    of_detector.watch(motion.background, DETECTOR_STAGES)
    whole.watch(motion, ["judge"])
    _take_turns(
        pictures,
        count,
        classic.judge,
        whole.timed("detector", detector.judge),
        watches=[whole, of_classic, of_detector],
    )
    rule_ms = whole.ms(count)["detector"] - whole.ms(count)["judge"]
    return {
        "classic_stages_ms": of_classic.ms(count),
        "detector_stages_ms": {**of_detector.ms(count), "rule": round(rule_ms, 4)},
    }


def _take_turns(
    pictures: BenchPictures,
    count: int,
    classic: Callable[[Image], Any],
    detector: Callable[[Frame], Any],
    *,
    watches: Sequence[Stopwatch],
    caches: Caches | None = None,
) -> None:
    """Give both pipelines a few frames to warm up, then *count* frames that are measured.

    The *caches*, if they are given, are wiped before each turn.
    """
    for number, (bgr, frame) in enumerate(_there_and_back(pictures, WARM_UP + count)):
        if number == WARM_UP:
            for watch in watches:
                watch.restart()
        if caches:
            caches.wipe_but(bgr)
        classic(bgr)
        if caches:
            caches.wipe_but(frame.luma)
        detector(frame)


def _there_and_back(pictures: BenchPictures, count: int) -> Iterator[tuple[Image, Frame]]:
    """Yield *count* pictures without jumps, with times that only increase."""
    order = itertools.cycle([*pictures, *pictures[-2:0:-1]])
    for number, (bgr, frame) in enumerate(itertools.islice(order, count)):
        yield bgr, replace(frame, number=number, at_s=number / 10)


def frames_table(figures: dict[str, Any]) -> str:
    """Return the figures of `measure_frames` for people to read."""
    frames, cold = figures["frames"], figures["cold"]
    rows = [f"CPU milliseconds a frame of {WIDTH}x{HEIGHT}, one thread, mean of {frames} frames"]
    for name in ("classic", "detector"):
        rows.append(f"  {name:16} {figures[f'{name}_ms']:8.4f}")
        stages = figures[f"{name}_stages_ms"].items()
        rows.extend(f"    {stage:14} {cost_ms:8.4f}" for stage, cost_ms in stages)
    rows += [
        f"  the detector takes {_share(figures)} of the classic pipeline's time",
        f"  cold, as at a camera's pace: classic {cold['classic_ms']:.4f}, detector "
        f"{cold['detector_ms']:.4f}: {_share(cold)}",
    ]
    return "\n".join(rows)


def _share(costs: dict[str, Any]) -> str:
    return f"{costs['ratio']:.4f} (1/{1 / costs['ratio']:.0f})"
