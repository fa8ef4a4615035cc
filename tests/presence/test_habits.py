"""The time that a phone may be unseen, by its habits."""

from datetime import date

import pytest

from app.presence.base import PresenceSettings
from app.presence.habits import Hours, PhoneHabits, longest_wait
from app.protocol import Habits, decode, encode

SETTINGS = PresenceSettings()
WEDNESDAY = date(2026, 11, 18).toordinal()
SHORTEST_S, LONGEST_S = SETTINGS.consider_home_s, SETTINGS.max_consider_home_s


def habits(gaps_s: list[float], hour: int = 12) -> PhoneHabits:
    """Return the habits of a phone with *gaps_s* in *hour*, the longest gap of each day."""
    made = PhoneHabits()
    for day, gap_s in enumerate(gaps_s, start=WEDNESDAY - len(gaps_s)):
        made.seen(day, hour)
        made.slept(day, hour, gap_s)
    return made


@pytest.mark.parametrize(
    ("gaps_s", "wait_s"),
    [
        ([], SHORTEST_S),
        ([400, 400], SHORTEST_S),
        ([400, 400, 400], 500),
        ([400, 400, 0], 500),
        ([400, 0, 0], SHORTEST_S),
        ([900] * 4 + [200] * 10, 250),
        ([900] * 5 + [200] * 9, LONGEST_S),
        ([90] * 14, SHORTEST_S),
        ([1000] * 14, LONGEST_S),
    ],
)
def test_by_day_the_wait_is_a_quarter_over_two_days_of_three(
    gaps_s: list[float], wait_s: float
) -> None:
    assert habits(gaps_s).wait_s(WEDNESDAY, 12, SETTINGS) == wait_s


@pytest.mark.parametrize(
    ("gaps_s", "wait_s"),
    [
        ([], LONGEST_S),
        ([0] * 6, LONGEST_S),
        ([0] * 7, SHORTEST_S),
        ([300, *[0] * 13], 600),
        ([90] * 14, SHORTEST_S),
        ([600, *[90] * 13], LONGEST_S),
    ],
)
def test_by_night_the_wait_is_twice_the_longest_gap(gaps_s: list[float], wait_s: float) -> None:
    assert habits(gaps_s, hour=3).wait_s(WEDNESDAY, 3, SETTINGS) == wait_s


@pytest.mark.parametrize(("learned", "asked"), [(12, 11), (12, 12), (12, 13), (7, 8), (21, 20)])
def test_an_hour_of_the_day_is_judged_with_its_neighbours(learned: int, asked: int) -> None:
    assert habits([400] * 14, learned).usual_wait_s(asked, SETTINGS) == 500


@pytest.mark.parametrize(("learned", "asked"), [(23, 0), (0, 23), (0, 0), (3, 21), (21, 7)])
def test_an_hour_of_the_night_is_judged_with_the_whole_night(learned: int, asked: int) -> None:
    assert habits([400] * 14, learned).usual_wait_s(asked, SETTINGS) == 800


@pytest.mark.parametrize("asked", [10, 14])
def test_hours_that_are_no_neighbours_know_nothing_of_each_other(asked: int) -> None:
    assert habits([400] * 14).wait_s(WEDNESDAY, asked, SETTINGS) == SHORTEST_S


@pytest.mark.parametrize("days_on", range(7))
def test_only_at_weekends_a_morning_is_a_night(days_on: int) -> None:
    day = WEDNESDAY + days_on
    assert habits([90] * 14, 9).wait_s(day, 9, SETTINGS) == (
        LONGEST_S if date.fromordinal(day).isoweekday() > 5 else SHORTEST_S
    )


def test_only_the_longest_gap_of_a_day_counts() -> None:
    made = habits([400] * 3)
    assert not made.slept(WEDNESDAY - 1, 12, 90)
    assert made.slept(WEDNESDAY - 1, 12, 500)
    assert made.record()[12][-1] == (WEDNESDAY - 1, 500)


def test_the_newest_14_days_are_kept_on_which_it_was_there() -> None:
    made = habits([400] * 14)
    made.seen(WEDNESDAY + 100, 12)
    days = [day for day, _ in made.record()[12]]
    assert days == [*range(WEDNESDAY - 13, WEDNESDAY), WEDNESDAY + 100]


def test_days_ahead_are_forgotten() -> None:
    made = habits([400] * 3)
    made.seen(WEDNESDAY + 3650, 12)
    made.seen(WEDNESDAY, 12)
    assert [day for day, _ in made.record()[12]] == [*range(WEDNESDAY - 3, WEDNESDAY), WEDNESDAY]


def test_being_there_is_new_once_an_hour() -> None:
    made = PhoneHabits()
    assert [made.seen(WEDNESDAY, 12), made.seen(WEDNESDAY, 12), made.seen(WEDNESDAY, 13)] == [
        True,
        False,
        True,
    ]


def test_a_record_survives_json_unchanged() -> None:
    record = Habits({"phone": habits([400.0, 90.04] * 7).record()})
    stored = decode(Habits, encode(record))
    assert stored == record
    assert {gap_s for _, gap_s in stored.gaps_s["phone"][12]} == {400.0, 90.0}
    assert PhoneHabits(stored.gaps_s["phone"]).record() == record.gaps_s["phone"]


@pytest.mark.parametrize("hours", [(), (((WEDNESDAY, 900.0),),), ((),) * 25])
def test_a_record_that_is_not_of_24_hours_is_no_knowledge(hours: Hours) -> None:
    assert not PhoneHabits(hours)


def test_a_phone_is_known_once_it_was_there() -> None:
    made = PhoneHabits()
    assert not made
    made.seen(WEDNESDAY, 12)
    assert made


def test_the_longest_wait_is_given_with_its_hour() -> None:
    hours = [((WEDNESDAY - 14 + day, 90.0) for day in range(14)) for _ in range(24)]
    record = [tuple(days) for days in hours]
    record[14] = tuple((day, 300.0) for day, _ in record[14])
    assert longest_wait(
        Habits({"watch": PhoneHabits().record(), "phone": tuple(record)}), SETTINGS
    ) == (0, LONGEST_S)
    assert longest_wait(Habits({"phone": tuple(record)}), SETTINGS) == (13, 375)
    assert longest_wait(Habits({}), SETTINGS) == (0, LONGEST_S)


def test_a_wait_is_never_outside_its_bounds() -> None:
    plain = PresenceSettings(max_consider_home_s=180)
    waits = {
        habits([gap_s] * 14, hour).wait_s(WEDNESDAY + 3, hour, plain)
        for hour in range(24)
        for gap_s in (0, 500, 5000)
    }
    assert waits == {180}
