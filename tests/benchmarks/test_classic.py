"""The detector's motion against the plain classic pipeline, frame by frame over the real film."""

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from app.benchmarks.classic import ClassicMotion
from app.cameras import make_camera
from app.cameras.base import CameraSettings
from app.clock import SystemClock
from app.errors import CameraEnded
from app.frames import Frame
from app.motion import make_motion
from app.motion.base import MotionSettings

FILM = "one-by-one-person-detection.mp4"
TABLE = [(0.1, 5), (0.1, 3), (0.1, 10), (0.1, 20), (0.02, 5), (0.3, 5)]


@dataclass
class Pair:
    """Both ways of seeing, by the same settings, and the largest areas they found."""

    settings: MotionSettings
    classic_px: list[float] = field(default_factory=list)
    ours_px: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.classic, self.ours = ClassicMotion(self.settings), make_motion(self.settings)

    def look(self, frame: Frame, blurred: NDArray[np.uint8]) -> None:
        self.classic_px.append(
            self.classic.outline(self.classic.mark(self.classic.compare(blurred)))
        )
        self.ours_px.append(self.ours.judge(frame.luma, frame.luma_span).area_px)

    def agreement(self, min_area: float) -> float:
        return float(
            np.mean((np.array(self.classic_px) > min_area) == (np.array(self.ours_px) > min_area))
        )


@pytest.fixture(scope="module")
def pairs(footage: Path) -> dict[tuple[float, int], Pair]:
    """The film seen once by each pair of `TABLE`."""
    found = {
        (alpha, delta): Pair(MotionSettings(alpha=alpha, delta_thresh=delta))
        for alpha, delta in TABLE
    }
    eye = ClassicMotion(MotionSettings())
    with closing(
        make_camera("film", CameraSettings(source=str(footage / FILM)), SystemClock(), pace="fast")
    ) as camera:
        camera.open()
        while True:
            try:
                frame = camera.read()
            except CameraEnded:
                return found
            blurred = eye.blur(eye.grey(eye.resize(frame.bgr())))
            for pair in found.values():
                pair.look(frame, blurred)


def test_by_default_at_least_97_of_100_verdicts_are_those_of_the_classic_pipeline(
    pairs: dict[tuple[float, int], Pair],
) -> None:
    pair = pairs[0.1, 5]
    assert len(pair.ours_px) == 1394
    assert 300 < sum(area_px > 5000 for area_px in pair.classic_px) < 800
    assert pair.agreement(5000) >= 0.97


@pytest.mark.parametrize("min_area", [500, 2000, 5000, 10000])
@pytest.mark.parametrize("knobs", TABLE)
def test_other_settings_mean_what_they_mean_in_the_classic_pipeline(
    knobs: tuple[float, int], min_area: float, pairs: dict[tuple[float, int], Pair]
) -> None:
    assert pairs[knobs].agreement(min_area) >= 0.97


def test_areas_are_those_of_the_classic_pipeline(pairs: dict[tuple[float, int], Pair]) -> None:
    pair = pairs[0.1, 5]
    both = [
        (ours, classic)
        for ours, classic in zip(pair.ours_px, pair.classic_px, strict=True)
        if classic > 2000
    ]
    assert np.median([ours / classic for ours, classic in both]) == pytest.approx(1, abs=0.03)
