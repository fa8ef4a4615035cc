"""The detector's motion against the classic pipeline, frame by frame over real footage."""

from contextlib import closing
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from app.benchmarks.classic import ClassicMotion
from app.cameras import make_camera
from app.cameras.base import CameraSettings
from app.clock import SystemClock
from app.frames import Frame
from app.motion.background import BackgroundMotion
from app.motion.base import MotionSettings

VIDEO = "one-by-one-person-detection.mp4"
#: The first visitors of the video, and the empty room between them.
FRAMES = 450
DEFAULT = (0.1, 5)
#: `alpha` and `delta_thresh`.
SETTINGS = [DEFAULT, (0.1, 20), (0.02, 5), (0.3, 5)]


@dataclass
class Pair:
    """Both pipelines with the same settings, and the largest areas that they found."""

    settings: MotionSettings
    classic_px: list[float] = field(default_factory=list)
    ours_px: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.classic, self.ours = ClassicMotion(self.settings), BackgroundMotion(self.settings)

    def judge(self, frame: Frame, blurred: NDArray[np.uint8]) -> None:
        classic = self.classic
        self.classic_px.append(classic.outline(classic.mark(classic.compare(blurred))))
        self.ours_px.append(self.ours.judge(frame.luma, frame.luma_span).area_px)

    def agreement(self, min_area: float) -> float:
        """The share of frames for which both give the same verdict."""
        return float(
            np.mean((np.array(self.classic_px) > min_area) == (np.array(self.ours_px) > min_area))
        )


@pytest.fixture(scope="module")
def pairs(footage: Path) -> dict[tuple[float, int], Pair]:
    """Each of `SETTINGS` after the same frames, which are decoded and blurred once."""
    found = {
        (alpha, delta): Pair(MotionSettings(alpha=alpha, delta_thresh=delta))
        for alpha, delta in SETTINGS
    }
    blurring = ClassicMotion(MotionSettings())
    source = CameraSettings(source=str(footage / VIDEO))
    with closing(make_camera("test", source, SystemClock(), pace="fast")) as camera:
        camera.open()
        for _ in range(FRAMES):
            frame = camera.read()
            blurred = blurring.blur(blurring.grey(blurring.resize(frame.bgr())))
            for pair in found.values():
                pair.judge(frame, blurred)
    return found


def test_the_footage_has_motion_and_stillness(pairs: dict[tuple[float, int], Pair]) -> None:
    moving = sum(area_px > 5000 for area_px in pairs[DEFAULT].classic_px)
    assert FRAMES / 5 < moving < FRAMES * 3 / 5


@pytest.mark.parametrize(
    ("settings", "min_area"), [*product(SETTINGS, [500, 5000]), (DEFAULT, 2000), (DEFAULT, 10000)]
)
def test_97_of_100_verdicts_are_the_classic_ones(
    settings: tuple[float, int], min_area: float, pairs: dict[tuple[float, int], Pair]
) -> None:
    assert pairs[settings].agreement(min_area) >= 0.97


def test_areas_are_those_of_the_classic_pipeline(pairs: dict[tuple[float, int], Pair]) -> None:
    pair = pairs[DEFAULT]
    ratios = [
        ours / classic
        for ours, classic in zip(pair.ours_px, pair.classic_px, strict=True)
        if classic > 2000
    ]
    assert np.median(ratios) == pytest.approx(1, abs=0.03)
