"""The settings of motion models, and the choice of a model."""

import pytest

from app.motion import make_motion
from app.motion.background import BackgroundMotion
from app.motion.base import MotionSettings
from app.motion.light import LightMotion
from app.motion.structure import StructureMotion


def test_trigger_and_method_name_the_model() -> None:
    assert isinstance(make_motion(MotionSettings()), StructureMotion)
    classic = MotionSettings(method="running_average")
    assert isinstance(make_motion(classic), BackgroundMotion)
    assert isinstance(make_motion(MotionSettings(trigger="light")), LightMotion)


def test_only_light_is_debounced() -> None:
    assert make_motion(MotionSettings()).debounce_s is None
    assert make_motion(MotionSettings(trigger="light", debounce_s=0.5)).debounce_s == 0.5


@pytest.mark.parametrize("hysteresis_levels", [50.0, 60.0])
def test_the_hysteresis_must_be_less_than_thresh(hysteresis_levels: float) -> None:
    with pytest.raises(ValueError, match=r"must be less than thresh \(50\)"):
        MotionSettings(thresh=50, hysteresis_levels=hysteresis_levels)


@pytest.mark.parametrize("ksize", [(20, 21), (21, 20)])
def test_both_numbers_of_ksize_must_be_odd(ksize: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"must be odd, as in \[21, 21\], not \[2"):
        MotionSettings(ksize=ksize)
