"""Who is home: arrivals and departures by the router's list, on a test's own clock."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.presence.base import Device, PersonSettings, PresenceSettings
from app.protocol import Presence
from tests.presence.house import ANNA, AWAY, BEN, HOME, NOON, PEOPLE, WAIT_S, WATCH, House

pytestmark = pytest.mark.usefixtures("in_zone")

#: From when the last is unseen until the house is empty, to the next poll.
EMPTIED_S = 240.0


def test_the_first_arrival_occupies_the_house_at_once() -> None:
    house = House()
    assert house.sees() == []
    assert house.sees(ANNA) == ["came anna", "occupied anna"]
    assert house.is_home()
    assert house.sees(ANNA, BEN) == ["came ben"]
    assert house.lives(600, ANNA, BEN) == []


def test_the_house_is_empty_a_while_after_the_last_has_left() -> None:
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


def test_an_arrival_before_it_is_empty_keeps_it_occupied() -> None:
    house = House()
    house.sees(ANNA)
    house.until("left anna")
    house.lives(30)
    assert house.sees(BEN) == ["came ben"]
    assert house.is_home()
    house.until("left ben")
    assert house.until("emptied") == 45


def test_without_that_while_the_house_is_empty_at_once() -> None:
    house = House()
    house.household.configure(replace(house.settings, away_after_s=0.0), {}, {})
    house.sees(ANNA)
    assert house.lives(600) == ["left anna", "emptied"]


def test_a_guest_with_a_residents_name_does_not_count() -> None:
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


def test_the_shown_device_stays_until_it_is_gone() -> None:
    house = House()
    for devices, shown in (
        ((WATCH,), WATCH),
        ((ANNA, WATCH), WATCH),
        ((ANNA,), ANNA),
        ((WATCH, ANNA), ANNA),
        ((), ANNA),
    ):
        house.sees(*devices)
        assert house.household.presence("anna").device == shown


def test_somebody_is_home_as_long_as_one_of_their_devices_is() -> None:
    house = House()
    house.sees(ANNA, WATCH)
    for _ in range(5):
        assert house.lives(165, WATCH) == []
        assert house.lives(165, ANNA) == []
    assert house.household.presence("anna").device == ANNA
    assert house.until("left anna") == WAIT_S - 15


def test_only_the_second_empty_list_in_a_row_counts() -> None:
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


def test_after_an_outage_waits_start_again() -> None:
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


def test_after_an_outage_the_house_is_not_empty_at_once() -> None:
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
def test_a_clock_jump_is_neither_a_departure_nor_an_arrival(jump_s: float) -> None:
    house = House()
    house.sees(ANNA)
    house.sees()
    house.clock.jump(jump_s)
    assert house.lives(120) == []
    assert house.sees(ANNA) == []


def test_shown_times_are_never_in_the_future() -> None:
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


def test_after_a_start_who_was_home_gets_a_whole_wait() -> None:
    house = House(known={"anna": replace(HOME, last_seen=NOON - timedelta(days=3))}, home=True)
    assert house.until("left anna") == WAIT_S
    assert house.until("emptied") == 45


def test_who_was_away_before_a_start_and_is_seen_has_come() -> None:
    assert House(known={"anna": AWAY}).sees(ANNA) == ["came anna", "occupied anna"]


@pytest.mark.parametrize(
    ("home", "changes"), [(False, ["came anna", "occupied anna"]), (True, ["came anna"])]
)
def test_an_unknown_person_who_is_seen_has_come(home: bool, changes: list[str]) -> None:
    house = House(home=home)
    assert house.sees(ANNA) == changes
    assert house.is_home()


def test_an_unknown_person_who_is_not_seen_is_away() -> None:
    house = House()
    assert house.lives(600) == []
    assert house.household.presence("anna") == Presence(False)


def test_a_house_occupied_by_an_unknown_empties_after_a_wait() -> None:
    house = House(home=True)
    assert house.is_home()
    assert house.until("emptied") == EMPTIED_S


def test_an_empty_house_is_occupied_when_its_person_is_seen() -> None:
    house = House(known={"anna": HOME}, home=False)
    assert house.lives(60) == []
    assert house.sees(ANNA) == ["occupied anna"]


def test_after_a_start_every_known_device_is_waited_for() -> None:
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


def test_the_records_of_those_who_stay_are_kept() -> None:
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


def test_when_the_last_is_removed_the_house_waits_and_empties() -> None:
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


def test_presence_shows_since_when_and_the_last_device() -> None:
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


def test_the_shown_wait_is_the_longest_of_all_devices() -> None:
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


def test_in_an_outage_the_shown_wait_is_that_of_the_last_hour() -> None:
    house = House()
    house.sees(ANNA)
    house.misses(2)
    assert house.household.presence("anna").wait_s == WAIT_S


def test_before_the_first_answer_no_wait_is_shown() -> None:
    assert House(known={"anna": HOME}).household.presence("anna").wait_s is None
