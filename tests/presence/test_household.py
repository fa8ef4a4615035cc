"""Who is home: comings and goings by what a router lists, on a clock of the test's own."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.presence.base import Device, PersonSettings, PresenceSettings
from app.presence.phone import DROWSY_S
from app.protocol import Habits, Presence
from tests.presence.house import ANNA, BEN, NOON, PEOPLE, WATCH, House

pytestmark = pytest.mark.usefixtures("in_zone")

#: What a wait by day and the house's own come to, to the next poll.
WAIT_S, EMPTIED_S = 180.0, 240.0
HOME = Presence(True, NOON - timedelta(hours=2), ANNA, NOON - timedelta(minutes=1))
#: Of each hour the longest gap of each day, of a phone that is never off for long.
WAKEFUL = (tuple((NOON.toordinal() - ago, 90.0) for ago in range(14, 0, -1)),) * 24
AWAY = Presence(False, NOON - timedelta(hours=2), ANNA, NOON - timedelta(hours=3))


def test_the_first_who_comes_occupies_the_house_at_once() -> None:
    house = House()
    assert house.sees() == []
    assert house.sees(ANNA) == ["came anna", "occupied anna"]
    assert house.is_home()
    assert house.sees(ANNA, BEN) == ["came ben"]
    assert house.lives(600, ANNA, BEN) == []


def test_who_is_unseen_for_the_wait_has_left_and_a_while_after_the_last_the_house_is_empty() -> None:
    house = House()
    house.sees(ANNA, BEN)
    assert house.until("left ben", ANNA) == WAIT_S - 15
    assert house.lives(600, ANNA) == []
    assert house.until("left anna") == WAIT_S - 15
    assert house.is_home()
    assert house.until("emptied") == 60 - 15
    assert not house.is_home()
    assert house.lives(600) == []


def test_who_is_back_in_time_never_left() -> None:
    house = House()
    house.sees(ANNA)
    assert house.lives(165) == []
    assert house.sees(ANNA) == []
    assert house.lives(165) == []


def test_who_comes_before_the_house_is_empty_keeps_it_occupied() -> None:
    house = House()
    house.sees(ANNA)
    house.until("left anna")
    house.lives(30)
    assert house.sees(BEN) == ["came ben"]
    assert house.is_home()
    house.until("left ben")
    assert house.until("emptied") == 45


def test_without_a_further_wait_the_house_is_empty_with_the_last_who_left() -> None:
    house = House()
    house.household.configure(replace(house.settings, away_after_s=0.0), {}, {})
    house.sees(ANNA)
    assert house.lives(600) == ["left anna", "emptied"]


@pytest.mark.parametrize(
    ("device", "who"),
    [
        (Device(ANNA, "somebody-elses"), "anna"),
        (Device(BEN, "iphone"), "ben"),
        (Device("02:00:00:00:00:0f", "iphone"), None),
        (Device(None, "iphone"), "anna"),
        (Device(None, "bens-iphone"), None),
        (Device("02:00:00:00:00:0f", "pixel"), "cleo"),
        (Device(None, "pixel"), "cleo"),
        (Device(None, None), None),
    ],
)
def test_a_mac_goes_before_every_name_and_a_guest_with_a_residents_name_is_nobody(device: Device, who: str | None) -> None:
    house = House(people={**PEOPLE, "cleo": PersonSettings(hosts=("pixel",))})
    assert house.sees(device) == ([f"came {who}", f"occupied {who}"] if who else [])


def test_a_guest_with_a_residents_name_does_not_keep_the_house_occupied() -> None:
    house = House()
    house.sees(ANNA)
    assert house.lives(600, Device("02:00:00:00:00:0f", "iphone")) == ["left anna", "emptied"]


def test_duplicates_in_a_list_are_one_device() -> None:
    house = House()
    assert house.sees(ANNA, ANNA, Device(ANNA, "iphone"), Device(ANNA, ip="192.168.0.7")) == ["came anna", "occupied anna"]
    assert set(house.household.habits("anna").gaps_s) == {ANNA}


def test_the_device_that_is_told_is_told_until_it_is_not_there_any_more() -> None:
    house = House()
    for devices, told in (((WATCH,), WATCH), ((ANNA, WATCH), WATCH), ((ANNA,), ANNA), ((WATCH, ANNA), ANNA), ((), ANNA)):
        house.sees(*devices)
        assert house.household.presence("anna").device == told


def test_somebody_is_home_as_long_as_one_of_their_devices_is() -> None:
    house = House()
    house.sees(ANNA, WATCH)
    for _ in range(5):
        assert house.lives(165, WATCH) == []
        assert house.lives(165, ANNA) == []
    assert house.household.presence("anna").device == ANNA
    assert house.until("left anna") == WAIT_S - 15


def test_one_empty_list_means_nothing_and_the_second_in_a_row_that_nobody_is_there() -> None:
    house = House()
    house.sees(ANNA)
    for _ in range(60):
        assert house.answers([]) == []
        assert house.sees(ANNA) == []
    assert house.household.habits("anna").gaps_s[ANNA][NOON.hour] == ((NOON.toordinal(), 0.0),)
    changes = [change for _ in range(40) for change in house.answers([])]
    assert changes == ["left anna", "emptied"]


def test_empty_lists_with_a_missed_poll_between_are_not_in_a_row() -> None:
    house = House()
    house.sees(ANNA)
    for _ in range(60):
        assert house.answers([]) == []
        house.misses()
    assert house.is_home()


def test_a_first_empty_list_is_no_knowledge() -> None:
    house = House()
    house.answers([])
    assert not house.is_known()
    house.answers([])
    assert house.is_known()


def test_a_list_without_ours_counts_at_once() -> None:
    house = House(people={"anna": PersonSettings((ANNA,))})
    house.sees(ANNA)
    house.answers([])
    changes = [change for _ in range(13) for change in house.sees()]
    assert changes == ["left anna"]


@pytest.mark.parametrize("gap_s", [3600.0, 86_400.0])
def test_a_program_that_hung_saw_nobody_leave(gap_s: float) -> None:
    house = House()
    house.sees(ANNA)
    house.sees()
    house.clock.advance(gap_s)
    assert house.sees() == []
    assert house.until("left anna") == WAIT_S - 15 - 60 - 15


def test_a_missed_poll_is_no_outage() -> None:
    house = House()
    house.sees(ANNA)
    house.lives(120)
    house.misses()
    assert house.is_known()
    assert house.until("left anna") == 180 - 120 - 30


def test_after_an_outage_waits_begin_anew() -> None:
    house = House()
    house.sees(ANNA)
    house.lives(150)
    assert house.is_known()
    house.misses(2)
    assert not house.is_known()
    house.misses(200)
    assert house.is_home()
    assert house.until("left anna") == WAIT_S
    assert house.is_known()


def test_after_an_outage_the_house_is_not_empty_before_those_who_came_meanwhile_can_be_seen() -> None:
    house = House()
    house.sees(ANNA)
    house.until("left anna")
    house.misses(10)
    assert house.until("emptied") == EMPTIED_S


def test_a_router_that_never_answers_concludes_nothing() -> None:
    house = House(known={"anna": HOME}, home=True)
    house.misses(500)
    assert house.is_home()
    assert house.household.presence("anna").home
    assert not house.is_known()


@pytest.mark.parametrize("jump_s", [-10 * 365 * 86_400.0, -3600.0, 3600.0, 10 * 365 * 86_400.0])
def test_a_clock_that_jumps_is_neither_a_departure_nor_an_arrival(jump_s: float) -> None:
    house = House()
    house.sees(ANNA)
    house.sees()
    house.clock.jump(jump_s)
    assert house.lives(120) == []
    assert house.sees(ANNA) == []


def test_what_is_shown_never_lies_in_the_future() -> None:
    house = House(known={"ben": replace(AWAY, last_seen=NOON + timedelta(days=400), since=NOON + timedelta(days=400))})
    house.sees(ANNA)
    house.clock.jump(-7200)
    house.sees()
    now = house.clock.now()
    for name in PEOPLE:
        record = house.household.presence(name)
        assert record.since
        assert record.last_seen
        assert max(record.since, record.last_seen) <= now


def test_a_restart_is_neither_an_arrival_nor_a_departure() -> None:
    house = House(known={"anna": HOME, "ben": AWAY}, home=True)
    assert house.lives(600, ANNA) == []


def test_who_was_home_before_a_start_and_is_not_seen_is_waited_for_anew() -> None:
    house = House(known={"anna": replace(HOME, last_seen=NOON - timedelta(days=3))}, home=True)
    assert house.until("left anna") == WAIT_S
    assert house.until("emptied") == 45


def test_who_was_away_before_a_start_and_is_seen_has_come() -> None:
    assert House(known={"anna": AWAY}).sees(ANNA) == ["came anna", "occupied anna"]


@pytest.mark.parametrize(("home", "changes"), [(False, ["came anna", "occupied anna"]), (True, ["came anna"])])
def test_of_whom_nothing_is_known_who_is_seen_has_come(home: bool, changes: list[str]) -> None:
    house = House(home=home)
    assert house.sees(ANNA) == changes
    assert house.is_home()


def test_of_whom_nothing_is_known_who_is_not_seen_is_away() -> None:
    house = House()
    assert house.lives(600) == []
    assert house.household.presence("anna") == Presence(False)


def test_a_house_that_was_occupied_by_nobody_knows_whom_is_empty_after_a_whole_wait() -> None:
    house = House(home=True)
    assert house.is_home()
    assert house.until("emptied") == EMPTIED_S


def test_a_house_whose_person_was_known_to_be_home_is_occupied_once_the_person_is_seen() -> None:
    house = House(known={"anna": HOME}, home=False)
    assert house.lives(60) == []
    assert house.sees(ANNA) == ["occupied anna"]


def test_after_a_start_every_device_that_ever_was_there_is_waited_for() -> None:
    house = House(at=NOON.replace(hour=10))
    house.lives(600, ANNA, WATCH)
    house.sees(WATCH)
    house.restart()
    assert house.lives(165, BEN) == ["came ben"]
    assert house.sees(ANNA, BEN) == []


def test_where_nobody_is_named_nothing_ever_changes() -> None:
    house = House(home=True, people={})
    assert house.lives(1200, ANNA) == []
    assert house.is_home()


def test_with_other_people_what_is_known_of_those_who_stay_is_kept() -> None:
    house = House()
    house.lives(60, ANNA, BEN)
    before = house.household.presence("anna")
    house.household.configure(PresenceSettings(people={"anna": PEOPLE["anna"], "cleo": PersonSettings(("02:00:00:00:00:0e",))}), {}, {})
    assert replace(house.household.presence("anna"), wait_s=before.wait_s) == before
    assert house.household.habits("anna").gaps_s[ANNA][NOON.hour]
    assert house.sees(ANNA, BEN) == []
    assert house.sees(ANNA, "02:00:00:00:00:0e") == ["came cleo"]


def test_when_the_last_who_is_home_is_not_named_any_more_the_house_is_empty_after_a_whole_wait() -> None:
    house = House()
    house.sees(BEN)
    house.household.configure(PresenceSettings(people={"anna": PEOPLE["anna"]}), {}, {})
    assert house.until("emptied", BEN) == EMPTIED_S


def test_somebody_with_a_new_phone_is_given_time_to_show_it() -> None:
    house = House()
    house.sees(BEN)
    house.household.configure(PresenceSettings(people={"ben": PersonSettings(("02:00:00:00:00:0e",))}), {}, {})
    assert house.lives(165, BEN) == []
    assert house.sees("02:00:00:00:00:0e") == []
    assert house.household.presence("ben").device == "02:00:00:00:00:0e"


def test_the_router_is_asked_more_often_while_nobody_is_home() -> None:
    house = House()
    assert house.household.poll_s() == 10
    house.sees(ANNA)
    assert house.household.poll_s() == 15
    house.until("left anna")
    assert house.household.poll_s() == 15
    house.until("emptied")
    assert house.household.poll_s() == 10


def test_presence_tells_since_when_and_when_which_device_was_seen_last() -> None:
    house = House()
    house.sees(ANNA)
    house.lives(60, ANNA)
    seen_at = NOON + timedelta(seconds=60)
    house.lives(90)
    assert house.household.presence("anna") == Presence(True, NOON, ANNA, seen_at, WAIT_S)
    house.until("left anna")
    assert house.household.presence("anna") == Presence(False, seen_at + timedelta(seconds=180), ANNA, seen_at)


def test_it_is_told_how_long_the_device_is_waited_for_that_is_waited_for_longest() -> None:
    house = House(known={"anna": replace(HOME, device=WATCH)}, home=True, at=NOON.replace(hour=7, minute=50))
    house.sees(ANNA, WATCH)
    house.lives(450, WATCH)
    house.lives(600, ANNA, WATCH)
    for _ in range(2):
        assert house.household.presence("anna").wait_s == 1020
        assert house.household.presence("anna").device == WATCH
        house.restart()
        house.sees(WATCH)


def test_in_an_outage_it_is_told_how_long_somebody_is_waited_for_by_the_hour_of_the_last_answer() -> None:
    house = House()
    house.sees(ANNA)
    house.misses(2)
    assert house.household.presence("anna").wait_s == WAIT_S


def test_how_long_somebody_is_waited_for_is_not_told_before_the_hour_is_known() -> None:
    assert House(known={"anna": HOME}).household.presence("anna").wait_s is None


@pytest.mark.parametrize(("hour", "wait_s"), [(21, 1020), (3, 1020), (7, 1020), (8, 180), (20, 180)])
def test_an_hour_not_learned_yet_waits_longest_by_night_and_shortest_by_day(hour: int, wait_s: float) -> None:
    house = House(known={"anna": HOME}, home=True, at=NOON.replace(hour=hour))
    house.sees(ANNA)
    assert house.household.presence("anna").wait_s == wait_s
    assert house.until("left anna") == wait_s - 15


def test_the_hour_is_the_houses_own(in_zone: Callable[[str], None]) -> None:
    in_zone("Asia/Tokyo")
    house = House(at=datetime(2026, 11, 18, 15, 0, tzinfo=UTC))
    house.sees(ANNA)
    assert house.until("left anna") == 1020 - 15


def test_the_wait_is_that_of_the_hour_in_which_a_phone_was_last_seen() -> None:
    house = House(at=NOON.replace(hour=20, minute=59))
    house.sees(ANNA)
    assert house.until("left anna") == WAIT_S - 15


def test_after_an_outage_the_hour_is_that_of_the_next_answer() -> None:
    house = House(at=NOON.replace(hour=20, minute=30))
    house.sees(ANNA)
    house.misses(200)
    assert house.until("left anna") == 1020


def test_a_phone_that_is_off_longer_is_waited_for_longer_from_the_third_day_on() -> None:
    house = House()
    for day in range(2):
        assert _a_day(house, 300) == ["left anna", "emptied", "came anna", "occupied anna"], f"day {day}"
    for day in range(2, 20):
        assert _a_day(house, 300) == [], f"day {day}"
    assert house.household.presence("anna").wait_s == pytest.approx(1.25 * 300, rel=0.1)


def test_a_phone_that_slept_is_expected_to_sleep_on_whatever_it_did_on_other_days() -> None:
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


@pytest.mark.parametrize(("hour", "off_s", "wait_s"), [(21, 135, 1020), (9, 135, 1020), (9, 90, 180), (10, 135, 180)])
def test_what_is_off_for_two_minutes_while_people_may_be_in_bed_sleeps(hour: int, off_s: float, wait_s: float) -> None:
    house = House(known={"anna": HOME}, habits={"anna": Habits({ANNA: WAKEFUL})}, home=True, at=NOON.replace(hour=hour))
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


@pytest.mark.parametrize(("hour", "wait_s"), [(21, 1020), (3, 1020), (9, 1020), (10, 180), (20, 180)])
def test_who_comes_home_by_night_or_in_the_morning_is_expected_to_go_to_bed(hour: int, wait_s: float) -> None:
    house = House(known={"anna": AWAY}, habits={"anna": Habits({ANNA: WAKEFUL})}, at=NOON.replace(hour=hour))
    assert house.sees(ANNA) == ["came anna", "occupied anna"]
    assert house.until("left anna") == wait_s - 15


def test_in_an_outage_a_drowsy_phone_may_have_slept_on() -> None:
    house = House(known={"anna": AWAY}, at=NOON.replace(hour=8))
    house.lives(DROWSY_S - 60, ANNA)
    house.misses(100)
    house.lives(DROWSY_S - 60, ANNA)
    assert house.lives(900) == []


def test_that_is_still_expected_after_a_restart() -> None:
    house = House(at=NOON.replace(hour=7, minute=20))
    house.sees(ANNA)
    house.lives(900)
    house.lives(3000, ANNA)
    house.restart()
    house.sees(ANNA)
    assert house.lives(900) == []


def test_that_is_still_expected_when_it_is_started_twice_before_the_router_answers() -> None:
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


def test_a_phone_that_is_often_off_for_some_minutes_is_not_asleep_for_that() -> None:
    hours = tuple(tuple((NOON.toordinal() - ago, 240.0) for ago in range(14, 0, -1)) for _ in range(24))
    house = House(known={"anna": HOME}, habits={"anna": Habits({ANNA: hours})}, home=True)
    house.sees(ANNA)
    assert house.lives(240) == []
    house.sees(ANNA)
    assert house.until("left anna") == 300 - 15


@pytest.mark.parametrize(("day", "hour", "wait_s"), [(21, 9, 1020), (22, 8, 1020), (22, 10, 180), (23, 9, 180)])
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


def test_gaps_over_an_outage_or_a_start_or_longer_than_any_wait_are_not_learned() -> None:
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


@pytest.mark.parametrize("start", [datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 3, 28, 22, tzinfo=UTC)])
def test_neither_midnight_nor_a_change_of_summer_time_breaks_anything(start: datetime, in_zone: Callable[[str], None]) -> None:
    in_zone("Europe/Berlin")
    house = House(at=start)
    house.sees(ANNA)
    changes = [change for _ in range(10) for change in (*house.lives(900), *house.lives(1800, ANNA))]
    assert changes == []
    assert house.until("emptied", within_s=1200) == 1080 - 15
    known = [day for days in house.household.habits("anna").gaps_s[ANNA] for day, _ in days]
    assert set(known) == {(start + timedelta(hours=hour)).astimezone().toordinal() for hour in range(8)}


def _gaps_s(house: House) -> set[float]:
    """The gaps that were learned of Anna's phone."""
    return {gap_s for days in house.household.habits("anna").gaps_s[ANNA] for _, gap_s in days}


def _a_day(house: House, off_s: float) -> list[str]:
    """Anna is there for a while but for *off_s*, and a day passes of which nothing is seen; returns what follows from the gap."""
    began_s = house.clock.monotonic()
    house.lives(600, ANNA)
    changes = [*house.lives(off_s), *house.lives(600, ANNA)]
    house.clock.advance(began_s + 86_400 - house.clock.monotonic())
    return changes
