"""The settings of a mount, and the angles that it allows."""

import pytest

from app.pantilt.base import PanTiltSettings, check_angles


def test_a_camera_has_no_mount_by_default() -> None:
    assert PanTiltSettings() == PanTiltSettings(backend="none", home=(0, 0), settle_s=1.0)


@pytest.mark.parametrize(("pan_deg", "tilt_deg"), [(-90, 90), (0, 0), (90, -90)])
def test_whole_degrees_to_both_limits_are_allowed(pan_deg: int, tilt_deg: int) -> None:
    check_angles(pan_deg, tilt_deg)


@pytest.mark.parametrize(
    ("pan_deg", "tilt_deg", "text"),
    [(91, 0, "pan must be whole degrees from -90 to 90, not 91"), (0, 1.5, "tilt .*, not 1.5")],
)
def test_an_error_names_the_servo_and_the_angle(pan_deg: int, tilt_deg: float, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        check_angles(pan_deg, tilt_deg)  # type: ignore[arg-type]
