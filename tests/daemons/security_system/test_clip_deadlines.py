"""Who waits for a film hears of its event, with it or without."""

from datetime import UTC, datetime

import pytest

from app.clock import FakeClock
from app.daemons.security_system.clip_deadlines import PATIENCE_S, Owed
from app.daemons.security_system.publisher import News
from app.protocol import Fact


def news(event: str) -> News:
    return News(
        Fact(
            f"{event}-closed",
            "clip_ready",
            datetime(2026, 11, 20, tzinfo=UTC),
            f"Opened: {event}.",
            "fridge",
        )
    )


class Owner:
    """Hears what is told."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.heard: list[str] = []
        self.owed = Owed(lambda one: self.heard.append(one.fact.text), self.clock)

    def after(self, seconds: float) -> list[str]:
        """All that was heard by then."""
        self.clock.advance(seconds)
        self.owed.step()
        return self.heard


@pytest.fixture
def owner() -> Owner:
    return Owner()


def test_what_came_with_its_film_is_not_told_again(owner: Owner) -> None:
    owner.owed.owe("a", news("a"))
    owner.owed.paid("a")
    assert owner.after(1000) == []


def test_what_has_no_film_after_its_patience_is_told_once_without(owner: Owner) -> None:
    owner.owed.owe("a", news("a"))
    assert owner.after(PATIENCE_S - 1) == []
    assert owner.after(1) == ["Opened: a."]
    assert owner.after(1000) == ["Opened: a."]


def test_what_will_have_no_film_is_told_at_once(owner: Owner) -> None:
    owner.owed.owe("a", news("a"), patience_s=0)
    owner.owed.owe("b", news("b"))
    owner.owed.failed("b")
    assert owner.after(0) == ["Opened: a.", "Opened: b."]


def test_a_film_that_comes_after_its_sentence_is_no_news_any_more(owner: Owner) -> None:
    owner.owed.owe("a", news("a"))
    owner.owed.owe("b", news("b"))
    assert owner.owed.paid("b")
    owner.after(PATIENCE_S)
    assert not owner.owed.paid("a")


def test_a_film_that_failed_and_came_all_the_same_before_the_end_is_told_with_its_sentence(
    owner: Owner,
) -> None:
    owner.owed.failed("a")
    assert owner.owed.paid("a")
    owner.owed.owe("a", news("a"))
    assert owner.after(1000) == []


def test_films_that_come_or_fail_before_the_end_count_too(owner: Owner) -> None:
    owner.owed.paid("a")
    owner.owed.failed("b")
    owner.owed.owe("a", news("a"))
    owner.owed.owe("b", news("b"))
    assert owner.after(0) == ["Opened: b."]
    assert owner.after(1000) == ["Opened: b."]
