"""The stamps of a stream, on the clock of the frames."""

import pytest

from app.cameras.stamp_clock import StampClock


def test_late_frames_do_not_change_the_times_of_pictures() -> None:
    clock = StampClock()
    assert clock.time_of(3.0) is None
    for number in range(100):
        clock.record_frame(number / 10, 500 + number / 10 + (0.4 if number % 7 else 0.01))
    assert clock.time_of(3.0) == pytest.approx(503.01)


def test_a_growing_delay_of_a_few_seconds_is_no_drift() -> None:
    clock = StampClock()
    for number in range(600):
        busy_s = max(min(number - 300, 330 - number), 0) / 10  # rises to 1.5 s and falls again
        clock.record_frame(number / 10, 500 + number / 10 + busy_s)
        at_s = clock.time_of(number / 10)
        assert at_s == pytest.approx(500 + number / 10)


def test_the_clock_follows_a_drift_of_the_stamps() -> None:
    clock = StampClock()
    for number in range(36_000):
        clock.record_frame(number / 10, 500 + number / 10 * 1.0005)
    assert clock.time_of(3600.0) == pytest.approx(500 + 3600 * 1.0005, abs=0.02)
    for number in range(36_000, 36_300):
        clock.record_frame(number / 10, 502 + number / 10)
    assert clock.time_of(3630.0) == pytest.approx(4132)
