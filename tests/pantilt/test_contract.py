"""What every mount keeps to."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from app.errors import PanTiltError
from app.pantilt.base import PanTilt, PanTiltSettings
from app.pantilt.hat import HatPanTilt
from app.pantilt.mock import MockPanTilt
from tests.pantilt.board import Board


@dataclass
class Rig:
    """A mount, and the plug that it hangs on."""

    mount: PanTilt
    plug: Callable[[bool], None]


@pytest.fixture(params=["mock", "hat"])
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    mount = MockPanTilt()
    board = Board()
    hat = HatPanTilt(PanTiltSettings(backend="hat"), board)
    on_mock = Rig(mount, lambda plugged: setattr(mount, "plugged", plugged))
    on_hat = Rig(hat, lambda plugged: setattr(board, "plugged", plugged))
    yield on_mock if request.param == "mock" else on_hat
    mount.close()
    hat.close()


def test_it_looks_straight_ahead_before_the_first_move(rig: Rig) -> None:
    rig.mount.open()
    assert rig.mount.position() == (0, 0)


def test_it_says_that_it_points_where_it_was_sent_at_every_angle(rig: Rig) -> None:
    rig.mount.open()
    for pan_deg in range(-90, 91):
        rig.mount.move_to(pan_deg, -pan_deg)
        assert rig.mount.position() == (pan_deg, -pan_deg)


@pytest.mark.parametrize(
    ("pan_deg", "tilt_deg"), [(-91, 0), (91, 0), (0, -91), (0, 91), (30, 1000)]
)
def test_an_angle_beyond_the_limits_is_a_value_error_and_neither_servo_moves(
    rig: Rig, pan_deg: int, tilt_deg: int
) -> None:
    rig.mount.open()
    rig.mount.move_to(10, 20)
    with pytest.raises(ValueError, match="from -90 to 90"):
        rig.mount.move_to(pan_deg, tilt_deg)
    assert rig.mount.position() == (10, 20)


def test_a_mount_that_is_not_plugged_in_cannot_be_opened_until_it_is(rig: Rig) -> None:
    rig.plug(False)
    with pytest.raises(PanTiltError):
        rig.mount.open()
    rig.plug(True)
    rig.mount.open()
    rig.mount.move_to(5, 5)
    assert rig.mount.position() == (5, 5)


def test_a_mount_that_comes_off_is_an_error_and_the_same_move_works_when_it_is_back(
    rig: Rig,
) -> None:
    rig.mount.open()
    rig.plug(False)
    with pytest.raises(PanTiltError):
        rig.mount.move_to(40, -40)
    with pytest.raises(PanTiltError):
        rig.mount.position()
    rig.plug(True)
    rig.mount.move_to(40, -40)
    assert rig.mount.position() == (40, -40)


def test_what_is_not_open_neither_moves_nor_knows_where_it_points(rig: Rig) -> None:
    with pytest.raises(PanTiltError, match="not open"):
        rig.mount.move_to(1, 1)
    with pytest.raises(PanTiltError, match="not open"):
        rig.mount.position()


def test_closing_and_opening_twice_is_fine_and_so_is_opening_anew(rig: Rig) -> None:
    rig.mount.open()
    rig.mount.open()
    rig.mount.move_to(15, 25)
    rig.mount.close()
    rig.mount.close()
    rig.mount.open()
    assert rig.mount.position() == (15, 25)


def test_a_mount_that_has_come_off_can_still_be_closed(rig: Rig) -> None:
    rig.mount.open()
    rig.mount.move_to(15, 25)
    rig.plug(False)
    rig.mount.close()
