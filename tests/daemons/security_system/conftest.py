"""Shared by tests of the camera's program: a Redis that survives a crash, and the program."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import redis

from app.protocol import Heartbeat
from app.state import State
from tests.daemons.facts import facts
from tests.daemons.security_system.publishing import Runs
from tests.recording.videos import numbered_video
from tests.servers.programs import Program, write_config
from tests.servers.redis_server import RedisServer
from tests.waiting import until

#: For the numbered videos: events open and close quickly, and the upper quarter of the picture,
#: which shows its number, is masked.
NUMBERED = """
cameras: {front: {fps: 25, masks: [[[0, 0], [1, 0], [1, 0.35], [0, 0.35]]]}}
events: {motion_classification_store_cnt: 5, event_gap_s: 1, min_notify_seconds: 0}
recording: {pre_roll_s: 1, post_roll_s: 1}
disk: {min_free_gb: 0}
"""


class Front:
    """The camera front: its program, and what that leaves in *folder* and in the Redis *server*."""

    def __init__(self, folder: Path, server: RedisServer) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.server = server
        self.state = State(server.url)
        self.raw = redis.Redis.from_url(server.url)
        self._programs: list[Program] = []

    def start(
        self, source: str | Path = "", more: str = "", options: Sequence[str] = ()
    ) -> Program:
        """Start the program on *source*, or the configured one, with *more* YAML and *options*."""
        arguments = [*(("--source", str(source)) if source else ()), *options]
        program = Program("app.daemons.security_system", self.configure(more), *arguments)
        self._programs.append(program)
        program.start()
        return program

    def configure(self, more: str) -> Path:
        """Write a configuration with *more* YAML; returns its folder."""
        return write_config(self.folder, self.server.url, more)

    def facts(self, kind: str | None = None) -> list[dict[str, Any]]:
        """The facts on the stream, of one *kind* if that is given, oldest first."""
        return facts(self.raw, kind)

    def first_event(self, number: int = 1) -> str:
        """Wait until so many events have opened; returns the id of the last of them."""
        opened = until(lambda: self.facts("motion_started")[number - 1 :], "an event opens")
        return str(opened[0]["event"])

    def event_folder(self, event: str) -> Path:
        """The folder of *event*."""
        return next(self.data.glob(f"events/*/{event}"))

    def wait_for_picture(self) -> None:
        """Wait until the camera has given a picture."""
        until(lambda: self.state.latest("front"), "the first picture is taken")

    def heartbeat(self, program: Program) -> Heartbeat | None:
        """The newest heartbeat of *program*."""
        return program.heartbeat(self.server.url)

    def close(self) -> None:
        for program in self._programs:
            program.__exit__()
        self.raw.close()
        self.state.close()


@pytest.fixture
def front(durable_redis_server: RedisServer, tmp_path: Path) -> Iterator[Front]:
    opened = Front(tmp_path, durable_redis_server)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def shared_front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """The camera front for all tests of a module."""
    with (
        tempfile.TemporaryDirectory(prefix="redis-") as folder,
        RedisServer(Path(folder), appendonly=True) as server,
    ):
        opened = Front(tmp_path_factory.mktemp("front"), server)
        yield opened
        opened.close()


@pytest.fixture
def state(durable_redis_server: RedisServer) -> Iterator[State]:
    opened = State(durable_redis_server.url)
    yield opened
    opened.close()


@pytest.fixture
def raw(durable_redis_server: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(durable_redis_server.url) as client:
        yield client


@pytest.fixture
def runs(durable_redis_server: RedisServer, raw: redis.Redis, tmp_path: Path) -> Iterator[Runs]:
    """The runs of the program of the camera front, none of them started yet."""
    begun = Runs(tmp_path, durable_redis_server.url, raw)
    yield begun
    begun.end()


@pytest.fixture(scope="session")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A numbered video in which somebody comes after 3 s and stays for half a minute."""
    path = tmp_path_factory.mktemp("videos") / "endless.mp4"
    return numbered_video(path, 330, options={"g": "40"}, visits=range(30, 330))
