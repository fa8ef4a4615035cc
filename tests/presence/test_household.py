"""Who is home: comings and goings by what a router lists, on a clock of the test's own."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.presence.base import Device, PersonSettings, PresenceSettings
from app.protocol import Presence
from tests.presence.house import ANNA, AWAY, BEN, HOME, NOON, PEOPLE, WAIT_S, WATCH, House

pytestmark = pytest.mark.usefixtures("in_zone")

#: From when the last is unseen until the house is empty, to the next poll.
EMPTIED_S = 240.0


def test_the_first_who_comes_occupies_the_house_at_once() -> None:
    house = House()
    assert house.sees() == []
    assert house.sees(ANNA) == ["came anna", "occupied anna"]
    assert house.is_home()
    assert house.sees(ANNA, BEN) == ["came ben"]
    assert house.lives(600, ANNA, BEN) == []


def test_who_is_unseen_for_the_wait_has_left_and_a_while_after_the_last_the_house_is_empty() -> (
    None
):
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
def test_a_mac_goes_before_every_name_and_a_guest_with_a_residents_name_is_nobody(
    device: Device, who: str | None
) -> None:
    house = House(people={**PEOPLE, "cleo": PersonSettings(hosts=("pixel",))})
    assert house.sees(device) == ([f"came {who}", f"occupied {who}"] if who else [])


def test_a_guest_with_a_residents_name_does_not_keep_the_house_occupied() -> None:
    house = House()
    house.sees(ANNA)
    assert house.lives(600, Device("02:00:00:00:00:0f", "iphone")) == ["left anna", "emptied"]


def test_duplicates_in_a_list_are_one_device() -> None:
    house = House()
    assert house.sees(ANNA, ANNA, Device(ANNA, "iphone"), Device(ANNA, ip="192.168.0.7")) == [
        "came anna",
        "occupied anna",
    ]
    assert set(house.household.habits("anna").gaps_s) == {ANNA}


def test_the_device_that_is_told_is_told_until_it_is_not_there_any_more() -> None:
    house = House()
    for devices, told in (
        ((WATCH,), WATCH),
        ((ANNA, WATCH), WATCH),
        ((ANNA,), ANNA),
        ((WATCH, ANNA), ANNA),
        ((), ANNA),
    ):
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


def test_after_an_outage_the_house_is_not_empty_before_those_who_came_meanwhile_can_be_seen() -> (
    None
):
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
    house = House(
        known={
            "ben": replace(
                AWAY, last_seen=NOON + timedelta(days=400), since=NOON + timedelta(days=400)
            )
        }
    )
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


@pytest.mark.parametrize(
    ("home", "changes"), [(False, ["came anna", "occupied anna"]), (True, ["came anna"])]
)
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
    house.household.configure(
        PresenceSettings(
            people={"anna": PEOPLE["anna"], "cleo": PersonSettings(("02:00:00:00:00:0e",))}
        ),
        {},
        {},
    )
    assert replace(house.household.presence("anna"), wait_s=before.wait_s) == before
    assert house.household.habits("anna").gaps_s[ANNA][NOON.hour]
    assert house.sees(ANNA, BEN) == []
    assert house.sees(ANNA, "02:00:00:00:00:0e") == ["came cleo"]


def test_when_the_last_who_is_home_is_not_named_any_more_the_house_is_empty_after_a_whole_wait() -> (
    None
):
    house = House()
    house.sees(BEN)
    house.household.configure(PresenceSettings(people={"anna": PEOPLE["anna"]}), {}, {})
    assert house.until("emptied", BEN) == EMPTIED_S


def test_somebody_with_a_new_phone_is_given_time_to_show_it() -> None:
    house = House()
    house.sees(BEN)
    house.household.configure(
        PresenceSettings(people={"ben": PersonSettings(("02:00:00:00:00:0e",))}), {}, {}
    )
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
    assert house.household.presence("anna") == Presence(
        False, seen_at + timedelta(seconds=180), ANNA, seen_at
    )


def test_it_is_told_how_long_the_device_is_waited_for_that_is_waited_for_longest() -> None:
    house = House(
        known={"anna": replace(HOME, device=WATCH)}, home=True, at=NOON.replace(hour=7, minute=50)
    )
    house.sees(ANNA, WATCH)
    house.lives(450, WATCH)
    house.lives(600, ANNA, WATCH)
    for _ in range(2):
        assert house.household.presence("anna").wait_s == 1020
        assert house.household.presence("anna").device == WATCH
        house.restart()
        house.sees(WATCH)


def test_in_an_outage_it_is_told_how_long_somebody_is_waited_for_by_the_hour_of_the_last_answer() -> (
    None
):
    house = House()
    house.sees(ANNA)
    house.misses(2)
    assert house.household.presence("anna").wait_s == WAIT_S


def test_how_long_somebody_is_waited_for_is_not_told_before_the_hour_is_known() -> None:
    assert House(known={"anna": HOME}).household.presence("anna").wait_s is None
