"""The pictures that are used, and when each is due."""

import pytest

from app.cameras.pacing import Backlog, Pacing, PlayingTime
from app.clock import FakeClock


class BusyClock(FakeClock):
    """The clock of a machine that needs *busy_s* from one reading to the next."""

    def __init__(self, busy_s: float) -> None:
        super().__init__()
        self._busy_s = busy_s

    def monotonic(self) -> float:
        self.advance(self._busy_s)
        return super().monotonic()


@pytest.mark.parametrize(
    ("fps", "kept"), [(60, 36), (30, 30), (25, 38), (20, 30), (12, 36), (10, 30), (5, 15)]
)
def test_any_rate_is_reduced_to_about_ten_pictures_a_second(fps: int, kept: int) -> None:
    pacing = Pacing(FakeClock(), 10, timed=False)
    assert sum(pacing.keep(number / fps) for number in range(3 * fps)) == kept
    assert pacing.dropped == 0


def test_a_timed_picture_is_waited_for() -> None:
    clock = FakeClock()
    pacing = Pacing(clock, 10, timed=True)
    due_s = []
    for number in range(4):
        assert pacing.keep(7 + number / 10)
        due_s.append(clock.monotonic())
    assert due_s == pytest.approx([0, 0.1, 0.2, 0.3])


def test_late_pictures_are_dropped() -> None:
    clock = FakeClock()
    pacing = Pacing(clock, 10, timed=True)
    pacing.keep(0.0)
    clock.advance(0.55)
    assert [pacing.keep(number / 10) for number in range(1, 8)] == [False] * 4 + [True] * 3
    assert pacing.dropped == 4
    assert clock.monotonic() == pytest.approx(0.7)


def test_pictures_above_fps_do_not_count_as_dropped() -> None:
    clock = FakeClock()
    pacing = Pacing(clock, 10, timed=True)
    pacing.keep(0.0)
    clock.advance(0.55)
    assert sum(pacing.keep(number / 30) for number in range(1, 31)) == 6
    assert pacing.dropped == 4


def test_a_slow_machine_still_gets_a_picture_a_second() -> None:
    pacing = Pacing(BusyClock(0.2), 10, timed=True)
    kept = sum(pacing.keep(number / 10) for number in range(300))
    assert 40 < kept < 80
    assert pacing.dropped == 300 - kept


def test_playing_time_follows_the_stamps() -> None:
    playing = PlayingTime(0.1, longest_s=5)
    assert [
        playing.of(number, stamp_s) for number, stamp_s in enumerate((4.0, 4.04, 4.3))
    ] == pytest.approx([0, 0.04, 0.3])


@pytest.mark.parametrize(
    ("stamps_s", "times_s"),
    [
        ([None, None, None, None], [0, 0.1, 0.2, 0.3]),
        ([3.0, None, 3.2, 3.25], [0, 0.1, 0.2, 0.25]),
        ([3.0, 3.0, 3.0, 3.1], [0, 0.1, 0.2, 0.3]),
        ([9.0, 9.2, 1.0, 1.2], [0, 0.2, 0.3, 0.5]),
        ([0.0, 0.2, 90000.0, 90000.2], [0, 0.2, 0.3, 0.5]),
    ],
    ids=["missing", "one missing", "standing still", "jumping back", "jumping ahead"],
)
def test_playing_time_counts_where_stamps_are_unusable(
    stamps_s: list[float | None], times_s: list[float]
) -> None:
    playing = PlayingTime(0.1, longest_s=5)
    assert [
        playing.of(number, stamp_s) for number, stamp_s in enumerate(stamps_s)
    ] == pytest.approx(times_s)


def test_playing_time_counts_pictures_that_are_missing() -> None:
    playing = PlayingTime(0.1, longest_s=5)
    assert [playing.of(number, None) for number in (0, 1, 4)] == pytest.approx([0, 0.1, 0.4])


def kept_of(backlog: Backlog, clock: FakeClock, waits_s: float, seconds: int) -> int:
    """Return how many pictures are kept, of ten a second, each waited for by *waits_s*."""
    kept = 0
    for _ in range(10 * seconds):
        began_s = clock.monotonic()
        clock.advance(waits_s)
        backlog.record_read(began_s, clock.monotonic())
        clock.advance(0.1 - waits_s)
        kept += backlog.keep()
    return kept


def test_who_waits_for_pictures_keeps_all_of_them() -> None:
    clock = FakeClock()
    backlog = Backlog(clock)
    assert kept_of(backlog, clock, 0.05, 10) == 100
    assert not backlog.is_suspect


def test_who_is_behind_keeps_one_picture_a_second_until_he_waits() -> None:
    clock = FakeClock()
    backlog = Backlog(clock)
    assert kept_of(backlog, clock, 0.0, 2) in (19, 20)
    assert backlog.is_suspect
    assert kept_of(backlog, clock, 0.0, 10) in (9, 10, 11)
    assert kept_of(backlog, clock, 0.05, 1) == 10
