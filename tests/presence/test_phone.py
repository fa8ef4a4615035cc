"""The wait for a phone that sleeps: by the hour, by its habits, and while it is drowsy."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from app.presence.phone import DROWSY_S
from app.protocol import Habits
from tests.presence.house import ANNA, AWAY, HOME, NOON, WAIT_S, House

pytestmark = pytest.mark.usefixtures("in_zone")

#: For each hour the longest gap of each day, of a phone that is never off for long.
WAKEFUL = (tuple((NOON.toordinal() - ago, 90.0) for ago in range(14, 0, -1)),) * 24


@pytest.mark.parametrize(
    ("hour", "wait_s"), [(21, 1020), (3, 1020), (7, 1020), (8, 180), (20, 180)]
)
def test_unlearned_hours_wait_longest_by_night_shortest_by_day(hour: int, wait_s: float) -> None:
    house = House(known={"anna": HOME}, home=True, at=NOON.replace(hour=hour))
    house.sees(ANNA)
    assert house.household.presence("anna").wait_s == wait_s
    assert house.until("left anna") == wait_s - 15


def test_the_hour_is_the_houses_own(in_zone: Callable[[str], None]) -> None:
    in_zone("Asia/Tokyo")
    house = House(at=datetime(2026, 11, 18, 15, 0, tzinfo=UTC))
    house.sees(ANNA)
    assert house.until("left anna") == 1020 - 15


def test_the_wait_is_that_of_the_hour_last_seen() -> None:
    house = House(at=NOON.replace(hour=20, minute=59))
    house.sees(ANNA)
    assert house.until("left anna") == WAIT_S - 15


def test_after_an_outage_the_hour_is_that_of_the_next_answer() -> None:
    house = House(at=NOON.replace(hour=20, minute=30))
    house.sees(ANNA)
    house.misses(200)
    assert house.until("left anna") == 1020


def test_a_longer_sleep_is_learned_on_the_third_day() -> None:
    house = House()
    for day in range(2):
        assert _a_day(house, 300) == ["left anna", "emptied", "came anna", "occupied anna"], (
            f"day {day}"
        )
    for day in range(2, 20):
        assert _a_day(house, 300) == [], f"day {day}"
    assert house.household.presence("anna").wait_s == pytest.approx(1.25 * 300, rel=0.1)


def test_a_phone_that_slept_is_expected_to_sleep_on() -> None:
    house = House(at=NOON.replace(hour=7, minute=20))
    for _ in range(4):
        _a_day(house, 45)
    house.sees(ANNA)
    assert house.lives(900) == []
    house.lives(3000, ANNA)
    assert house.clock.now().hour == 8
    assert house.lives(900) == []
    house.lives(DROWSY_S + 30, ANNA)
    assert house.until("left anna") == WAIT_S - 15


def test_each_further_nap_of_a_drowsy_phone_lets_it_sleep_on() -> None:
    house = House(known={"anna": HOME}, home=True, at=NOON.replace(hour=7, minute=20))
    house.sees(ANNA)
    house.lives(450)
    house.lives(4500, ANNA)
    house.lives(135)
    house.lives(3600, ANNA)
    assert house.lives(900) == []


@pytest.mark.parametrize(
    ("hour", "off_s", "wait_s"), [(21, 135, 1020), (9, 135, 1020), (9, 90, 180), (10, 135, 180)]
)
def test_two_minutes_off_while_people_may_be_in_bed_is_sleep(
    hour: int, off_s: float, wait_s: float
) -> None:
    house = House(
        known={"anna": HOME},
        habits={"anna": Habits({ANNA: WAKEFUL})},
        home=True,
        at=NOON.replace(hour=hour),
    )
    house.sees(ANNA)
    assert house.lives(off_s) == []
    house.sees(ANNA)
    assert house.until("left anna") == wait_s - 15


def test_who_has_been_away_since_is_not_drowsy() -> None:
    house = House(at=NOON.replace(hour=7, minute=20))
    house.sees(ANNA)
    house.lives(900)
    house.lives(600, ANNA)
    assert house.lives(3 * 3600) == ["left anna", "emptied"]
    house.lives(600, ANNA)
    assert house.until("left anna") == WAIT_S - 15


@pytest.mark.parametrize(
    ("hour", "wait_s"), [(21, 1020), (3, 1020), (9, 1020), (10, 180), (20, 180)]
)
def test_an_arrival_at_night_is_expected_to_go_to_bed(hour: int, wait_s: float) -> None:
    house = House(
        known={"anna": AWAY}, habits={"anna": Habits({ANNA: WAKEFUL})}, at=NOON.replace(hour=hour)
    )
    assert house.sees(ANNA) == ["came anna", "occupied anna"]
    assert house.until("left anna") == wait_s - 15


def test_in_an_outage_a_drowsy_phone_may_have_slept_on() -> None:
    house = House(known={"anna": AWAY}, at=NOON.replace(hour=8))
    house.lives(DROWSY_S - 60, ANNA)
    house.misses(100)
    house.lives(DROWSY_S - 60, ANNA)
    assert house.lives(900) == []


def test_a_drowsy_phone_is_still_drowsy_after_a_restart() -> None:
    house = House(at=NOON.replace(hour=7, minute=20))
    house.sees(ANNA)
    house.lives(900)
    house.lives(3000, ANNA)
    house.restart()
    house.sees(ANNA)
    assert house.lives(900) == []


def test_a_drowsy_phone_is_still_drowsy_after_two_restarts() -> None:
    house = House(at=NOON.replace(hour=7, minute=20))
    house.sees(ANNA)
    house.lives(900)
    house.lives(3000, ANNA)
    house.restart()
    house.misses(3)
    house.restart()
    house.sees(ANNA)
    assert house.lives(900) == []


def test_who_was_around_the_corner_is_not_expected_to_be_asleep() -> None:
    house = House()
    house.sees(ANNA)
    assert house.lives(600) == ["left anna", "emptied"]
    house.lives(600, ANNA)
    assert house.until("left anna") == WAIT_S - 15


def test_usual_gaps_by_day_are_no_sleep() -> None:
    hours = tuple(
        tuple((NOON.toordinal() - ago, 240.0) for ago in range(14, 0, -1)) for _ in range(24)
    )
    house = House(known={"anna": HOME}, habits={"anna": Habits({ANNA: hours})}, home=True)
    house.sees(ANNA)
    assert house.lives(240) == []
    house.sees(ANNA)
    assert house.until("left anna") == 300 - 15


@pytest.mark.parametrize(
    ("day", "hour", "wait_s"), [(21, 9, 1020), (22, 8, 1020), (22, 10, 180), (23, 9, 180)]
)
def test_at_weekends_people_lie_in(day: int, hour: int, wait_s: float) -> None:
    house = House(known={"anna": HOME}, home=True, at=NOON.replace(day=day, hour=hour))
    house.sees(ANNA)
    assert house.until("left anna") == wait_s - 15


def test_habits_survive_a_restart() -> None:
    house = House()
    for _ in range(2):
        _a_day(house, 300)
    house.restart()
    assert _a_day(house, 300) == []


def test_unwatched_and_very_long_gaps_are_not_learned() -> None:
    house = House()
    house.lives(60, ANNA)
    house.lives(120)
    house.misses(5)
    house.lives(60, ANNA)
    house.lives(120)
    house.restart()
    house.lives(60, ANNA)
    house.lives(1200)
    house.lives(60, ANNA)
    assert _gaps_s(house) == {0.0}


def test_a_gap_of_which_only_the_end_was_watched_is_not_learned() -> None:
    house = House(known={"anna": AWAY})
    house.lives(300)
    house.sees(ANNA)
    assert _gaps_s(house) == {0.0}


def test_a_gap_lasts_from_the_last_list_to_the_first_again() -> None:
    house = House()
    house.sees(ANNA)
    house.lives(60)
    house.sees(ANNA)
    assert _gaps_s(house) == {75.0}


def test_habits_are_the_same_object_until_something_was_learned() -> None:
    house = House()
    house.sees(ANNA)
    before = house.household.habits("anna")
    house.lives(600, ANNA)
    assert house.household.habits("anna") is before
    house.lives(60)
    assert house.household.habits("anna") is before
    house.sees(ANNA)
    assert house.household.habits("anna") != before


@pytest.mark.parametrize(
    "start", [datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 3, 28, 22, tzinfo=UTC)]
)
def test_midnight_and_summer_time_break_nothing(
    start: datetime, in_zone: Callable[[str], None]
) -> None:
    in_zone("Europe/Berlin")
    house = House(at=start)
    house.sees(ANNA)
    changes = [
        change for _ in range(10) for change in (*house.lives(900), *house.lives(1800, ANNA))
    ]
    assert changes == []
    assert house.until("emptied", within_s=1200) == 1080 - 15
    known = [day for days in house.household.habits("anna").gaps_s[ANNA] for day, _ in days]
    assert set(known) == {
        (start + timedelta(hours=hour)).astimezone().toordinal() for hour in range(8)
    }


def _gaps_s(house: House) -> set[float]:
    """Return the learned gaps of Anna's phone."""
    return {gap_s for days in house.household.habits("anna").gaps_s[ANNA] for _, gap_s in days}


def _a_day(house: House, off_s: float) -> list[str]:
    """Let Anna be here for a while except *off_s*, and a day pass; returns the changes."""
    began_s = house.clock.monotonic()
    house.lives(600, ANNA)
    changes = [*house.lives(off_s), *house.lives(600, ANNA)]
    house.clock.advance(began_s + 86_400 - house.clock.monotonic())
    return changes
