"""The real gunicorn, with a Redis of its own, asked over real HTTP as Slack asks."""

import http.client
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.servers.ports import free_port
from tests.servers.programs import Program, write_config
from tests.servers.redis_server import RedisServer
from tests.servers.slack import OWNER, SIGNING_SECRET, Signed, SlackServer

#: Slack waits no longer.
SLACK_WAITS_S = 3.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: str

    @property
    def said(self) -> str:
        """The words that a person reads in Slack."""
        shown: dict[str, Any] = json.loads(self.body)
        assert shown["response_type"] == "ephemeral"
        return str(shown["text"])


class Door:
    """The Slack server of one house, and the Slack that speaks to it."""

    def __init__(
        self, folder: Path, server: RedisServer, slack: SlackServer, more: str = ""
    ) -> None:
        self.port = free_port()
        self.server = server
        self.slack = slack
        self.folder = folder
        self.redis: Any = redis.Redis.from_url(server.url, decode_responses=True)
        self.configure(more)
        self.program = Program("gunicorn", folder / "config", "-c", "gunicorn.conf")

    def configure(self, more: str = "", users: tuple[str, ...] = (OWNER,)) -> None:
        slack = {
            "bind": f"127.0.0.1:{self.port}",
            "signing_secret": SIGNING_SECRET,
            "allowed_users": list(users),
        }
        write_config(self.folder, self.server.url, f"slack: {json.dumps(slack)}\n{more}")

    def start(self) -> None:
        """Start, and return when it answers."""
        self.program.start()
        self.program.wait_until_beating(self.server.url)

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Any request at all."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            line.request(method, path, body, dict(headers or {}))
            answer = line.getresponse()
            return Answer(answer.status, answer.read().decode())
        finally:
            line.close()

    def send(self, path: str, signed: Signed) -> Answer:
        """A request of Slack's."""
        return self.ask("POST", path, signed.body, signed.headers)

    def command(self, line: str, user: str = OWNER) -> Answer:
        """What *user* typed."""
        name, _, text = line.partition(" ")
        return self.send(name, self.slack.slash(name, text, user))

    @property
    def unclaimed(self) -> bool:
        """Whether nothing at all was done in Redis."""
        return not [key for key in self.redis.keys("*") if not key.startswith("heartbeat")]


@pytest.fixture(scope="session")
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        yield server


@pytest.fixture(scope="session")
def steady_door(tmp_path_factory: pytest.TempPathFactory, slack: SlackServer) -> Iterator[Door]:
    """One that runs through all tests that neither end nor configure anything."""
    with (
        tempfile.TemporaryDirectory(prefix="redis-") as folder,
        RedisServer(Path(folder)) as server,
    ):
        door = Door(
            tmp_path_factory.mktemp("door"),
            server,
            slack,
            "cameras: {front: {pantilt: {backend: mock}}}\n",
        )
        with door.redis, ExitStack() as stack:
            stack.push(door.program)
            door.start()
            yield door


@pytest.fixture
def door(steady_door: Door) -> Door:
    steady_door.redis.flushall()
    return steady_door


@pytest.fixture
def own_door(tmp_path: Path, redis_server: RedisServer, slack: SlackServer) -> Iterator[Door]:
    """One of a test's own, started."""
    door = Door(tmp_path, redis_server, slack)
    with door.redis, ExitStack() as stack:
        stack.push(door.program)
        door.start()
        yield door
