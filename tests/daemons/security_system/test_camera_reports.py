"""A lost camera is published when that lasts, and one that comes and goes rarely."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis

from app.clock import FakeClock, SystemClock
from app.daemons.security_system.camera_reports import CameraReports
from app.daemons.security_system.publisher import Publisher
from app.daemons.security_system.spool import Spool
from app.recording.event_folder import EventFolders
from app.state import State
from tests.daemons.facts import facts
from tests.servers.redis_server import RedisServer
from tests.waiting import until

LOST_ALERT_S = 10.0


class Scene:
    """A camera on a fake clock whose state the test gives, and the runs of its program."""

    def __init__(self, folder: Path, url: str, raw: redis.Redis) -> None:
        self.clock = FakeClock()
        self.note = folder / "spool" / "steadiness"
        self._folder, self._url, self._raw = folder, url, raw
        self._opened = contextlib.ExitStack()
        self.reports = self.restarted()

    def restarted(self) -> CameraReports:
        """End the program, and start it again."""
        self._opened.close()
        state = State(self._url, 1.0)
        publisher = Publisher(
            "front",
            state,
            EventFolders(self._folder),
            Spool(self._folder / "spool"),
            SystemClock(),
        )
        publisher.open()
        publisher.start()
        self._opened.callback(state.close)
        self._opened.callback(publisher.stop)
        reports = CameraReports("front", publisher, self.clock, LOST_ALERT_S)
        reports.open()
        return reports

    def live(self, seconds: float, *, is_lost: bool) -> None:
        for _ in range(round(seconds * 4)):
            self.clock.advance(0.25)
            self.reports.step("lost" if is_lost else "open", "it broke off" if is_lost else None)

    def published(self, count: int) -> list[dict[str, Any]]:
        """Wait until *count* facts are published; returns them."""
        return until(lambda: found if len(found := facts(self._raw)) == count else None, "facts")

    def close(self) -> None:
        self._opened.close()


@pytest.fixture
def scene(
    durable_redis_server: RedisServer, raw: redis.Redis, tmp_path: Path
) -> Iterator[Callable[[], Scene]]:
    made: list[Scene] = []

    def make() -> Scene:
        made.append(Scene(tmp_path, durable_redis_server.url, raw))
        return made[0]

    yield make
    made[0].close()


def test_a_loss_and_a_return_are_published_when_they_last(scene: Callable[[], Scene]) -> None:
    house = scene()
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


def test_a_camera_that_drops_every_ten_seconds_is_one_message(scene: Callable[[], Scene]) -> None:
    house = scene()
    for _ in range(7):
        house.live(9, is_lost=False)
        house.live(1.5, is_lost=True)
    (fact,) = house.published(1)
    assert fact["kind"] == "camera_lost"
    assert fact["text"].startswith("Camera front comes and goes: lost 4 times in 32 s, since ")
    assert "and there for 86 % of that time. The last reason: it broke off." in fact["text"]


def test_a_cut_in_between_and_its_end_are_published(scene: Callable[[], Scene]) -> None:
    house = scene()
    for _ in range(7):
        house.live(9, is_lost=False)
        house.live(1.5, is_lost=True)
    house.live(60, is_lost=True)
    house.live(15, is_lost=False)
    texts = [fact["text"] for fact in house.published(3)]
    assert texts[1].startswith("Camera lost: it broke off (since ")
    assert texts[2].startswith("Camera front comes and goes: lost 7 times in ")
    assert "It is there now. Check its power and its network." in texts[2]


def test_a_restart_publishes_no_loss_again(scene: Callable[[], Scene]) -> None:
    house = scene()
    house.live(20, is_lost=True)
    house.published(1)
    for _ in range(3):
        house.reports = house.restarted()
        house.live(30, is_lost=True)
    house.live(60, is_lost=False)
    assert [fact["kind"] for fact in house.published(2)] == ["camera_lost", "camera_back"]


def test_a_kill_before_the_note_repeats_no_loss(scene: Callable[[], Scene]) -> None:
    house = scene()
    house.live(LOST_ALERT_S / 2, is_lost=True)
    until(house.note.exists, "the loss is noted")
    before = house.note.read_text()
    house.live(LOST_ALERT_S, is_lost=True)
    house.published(1)
    house.close()
    house.note.write_text(before)
    house.reports = house.restarted()
    house.live(60, is_lost=True)
    house.live(60, is_lost=False)
    assert [fact["kind"] for fact in house.published(2)] == ["camera_lost", "camera_back"]


def test_the_next_run_knows_since_when_the_camera_is_lost(scene: Callable[[], Scene]) -> None:
    house = scene()
    house.live(5, is_lost=False)
    since = house.clock.now() + timedelta(seconds=0.25)
    house.live(LOST_ALERT_S + 5, is_lost=True)
    house.published(1)
    house.reports = house.restarted()
    house.live(60, is_lost=True)
    assert house.reports.lost_since == since
    house.live(60, is_lost=False)
    assert house.reports.lost_since is None


def test_a_damaged_note_is_ignored(scene: Callable[[], Scene]) -> None:
    house = scene()
    house.live(20, is_lost=True)
    house.published(1)
    house.reports = house.restarted()
    house.note.write_text('{"announced": 3}')
    house.reports = house.restarted()
    house.live(20, is_lost=True)
    assert [fact["kind"] for fact in house.published(2)] == ["camera_lost", "camera_lost"]
