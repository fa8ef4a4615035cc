"""A lost camera is published when that lasts, and one that comes and goes rarely."""

from datetime import timedelta

import pytest

from app.daemons.security_system.camera_reports import NOTE, CameraReports
from tests.daemons.security_system.publishing import Runs
from tests.waiting import until

LOST_ALERT_S = 10.0


class House:
    """The camera front, whose state the test gives."""

    def __init__(self, runs: Runs) -> None:
        self.clock = runs.clock
        self.note = runs.note(NOTE)
        self.published = runs.published
        self.end = runs.end
        self._runs = runs
        self.restart()

    def restart(self) -> None:
        """End the program, and start it again."""
        self.reports = CameraReports("front", self._runs.start(), self.clock, LOST_ALERT_S)
        self.reports.open()

    def live(self, seconds: float, *, is_lost: bool) -> None:
        for _ in range(round(seconds * 4)):
            self.clock.advance(0.25)
            self.reports.step("lost" if is_lost else "open", "it broke off" if is_lost else None)


@pytest.fixture
def house(runs: Runs) -> House:
    return House(runs)


def test_a_loss_and_a_return_are_published_when_they_last(house: House) -> None:
    house.live(60, is_lost=False)
    house.live(LOST_ALERT_S - 1, is_lost=True)
    house.live(60, is_lost=False)
    since = house.clock.now().astimezone()
    house.live(LOST_ALERT_S + 20, is_lost=True)
    back = house.clock.now().astimezone()
    house.live(30, is_lost=False)
    assert [(fact["kind"], fact["text"]) for fact in house.published(2)] == [
        ("camera_lost", f"Camera lost: it broke off (since {since:%H:%M})."),
        ("camera_back", f"Camera back: front, since {back:%H:%M}, after 30 s."),
    ]


def test_a_camera_that_drops_every_ten_seconds_is_one_message(house: House) -> None:
    for _ in range(7):
        house.live(9, is_lost=False)
        house.live(1.5, is_lost=True)
    (fact,) = house.published(1)
    assert fact["kind"] == "camera_lost"
    assert fact["text"].startswith("Camera front comes and goes: lost 4 times in 32 s, since ")
    assert "and there for 86 % of that time. The last reason: it broke off." in fact["text"]


def test_a_cut_in_between_and_its_end_are_published(house: House) -> None:
    for _ in range(7):
        house.live(9, is_lost=False)
        house.live(1.5, is_lost=True)
    house.live(60, is_lost=True)
    house.live(15, is_lost=False)
    texts = [fact["text"] for fact in house.published(3)]
    assert texts[1].startswith("Camera lost: it broke off (since ")
    assert texts[2].startswith("Camera front comes and goes: lost 7 times in ")
    assert "It is there now. Check its power and its network." in texts[2]


def test_a_restart_publishes_no_loss_again(house: House) -> None:
    house.live(20, is_lost=True)
    house.published(1)
    for _ in range(3):
        house.restart()
        house.live(30, is_lost=True)
    house.live(60, is_lost=False)
    assert [fact["kind"] for fact in house.published(2)] == ["camera_lost", "camera_back"]


def test_a_kill_before_the_note_repeats_no_loss(house: House) -> None:
    house.live(LOST_ALERT_S / 2, is_lost=True)
    until(house.note.exists, "the loss is noted")
    before = house.note.read_text()
    house.live(LOST_ALERT_S, is_lost=True)
    house.published(1)
    house.end()
    house.note.write_text(before)
    house.restart()
    house.live(60, is_lost=True)
    house.live(60, is_lost=False)
    assert [fact["kind"] for fact in house.published(2)] == ["camera_lost", "camera_back"]


def test_the_next_run_knows_since_when_the_camera_is_lost(house: House) -> None:
    house.live(5, is_lost=False)
    since = house.clock.now() + timedelta(seconds=0.25)
    house.live(LOST_ALERT_S + 5, is_lost=True)
    house.published(1)
    house.restart()
    house.live(60, is_lost=True)
    assert house.reports.lost_since == since
    house.live(60, is_lost=False)
    assert house.reports.lost_since is None
