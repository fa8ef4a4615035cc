"""Every alert that waits for a clip goes out, with the clip or without."""

from datetime import UTC, datetime

import pytest

from app.clock import FakeClock
from app.daemons.security_system.clip_deadlines import PATIENCE_S, ClipDeadlines
from app.daemons.security_system.spool import Publication
from app.protocol import Fact

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def alert(name: str) -> Publication:
    return Publication(Fact(f"{name}-closed", "clip_ready", NOW, f"Opened: {name}.", "fridge"))


class Owner:
    """Receives the alerts of `deadlines`."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.texts: list[str] = []
        self.note: str | None = None
        self.start()

    def start(self) -> None:
        """Begin another run of the program, which knows the note of the last."""
        self.deadlines = ClipDeadlines(
            lambda one: self.texts.append(one.fact.text), self.clock, self._keep
        )
        self.deadlines.resume(self.note)

    def _keep(self, note: str | None) -> None:
        self.note = note

    def after(self, seconds: float) -> list[str]:
        """Let *seconds* pass; returns all texts so far."""
        self.clock.advance(seconds)
        self.deadlines.step()
        return self.texts


@pytest.fixture
def owner() -> Owner:
    return Owner()


def test_an_alert_with_its_clip_is_not_repeated(owner: Owner) -> None:
    owner.deadlines.add("a", alert("a"))
    owner.deadlines.clip_ready("a")
    assert owner.after(1000) == []


def test_an_alert_with_a_late_clip_is_published_once(owner: Owner) -> None:
    owner.deadlines.add("a", alert("a"))
    assert owner.after(PATIENCE_S - 1) == []
    assert owner.after(1) == ["Opened: a."]
    assert owner.after(1000) == ["Opened: a."]


def test_an_alert_that_will_have_no_clip_goes_out_at_once(owner: Owner) -> None:
    owner.deadlines.add("a", alert("a"), patience_s=0)
    owner.deadlines.add("b", alert("b"))
    owner.deadlines.clip_failed("b")
    assert owner.after(0) == ["Opened: a.", "Opened: b."]


def test_a_clip_after_its_alert_is_no_alert(owner: Owner) -> None:
    owner.deadlines.add("a", alert("a"))
    owner.deadlines.add("b", alert("b"))
    assert owner.deadlines.clip_ready("b")
    owner.after(PATIENCE_S)
    assert not owner.deadlines.clip_ready("a")


def test_a_clip_that_failed_may_be_ready_all_the_same(owner: Owner) -> None:
    owner.deadlines.clip_failed("a")
    assert owner.deadlines.clip_ready("a")
    owner.deadlines.add("a", alert("a"))
    assert owner.after(1000) == []


def test_clips_may_be_ready_or_fail_before_their_alert(owner: Owner) -> None:
    owner.deadlines.clip_ready("a")
    owner.deadlines.clip_failed("b")
    owner.deadlines.add("a", alert("a"))
    owner.deadlines.add("b", alert("b"))
    assert owner.after(0) == ["Opened: b."]
    assert owner.after(1000) == ["Opened: b."]


def test_an_alert_survives_a_kill_while_it_waits(owner: Owner) -> None:
    owner.deadlines.add("a", alert("a"))
    owner.start()
    assert owner.after(PATIENCE_S - 1) == []
    assert owner.after(1) == ["Opened: a."]
    owner.start()
    assert owner.after(1000) == ["Opened: a."]


def test_an_alert_after_a_kill_is_not_repeated_by_its_clip(owner: Owner) -> None:
    owner.deadlines.add("a", alert("a"))
    owner.after(PATIENCE_S)
    owner.start()
    assert not owner.deadlines.clip_ready("a")
    owner.deadlines.add("b", alert("b"))
    owner.start()
    assert owner.deadlines.clip_ready("b")
    assert owner.after(1000) == ["Opened: a."]
    assert owner.note is None


def test_a_door_left_open_is_published_at_once_after_a_kill(owner: Owner) -> None:
    fact = Fact("a-left_open", "left_open", NOW, "Left open.", "fridge")
    owner.deadlines.add("a-left_open", Publication(fact))
    owner.start()
    assert owner.after(0) == ["Left open."]


@pytest.mark.parametrize(
    "note", ["", "{", "[]", "{}", '{"waiting": [], "published": []}', '{"waiting": {"a": "{}"}}']
)
def test_a_broken_note_of_alerts_is_no_alert(owner: Owner, note: str) -> None:
    owner.deadlines.resume(note)
    assert owner.after(1000) == []
