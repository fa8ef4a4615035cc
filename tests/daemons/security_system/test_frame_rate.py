"""The rate of frames, and the warning about a slow source."""

import pytest

from app.clock import FakeClock
from app.daemons.security_system.frame_rate import FrameRate


@pytest.mark.parametrize(
    ("per_reading", "warnings"),
    [
        ([150, 150, 150], 0),
        ([30, 30, 30, 30], 1),
        ([30, 150, 30, 150], 0),
        ([0, 40, 0, 0], 0),
        ([30, 30, 150, 30, 30], 2),
    ],
)
def test_a_source_that_stays_slow_is_said_once(
    per_reading: list[int], warnings: int, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    rate, frames = FrameRate(clock, "front", 10.0), 0
    for new in per_reading:
        clock.advance(15)
        frames += new
        assert rate.read(frames, reopened=0) == pytest.approx(new / 15, abs=0.01)
    said = [one for one in caplog.messages if "motion is judged by time" in one]
    assert len(said) == warnings
    assert all(one.startswith("camera front gives 2.0 of 10 frames a second") for one in said)


def test_a_source_that_was_away_is_not_called_slow(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    rate, frames = FrameRate(clock, "front", 10.0), 0
    for reopened, new in enumerate([150, 40, 2, 90, 30]):
        clock.advance(15)
        frames += new
        rate.read(frames, reopened)
    assert not caplog.messages
