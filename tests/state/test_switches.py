"""The switches, as one program reads them."""

import pytest

from app.state.switches import Switches


def test_a_wrong_switch_is_reported_once_and_the_last_good_holds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    switches = Switches()
    assert switches.read("camera_status", "False") is False
    assert [switches.read("camera_status", "perhaps") for _ in range(3)] == [False] * 3
    assert caplog.text.count("camera_status is 'perhaps'") == 1
    assert switches.read("camera_status", None) is False
    assert switches.read("camera_status", "True") is True
