"""The figures from which on something counts as motion."""

from app.motion.base import MotionSettings
from app.motion.thresholds import Thresholds, thresholds

SHAPE = (240, 320)


def test_each_trigger_and_method_has_its_own_thresholds() -> None:
    assert thresholds(MotionSettings(trigger="light"), SHAPE) == Thresholds(level=50.0)
    classic = thresholds(MotionSettings(method="running_average"), SHAPE)
    assert classic == Thresholds(area_px=5000.0)
    structure = thresholds(MotionSettings(frame_width=500, min_size=0.01), SHAPE)
    assert structure == Thresholds(area_px=0.01 * 500 * 375, hidden=0.58)
