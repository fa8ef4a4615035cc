"""The real clock, and the clock of tests."""

from datetime import UTC, datetime, timedelta

import pytest

from app.clock import Clock, FakeClock, SystemClock


@pytest.mark.parametrize("clock", [SystemClock(), FakeClock()], ids=["system", "fake"])
def test_both_clocks_move_forward_while_they_sleep(clock: Clock) -> None:
    began_s, began_at = clock.monotonic(), clock.now()
    clock.sleep(0.01)
    assert clock.monotonic() - began_s >= 0.01
    assert clock.now() > began_at
    assert clock.now().tzinfo is UTC


@pytest.mark.parametrize("clock", [SystemClock(), FakeClock()], ids=["system", "fake"])
def test_sleeping_for_a_negative_time_is_no_wait(clock: Clock) -> None:
    began_s = clock.monotonic()
    clock.sleep(-60)
    assert 0 <= clock.monotonic() - began_s < 30


def test_a_fake_clock_moves_only_when_it_is_moved() -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    clock = FakeClock(start)
    assert (clock.monotonic(), clock.now()) == (0.0, start)
    clock.advance(90)
    assert (clock.monotonic(), clock.now()) == (90.0, start + timedelta(seconds=90))


def test_a_jump_changes_only_the_time_of_day() -> None:
    clock = FakeClock()
    began_at = clock.now()
    clock.jump(-3600)
    assert (clock.monotonic(), clock.now()) == (0.0, began_at - timedelta(hours=1))


def test_the_time_since_the_start_of_the_machine_goes_on() -> None:
    clock = SystemClock()
    began_s = clock.since_boot()
    assert began_s >= clock.monotonic() - 1
    clock.sleep(0.01)
    assert clock.since_boot() - began_s >= 0.01
    fake = FakeClock(booted_before_s=40)
    fake.advance(2)
    fake.jump(3600)
    assert fake.since_boot() == 42
