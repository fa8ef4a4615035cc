"""Measures the CPU time of a picture by both methods of motion: empty or not, warm or cold.

A picture is warm when it and the model are in the processor's caches. At a camera's pace other work
has emptied the caches before each picture: that is cold. Every picture is judged several times, and
its least time counts, since other work of this machine only adds to it.
"""

import time
from collections.abc import Callable, Sequence
from functools import reduce
from itertools import islice
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from app.benchmarks.caches import Caches
from app.benchmarks.stopwatch import Stopwatch
from app.cameras import fast_frames
from app.cameras.base import CameraSettings
from app.frames import Image
from app.motion.background import BackgroundMotion
from app.motion.base import MotionModel, MotionSettings
from app.motion.structure import StructureMotion

WIDTH, HEIGHT = 640, 480
#: Pictures that are judged, at 10 a second: two visits to the drawn room, and a pause.
PICTURES = 360
_PASSES = 3
#: The room is empty when nothing has moved for so long.
_EMPTY_AFTER_S = 5.0
METHODS: dict[str, Callable[[], MotionModel]] = {
    "structure": lambda: StructureMotion(MotionSettings()),
    "running_average": lambda: BackgroundMotion(MotionSettings()),
}
#: The stages of the method structure: the methods of its scene, and of the parts of that.
STAGES = {
    "shrink": ("shrink",),
    "contrast": ("contrast.take", "contrast.weigh"),
    "light": ("light.take",),
    "compare": ("model.compare", "model.quartile", "model.raise_limit"),
    "blobs": ("finder.find",),
    "learn": ("model.calibrate", "model.learn", "model.hurry", "model.hurry_in"),
}


def measure_motion(source: str, count: int = PICTURES, passes: int = _PASSES) -> dict[str, Any]:
    """Return the milliseconds of a picture of 640x480, for each method, by state and caches.

    *source* is a video, or demo: then there is nobody but the visitors to the drawn room. A state
    that does not occur has None. The stages are those of the method structure, warm.
    """
    lumas = read_lumas("synthetic:person" if source == "demo" else source, count)
    figures: dict[str, Any] = {
        method: {
            name: _by_state(lumas, make, passes, caches)
            for name, caches in {"warm": None, "cold": Caches()}.items()
        }
        for method, make in METHODS.items()
    }
    return {"methods_ms": figures, "structure_stages_ms": _stages(lumas)}


def read_lumas(source: str, count: int) -> list[Image]:
    """Return the luma of the first pictures of *source*, at 640x480."""
    settings = CameraSettings(source=source, resolution=(WIDTH, HEIGHT), fps=10)
    lumas: list[Image] = []
    for frame in islice(fast_frames("bench", settings), count):
        resized = cv2.resize(frame.luma, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        lumas.append(np.array(resized, np.uint8))
    return lumas


def motion_table(figures: dict[str, Any]) -> str:
    """Return the figures of `measure_motion` as a table."""
    lines = ["each method, a frame", f"  {'':16} {'empty room':>12} {'somebody':>12}"]
    for method, by_caches in figures["methods_ms"].items():
        for caches, costs in by_caches.items():
            cells = ["-" if one is None else f"{one:.4f}" for one in costs.values()]
            lines.append(
                f"  {method}, {caches}".ljust(24) + " ".join(f"{one:>10}" for one in cells)
            )
    lines.append("stages of structure, with somebody there, warm")
    lines += [f"    {name:14} {ms:8.4f}" for name, ms in figures["structure_stages_ms"].items()]
    return "\n".join(lines)


def _by_state(
    lumas: Sequence[Image], make: Callable[[], MotionModel], passes: int, caches: Caches | None
) -> dict[str, float | None]:
    runs = [_run(lumas, make(), caches) for _ in range(passes)]
    least_s = np.min([costs_s for costs_s, _ in runs], axis=0)
    states = np.array(runs[0][1])
    return {state: _mean_ms(least_s[states == state]) for state in ("empty", "somebody")}


def _run(
    lumas: Sequence[Image], motion: MotionModel, caches: Caches | None = None
) -> tuple[list[float], list[str]]:
    """Return the seconds of each picture, and its state: empty, somebody, or between the two."""
    costs_s, states, last_s = [], [], 0.0
    for number, luma in enumerate(lumas):
        at_s = number / 10
        picture = luma.copy()
        if caches:
            caches.wipe_but(picture)
        began_s = time.process_time()
        seen = motion.judge(picture, 255, at_s)
        costs_s.append(time.process_time() - began_s)
        last_s = at_s if seen.motion or seen.learning else last_s
        is_empty = at_s - last_s >= _EMPTY_AFTER_S
        states.append("somebody" if seen.motion else "empty" if is_empty else "between")
    return costs_s, states


def _mean_ms(costs_s: NDArray[np.float64]) -> float | None:
    return round(1000 * float(costs_s.mean()), 4) if costs_s.size else None


def _stages(lumas: Sequence[Image]) -> dict[str, float]:
    """Return the milliseconds of each stage with somebody there; the rest are tracks and rules."""
    motion = StructureMotion(MotionSettings())
    motion.judge(lumas[0], 255, 0.0)
    watch = _watch_stages(motion.scene)
    whole: list[float] = []
    spent: list[dict[str, float]] = []
    for number, luma in enumerate(lumas[1:], 1):
        watch.restart()
        began_s = time.process_time()
        seen = motion.judge(luma, 255, number / 10)
        if seen.motion:
            whole.append(time.process_time() - began_s)
            spent.append(watch.ms(1))
    if not spent:
        return {}
    stages = {name: round(float(np.mean([one[name] for one in spent])), 4) for name in STAGES}
    rest_ms = 1000 * float(np.mean(whole)) - sum(stages.values())
    return {**stages, "tracks and rules": round(max(rest_ms, 0.0), 4)}


def _watch_stages(scene: object) -> Stopwatch:
    watch = Stopwatch()
    for stage, calls in STAGES.items():
        for call in calls:
            *path, method = call.split(".")
            part = reduce(getattr, path, scene)
            setattr(part, method, watch.timed(stage, getattr(part, method)))
    return watch
