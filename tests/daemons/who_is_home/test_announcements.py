"""Silences and changes are announced once when they last, and rarely when there are many."""

from datetime import UTC, datetime, timedelta

import pytest

from app.daemons.who_is_home.announcements import RouterAnnouncements
from app.protocol import RouterHealth
from tests.daemons.home import ANNA, AWAY, BEN, HOME, Home

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)


class Router:
    """A router whose state the test gives, and the facts about it."""

    def __init__(self, known: RouterHealth | None = None) -> None:
        self.health = known
        self.announcements = RouterAnnouncements(900, known)
        self.now_s = 0.0
        self.facts: list[tuple[str, str]] = []

    def live(self, seconds: float, *, answering: bool) -> None:
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            now = NOW + timedelta(seconds=self.now_s)
            if self.health is None or self.health.answering != answering:
                told = self.health.told if self.health else False
                steadiness = self.health.steadiness if self.health else None
                self.health = RouterHealth(answering, now, told, "no route", steadiness)
            self.health, fact = self.announcements.observe(self.health, now, self.now_s)
            if fact:
                self.facts.append((fact.kind, fact.text))
            self.now_s += 15

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.facts]


def test_a_long_silence_and_its_end_are_announced_once() -> None:
    router = Router()
    router.live(60, answering=True)
    router.live(885, answering=False)
    assert router.facts == []
    router.live(1515, answering=False)
    router.live(600, answering=True)
    assert router.kinds() == ["router_silent", "router_back"]
    assert "no route" in router.facts[0][1]
    assert "after 40 min" in router.facts[1][1]


def test_a_short_silence_is_not_announced() -> None:
    router = Router()
    router.live(300, answering=False)
    router.live(300, answering=True)
    assert router.facts == []


def test_a_router_that_flaps_for_a_day_is_a_few_messages() -> None:
    router = Router()
    for _ in range(24):
        router.live(1800, answering=False)
        router.live(1800, answering=True)
    assert len(router.facts) <= 10
    assert router.facts[-1][1].startswith("The router comes and goes: silent ")


@pytest.mark.parametrize("version", ["old", "new"])
def test_the_next_run_announces_no_silence_again(version: str) -> None:
    first = Router()
    first.live(60, answering=True)
    first.live(1200, answering=False)
    assert first.health is not None
    assert first.health.told
    known = RouterHealth(False, NOW, told=True, why="down") if version == "old" else first.health
    router = Router(known)
    router.live(2000, answering=False)
    assert router.facts == []
    router.live(300, answering=True)
    assert router.kinds() == ["router_back"]


def come_and_go(home: Home, times: int, home_s: float = 300.0) -> None:
    for _ in range(times):
        home.sees(ANNA)
        home.live(home_s)
        assert home.switches() == HOME
        home.sees()
        # After some gaps the phone's habits are known, and it is waited for longer.
        home.live(1200)
        assert home.switches() == AWAY


def test_a_phone_that_flaps_arms_each_time_with_few_messages(home: Home) -> None:
    come_and_go(home, 8)
    texts = home.facts("presence_changed")
    assert len(texts) <= 9
    assert texts[:2] == ["Anna is home: disarmed.", "Everyone has left: armed."]
    (often,) = [text for text in texts if "everyone left 4 times" in text]
    assert often.startswith("Everyone has left: armed. The phones come and go: ")
    home.restart()
    come_and_go(home, 2)
    assert home.facts("presence_changed") == texts
    home.sees(ANNA, BEN)
    home.live(5 * 3600)
    assert home.facts("presence_changed")[-1].startswith("Somebody has been home without a break")


def test_a_family_that_leaves_four_times_a_day_hears_of_each(home: Home) -> None:
    come_and_go(home, 4, home_s=4200)
    assert (
        home.facts("presence_changed")
        == [
            "Anna is home: disarmed.",
            "Everyone has left: armed.",
        ]
        * 4
    )


def test_a_real_departure_after_much_flapping_is_announced(home: Home) -> None:
    come_and_go(home, 6)
    before = len(home.facts())
    home.live(2 * 3600)
    assert [text[:26] for text in home.facts()[before:]] == ["Everyone has been away sin"]
