"""A camera whose pictures are often damaged is published once, and its recovery too."""

import pytest

from app.daemons.security_system.damage_reports import NOTE, DamageReports
from tests.daemons.security_system.publishing import Runs
from tests.waiting import until

PER_S = 10


class Camera:
    """The camera front, with the share of its damaged pictures."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self.restart()

    def restart(self) -> None:
        """End the program, and start it again."""
        self._pictures, self._damaged = 0, 0.0
        self.reports = DamageReports("front", self._runs.start(), self._runs.clock)
        self.reports.open()

    def live(self, seconds: float, damaged: float, per_s: int = PER_S) -> None:
        for _ in range(round(seconds)):
            self._runs.clock.advance(1)
            self._pictures += per_s
            self._damaged += damaged * per_s
            self.reports.step(self._pictures, round(self._damaged))

    def trouble(self) -> str:
        return self.reports.trouble or ""

    def published(self, count: int) -> list[tuple[str, str]]:
        """Wait until *count* facts are published; returns their kinds and texts."""
        return [(one["kind"], one["text"]) for one in self._runs.published(count)]


@pytest.fixture
def front(runs: Runs) -> Camera:
    return Camera(runs)


def test_lasting_loss_is_published_with_its_share(front: Camera) -> None:
    front.live(900, damaged=0.05)
    assert front.trouble() == ""
    front.live(700, damaged=0.12)
    assert front.trouble().startswith("12% of the pictures of the last 10 minutes")
    front.live(700, damaged=0.0)
    assert front.trouble() == ""
    (damaged, text), (intact, over) = front.published(2)
    assert (damaged, intact) == ("pictures_damaged", "pictures_intact")
    assert text.startswith(
        "Camera front: 10% of the pictures of the last 10 minutes were damaged on their way, so "
        "motion may be missed. Please check the signal of its Wi-Fi or its cable"
    )
    assert over.startswith("The pictures of camera front are intact again, since ")


def test_a_camera_that_begins_damaged_is_published_soon(front: Camera) -> None:
    front.live(50, damaged=1.0)
    assert front.trouble() == ""
    front.live(20, damaged=1.0)
    ((_, text),) = front.published(1)
    assert text.startswith("Camera front: 100% of the pictures of the last minute were damaged")


def test_no_time_counts_in_which_a_camera_is_closed(front: Camera) -> None:
    front.live(70, damaged=1.0)
    front.live(3600, damaged=0.0, per_s=0)
    assert front.trouble()
    front.live(600, damaged=0.0)
    assert [kind for kind, _ in front.published(2)] == ["pictures_damaged", "pictures_intact"]


def test_a_restart_publishes_no_damage_again(front: Camera, runs: Runs) -> None:
    front.live(70, damaged=1.0)
    front.published(1)
    until(runs.note(NOTE).exists, "the note")
    front.restart()
    front.live(70, damaged=1.0)
    front.live(700, damaged=0.0)
    assert [kind for kind, _ in front.published(2)] == ["pictures_damaged", "pictures_intact"]
