"""Turning a camera: the mount obeys, and seeing waits until the picture is at rest."""

import pytest

from app.clock import FakeClock
from app.daemons.security_system.pan_tilt import RETRY_S, Aim
from app.pantilt.base import PanTiltSettings
from app.pantilt.mock import MockPanTilt
from app.protocol import Position

SETTINGS = PanTiltSettings(backend="mock", settle_s=1.5)


def test_a_turn_is_made_once_and_takes_its_time() -> None:
    clock, mount = FakeClock(), MockPanTilt()
    aim = Aim(mount, SETTINGS, clock)
    at_rest = [aim.settled]
    assert aim.turn_to(Position(30, -10))
    assert not aim.turn_to(Position(30, -10))
    assert mount.moves == [(30, -10)]
    assert aim.position == Position(30, -10)
    for passed_s in (0.0, 1.4, 0.1):
        clock.advance(passed_s)
        at_rest.append(aim.settled)
    assert at_rest == [True, False, False, True]


def test_servos_that_do_not_answer_are_said_and_tried_again_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, mount = FakeClock(), MockPanTilt()
    mount.plugged = False
    aim = Aim(mount, SETTINGS, clock)
    for _ in range(2):
        assert not aim.turn_to(Position(5, 5))
        assert "does not answer" in (aim.trouble or "")
        assert aim.settled
        clock.advance(RETRY_S)
    mount.plugged = True
    assert aim.turn_to(Position(5, 5))
    assert aim.trouble is None
    assert caplog.text.count("does not answer") == 1


def test_servos_that_failed_are_left_in_peace_for_a_while() -> None:
    clock, mount = FakeClock(), MockPanTilt()
    mount.plugged = False
    aim = Aim(mount, SETTINGS, clock)
    aim.turn_to(Position(5, 5))
    mount.plugged = True
    clock.advance(RETRY_S - 0.1)
    assert not aim.turn_to(Position(5, 5))
    clock.advance(0.1)
    assert aim.turn_to(Position(5, 5))


def test_a_camera_without_mount_says_once_that_it_cannot_turn(
    caplog: pytest.LogCaptureFixture,
) -> None:
    aim = Aim(None, PanTiltSettings(), FakeClock())
    for _ in range(3):
        assert not aim.turn_to(Position(5, 5))
    assert caplog.text.count("no pantilt is configured") == 1
