"""The mount turns as wanted, and the picture needs some time to come to rest."""

import pytest

from app.clock import FakeClock
from app.daemons.security_system.pan_tilt import RETRY_S, PanTiltControl
from app.pantilt.base import PanTiltSettings
from app.pantilt.mock import MockPanTilt
from app.protocol import Position

SETTINGS = PanTiltSettings(backend="mock", settle_s=1.5)


def test_a_turn_is_made_once_and_takes_its_time() -> None:
    clock, mount = FakeClock(), MockPanTilt()
    control = PanTiltControl(mount, SETTINGS, clock)
    at_rest = [control.settled]
    assert control.turn_to(Position(30, -10))
    assert not control.turn_to(Position(30, -10))
    assert mount.moves == [(30, -10)]
    assert control.position == Position(30, -10)
    for passed_s in (0.0, 1.4, 0.1):
        clock.advance(passed_s)
        at_rest.append(control.settled)
    assert at_rest == [True, False, False, True]


def test_servos_that_do_not_answer_are_tried_again_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, mount = FakeClock(), MockPanTilt()
    mount.plugged = False
    control = PanTiltControl(mount, SETTINGS, clock)
    for _ in range(2):
        assert not control.turn_to(Position(5, 5))
        assert "does not answer" in (control.trouble or "")
        assert control.settled
        clock.advance(RETRY_S)
    mount.plugged = True
    assert control.turn_to(Position(5, 5))
    assert control.trouble is None
    assert caplog.text.count("does not answer") == 1


def test_failed_servos_are_not_tried_again_at_once() -> None:
    clock, mount = FakeClock(), MockPanTilt()
    mount.plugged = False
    control = PanTiltControl(mount, SETTINGS, clock)
    control.turn_to(Position(5, 5))
    mount.plugged = True
    clock.advance(RETRY_S - 0.1)
    assert not control.turn_to(Position(5, 5))
    clock.advance(0.1)
    assert control.turn_to(Position(5, 5))


def test_a_camera_without_mount_logs_once_that_it_cannot_turn(
    caplog: pytest.LogCaptureFixture,
) -> None:
    control = PanTiltControl(None, PanTiltSettings(), FakeClock())
    for _ in range(3):
        assert not control.turn_to(Position(5, 5))
    assert caplog.text.count("no pantilt is configured") == 1
