"""A camera whose pictures are often damaged is published once, and its recovery too."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from app.clock import FakeClock, SystemClock
from app.daemons.security_system.damage_reports import DamageReports
from app.daemons.security_system.publisher import Publisher
from app.daemons.security_system.spool import Spool
from app.recording.event_folder import EventFolders
from app.state import State
from tests.daemons.facts import facts
from tests.servers.redis_server import RedisServer
from tests.waiting import until

PER_S = 10


class Scene:
    """A camera on a fake clock, the share of its damaged pictures, and the runs of its program."""

    def __init__(self, folder: Path, url: str, raw: redis.Redis) -> None:
        self.clock = FakeClock()
        self._folder, self._url, self._raw = folder, url, raw
        self._opened = contextlib.ExitStack()
        self.restart()

    def restart(self) -> None:
        """End the program, and start it again."""
        self._opened.close()
        self._pictures, self._damaged = 0, 0.0
        state, folders = State(self._url, 1.0), EventFolders(self._folder)
        spool = Spool(self._folder / "spool")
        publisher = Publisher("front", state, folders, spool, SystemClock())
        publisher.open()
        publisher.start()
        self._opened.callback(state.close)
        self._opened.callback(publisher.stop)
        self.reports = DamageReports("front", publisher, self.clock)
        self.reports.open()

    def live(self, seconds: float, damaged: float, per_s: int = PER_S) -> None:
        for _ in range(round(seconds)):
            self.clock.advance(1)
            self._pictures += per_s
            self._damaged += damaged * per_s
            self.reports.step(self._pictures, round(self._damaged))

    def trouble(self) -> str:
        return self.reports.trouble or ""

    def published(self, count: int) -> list[tuple[str, str]]:
        """Wait until *count* facts are published; returns their kinds and texts."""
        found = until(lambda: found if len(found := facts(self._raw)) == count else None, "facts")
        return [(one["kind"], one["text"]) for one in found]

    def close(self) -> None:
        self._opened.close()


@pytest.fixture
def camera(
    durable_redis_server: RedisServer, raw: redis.Redis, tmp_path: Path
) -> Iterator[Callable[[], Scene]]:
    made: list[Scene] = []

    def make() -> Scene:
        made.append(Scene(tmp_path, durable_redis_server.url, raw))
        return made[0]

    yield make
    made[0].close()


def test_lasting_loss_is_published_with_its_share(camera: Callable[[], Scene]) -> None:
    front = camera()
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


def test_a_camera_that_begins_damaged_is_published_soon(camera: Callable[[], Scene]) -> None:
    front = camera()
    front.live(50, damaged=1.0)
    assert front.trouble() == ""
    front.live(20, damaged=1.0)
    ((_, text),) = front.published(1)
    assert text.startswith("Camera front: 100% of the pictures of the last minute were damaged")


def test_no_time_counts_in_which_a_camera_is_closed(camera: Callable[[], Scene]) -> None:
    front = camera()
    front.live(70, damaged=1.0)
    front.live(3600, damaged=0.0, per_s=0)
    assert front.trouble()
    front.live(600, damaged=0.0)
    assert [kind for kind, _ in front.published(2)] == ["pictures_damaged", "pictures_intact"]


def test_a_restart_publishes_no_damage_again(camera: Callable[[], Scene]) -> None:
    front = camera()
    front.live(70, damaged=1.0)
    front.published(1)
    until((front._folder / "spool" / "damage").exists, "the note")
    front.restart()
    front.live(70, damaged=1.0)
    front.live(700, damaged=0.0)
    assert [kind for kind, _ in front.published(2)] == ["pictures_damaged", "pictures_intact"]
