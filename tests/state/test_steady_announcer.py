"""The changes of a subject are announced once, whatever ends the program in between."""

from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

import pytest
import redis

from app import protocol
from app.clock import FakeClock
from app.errors import StateUnavailable
from app.protocol import Fact, SteadinessRecord
from app.state import State
from app.state.announcer import Announcement
from app.state.steadiness import Notice, Pace
from app.state.steady_announcer import OldMarks, SteadyAnnouncer
from tests.servers.redis_server import RedisServer

SUBJECT = "heartbeat:uploader:pi"
PACE = Pace(0, 10)


def describe(subject: str, notice: Notice) -> Announcement:
    kind: protocol.FactKind = "process_silent" if notice.is_bad else "process_back"
    return Announcement(kind, notice.at, f"{subject} is {notice.kind}.")


def describe_old(subject: str, change: str) -> Announcement:
    raise ValueError(f"{subject} has no {change}")


OLD = OldMarks(lambda _: SteadinessRecord(), describe_old)


class Scene:
    """An announcer on a fake clock, and the Redis that it publishes to."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self.state = State(server.url)
        self.raw: Any = redis.Redis.from_url(server.url, decode_responses=True)
        self.clock = FakeClock()
        self.announcer = self.restarted()

    def restarted(self) -> SteadyAnnouncer:
        made = SteadyAnnouncer(self.state, self.clock, self.state.mark_heartbeat, describe, old=OLD)
        made.restore(SUBJECT, self.state.heartbeat_marks().get(SUBJECT), PACE)
        return made

    def kinds(self) -> list[str]:
        entries = self.raw.xrange("events")
        return [protocol.decode(Fact, stored["fact"]).kind for _, stored in entries]


@pytest.fixture
def scene(redis_server: RedisServer) -> Iterator[Scene]:
    made = Scene(redis_server)
    with closing(made.state), closing(made.raw):
        yield made


def test_a_restart_continues_where_the_last_run_ended(scene: Scene) -> None:
    scene.announcer.observe(SUBJECT, is_down=True)
    for _ in range(3):
        scene.announcer = scene.restarted()
        scene.announcer.observe(SUBJECT, is_down=True)
    for _ in range(3):
        scene.announcer.observe(SUBJECT, is_down=False)
        scene.clock.advance(10)
    assert scene.kinds() == ["process_silent", "process_back"]


def test_a_kill_after_the_publication_repeats_nothing(scene: Scene) -> None:
    marks: list[str] = []
    record = scene.state.mark_heartbeat

    def killed_at_second(subject: str, mark: str) -> None:
        marks.append(mark)
        if len(marks) == 2:
            raise KeyboardInterrupt
        record(subject, mark)

    dying = SteadyAnnouncer(scene.state, scene.clock, killed_at_second, describe, old=OLD)
    dying.restore(SUBJECT, None, PACE)
    with suppress(KeyboardInterrupt):
        dying.observe(SUBJECT, is_down=True)
    assert scene.kinds() == ["process_silent"]
    scene.clock.advance(5)
    scene.announcer = scene.restarted()
    scene.announcer.observe(SUBJECT, is_down=True)
    assert scene.kinds() == ["process_silent"]


def test_without_redis_a_change_is_announced_later(scene: Scene) -> None:
    scene.server.stop()
    with pytest.raises(StateUnavailable):
        scene.announcer.observe(SUBJECT, is_down=True)
    scene.server.start()
    scene.announcer.observe(SUBJECT, is_down=True)
    assert scene.kinds() == ["process_silent"]


@pytest.mark.parametrize("mark", ["to tell: {garbage", "to tell: nonsense", "{", '{"losses": "x"}'])
def test_a_damaged_mark_is_ignored(scene: Scene, mark: str) -> None:
    scene.raw.hset("hearts", SUBJECT, mark)
    announcer = scene.restarted()
    announcer.observe(SUBJECT, is_down=True)
    assert scene.kinds() == ["process_silent"]
