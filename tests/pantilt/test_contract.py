"""Covers several modules: the interface in pantilt/base.py, on the HAT and on the mock."""

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
    """A mount, and a switch that plugs it in or unplugs it."""

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


def test_a_mount_starts_straight_ahead(rig: Rig) -> None:
    rig.mount.open()
    assert rig.mount.position() == (0, 0)


def test_every_angle_becomes_the_position(rig: Rig) -> None:
    rig.mount.open()
    for pan_deg in range(-90, 91):
        rig.mount.move_to(pan_deg, -pan_deg)
        assert rig.mount.position() == (pan_deg, -pan_deg)


@pytest.mark.parametrize(
    ("pan_deg", "tilt_deg"), [(-91, 0), (91, 0), (0, -91), (0, 91), (30, 1000)]
)
def test_an_angle_out_of_range_moves_no_servo(rig: Rig, pan_deg: int, tilt_deg: int) -> None:
    rig.mount.open()
    rig.mount.move_to(10, 20)
    with pytest.raises(ValueError, match="from -90 to 90"):
        rig.mount.move_to(pan_deg, tilt_deg)
    assert rig.mount.position() == (10, 20)


def test_an_unplugged_mount_opens_only_when_it_is_plugged_in(rig: Rig) -> None:
    rig.plug(False)
    with pytest.raises(PanTiltError):
        rig.mount.open()
    rig.plug(True)
    rig.mount.open()
    rig.mount.move_to(5, 5)
    assert rig.mount.position() == (5, 5)


def test_a_mount_works_again_after_it_was_unplugged(
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


def test_a_mount_that_is_not_open_is_an_error(rig: Rig) -> None:
    with pytest.raises(PanTiltError, match="not open"):
        rig.mount.move_to(1, 1)
    with pytest.raises(PanTiltError, match="not open"):
        rig.mount.position()


def test_opening_and_closing_may_be_repeated(rig: Rig) -> None:
    rig.mount.open()
    rig.mount.open()
    rig.mount.move_to(15, 25)
    rig.mount.close()
    rig.mount.close()
    rig.mount.open()
    assert rig.mount.position() == (15, 25)


def test_an_unplugged_mount_can_be_closed(rig: Rig) -> None:
    rig.mount.open()
    rig.mount.move_to(15, 25)
    rig.plug(False)
    rig.mount.close()
