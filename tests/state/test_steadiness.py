"""Short losses are not announced, lasting ones soon, and flapping rarely; in simulated days."""

import math
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from app import protocol
from app.protocol import SteadinessRecord
from app.state.steadiness import Notice, Pace, Steadiness

START = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
CAMERA = Pace(down_after_s=10, up_after_s=10)
DAY_S = 86_400


class House:
    """A subject whose state the test gives by the second; *notices* are those so far."""

    def __init__(self, step_s: int = 1) -> None:
        self.steadiness = Steadiness(CAMERA)
        self.step_s = step_s
        self.now_s = 0
        self.notices: list[tuple[int, Notice]] = []

    def live(self, seconds: int, is_down: bool) -> None:
        for _ in range(0, seconds, self.step_s):
            now = START + timedelta(seconds=self.now_s)
            if notice := self.steadiness.observe(is_down, now, float(self.now_s)):
                self.notices.append((self.now_s, notice))
            self.now_s += self.step_s

    def flap(self, up_s: int, down_s: int, seconds: int) -> None:
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            self.live(min(up_s, until_s - self.now_s), False)
            self.live(min(down_s, until_s - self.now_s), True)

    def restart(self) -> None:
        text = protocol.encode(self.steadiness.record)
        record = protocol.decode(SteadinessRecord, text)
        self.steadiness = Steadiness(self.steadiness.pace, record)

    def kinds(self) -> list[str]:
        return [notice.kind for _, notice in self.notices]


def test_a_loss_and_a_return_are_announced_when_they_last() -> None:
    house = House()
    house.live(3600, False)
    house.live(120, True)
    house.live(60, False)
    assert [(at_s, notice.kind) for at_s, notice in house.notices] == [
        (3610, "down"),
        (3730, "up"),
    ]
    assert house.notices[0][1].since == START + timedelta(hours=1)
    assert house.notices[1][1].outage_s == 120


def test_a_single_short_loss_is_not_announced() -> None:
    house = House()
    house.flap(800, 9, 8000)
    assert house.notices == []


def test_a_camera_that_drops_every_ten_seconds_is_one_message() -> None:
    house = House()
    house.flap(9, 1, 73)
    assert house.kinds() == ["unsteady"]
    assert house.notices[0][1].frequency() == (
        "lost 4 times in 30 s, since "
        f"{(START + timedelta(seconds=9)).astimezone():%H:%M}, and there for 90 % of that time"
    )
    house.live(590, False)
    assert house.kinds() == ["unsteady"]
    house.live(10, False)
    assert house.kinds() == ["unsteady", "steady"]


@pytest.mark.parametrize(
    ("up_s", "down_s"),
    [(9, 1), (20, 40), (100, 20), (600, 20), (3000, 600), (900, 900), (10800, 3600)],
)
def test_a_day_of_flapping_is_ten_messages_at_most(up_s: int, down_s: int) -> None:
    house = House(step_s=max(math.gcd(up_s, down_s) // 10, 1))
    house.flap(up_s, down_s, DAY_S)
    assert 1 <= len(house.notices) <= 10, house.kinds()
    assert "unsteady" in house.kinds()
    before = len(house.notices)
    house.flap(up_s, down_s, DAY_S)
    assert len(house.notices) - before <= 2


@pytest.mark.parametrize("seed", range(4))
def test_a_day_of_chance_is_a_dozen_messages_at_most(seed: int) -> None:
    house, chance = House(), random.Random(seed)
    while house.now_s < DAY_S:
        house.live(min(1 + round(chance.expovariate(1 / 120)), DAY_S), False)
        house.live(min(1 + round(chance.expovariate(1 / 15)), DAY_S), True)
    assert len(house.notices) <= 12, house.kinds()


def test_a_subject_that_comes_and_goes_and_is_then_cut_is_lost() -> None:
    house = House()
    house.flap(9, 1, 3000)
    house.live(9, True)
    assert house.kinds() == ["unsteady"]
    house.live(2, True)
    assert house.kinds() == ["unsteady", "down"]
    house.live(3600, True)
    house.live(12, False)
    assert house.kinds() == ["unsteady", "down", "unsteady"]


def test_a_loss_after_a_quiet_time_is_announced_at_once_again() -> None:
    house = House()
    house.flap(9, 1, 600)
    house.live(6 * 3600, False)
    assert house.kinds() == ["unsteady", "steady"]
    began_s = house.now_s
    house.live(60, True)
    assert house.notices[-1][0] == began_s + 10
    assert house.notices[-1][1].kind == "down"


def test_relapses_lengthen_the_time_until_it_is_steady() -> None:
    house, steady_s = House(), []
    for _ in range(4):
        house.flap(9, 1, 60)
        began_s = house.now_s
        while house.kinds()[-1] != "steady":
            house.live(1, False)
        steady_s.append(round((house.now_s - began_s) / 60))
    assert steady_s == [10, 20, 40, 80]


@pytest.mark.parametrize("every_s", [2, 7, 61])
def test_restarts_repeat_and_forget_nothing(every_s: int) -> None:
    house = House()

    def through(live: Callable[[], None]) -> None:
        live()
        house.restart()

    for _ in range(60):
        through(lambda: house.live(every_s, True))
    assert house.kinds() == ["down"]
    for _ in range(60):
        through(lambda: house.live(every_s, False))
    assert house.kinds() == ["down", "up"]


def test_time_in_which_nobody_looks_does_not_count() -> None:
    house = House()
    house.live(5, True)
    house.steadiness.pause()
    house.now_s += 3600
    house.live(5, True)
    assert house.notices == []
    house.live(2, True)
    assert house.kinds() == ["down"]
