"""The mount without hardware."""

import pytest

from app.errors import PanTiltError
from app.pantilt.mock import MockPanTilt


def test_every_move_is_recorded() -> None:
    mount = MockPanTilt()
    mount.open()
    mount.move_to(10, 20)
    mount.move_to(-30, 0)
    assert mount.moves == [(10, 20), (-30, 0)]


def test_a_move_that_fails_is_not_recorded() -> None:
    mount = MockPanTilt()
    mount.open()
    mount.plugged = False
    with pytest.raises(PanTiltError, match="set to be unplugged"):
        mount.move_to(10, 20)
    assert mount.moves == []
