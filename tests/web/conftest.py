"""The real gunicorn with a Redis of its own, which gets the HTTP requests of a real Slack."""

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
from tests.servers.slack import SlackServer
from tests.servers.slack_requests import OWNER, SIGNING_SECRET, Signed

#: Slack waits no longer.
SLACK_WAITS_S = 3.0


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a request."""

    status: int
    body: str

    @property
    def reply(self) -> str:
        """Return the words that a person reads in Slack."""
        shown: dict[str, Any] = json.loads(self.body)
        assert shown["response_type"] == "ephemeral"
        return str(shown["text"])


class Endpoint:
    """The Slack server of one house under gunicorn, and the Slack that sends to it."""

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
            "api_url": f"{self.slack.url}/api/",
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
        """Send any request at all."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, answer.read().decode())
        finally:
            connection.close()

    def send(self, path: str, signed: Signed) -> Answer:
        """Send a request as Slack does."""
        return self.ask("POST", path, signed.body, signed.headers)

    def command(self, line: str, user: str = OWNER) -> Answer:
        """Send the command that *user* has typed."""
        name, _, text = line.partition(" ")
        return self.send(name, self.slack.slash(name, text, user))

    @property
    def unclaimed(self) -> bool:
        """Return whether nothing at all was done in Redis."""
        return not [key for key in self.redis.keys("*") if not key.startswith("heartbeat")]


@pytest.fixture(scope="session")
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        yield server


@pytest.fixture(scope="session")
def steady_endpoint(
    tmp_path_factory: pytest.TempPathFactory, slack: SlackServer
) -> Iterator[Endpoint]:
    """One that runs through all tests that neither end nor configure it."""
    with (
        tempfile.TemporaryDirectory(prefix="redis-") as folder,
        RedisServer(Path(folder)) as server,
    ):
        endpoint = Endpoint(
            tmp_path_factory.mktemp("endpoint"),
            server,
            slack,
            "cameras: {front: {pantilt: {backend: mock}}}\n",
        )
        with endpoint.redis, ExitStack() as stack:
            stack.push(endpoint.program)
            endpoint.start()
            yield endpoint


@pytest.fixture
def endpoint(steady_endpoint: Endpoint) -> Endpoint:
    steady_endpoint.redis.flushall()
    return steady_endpoint


@pytest.fixture
def own_endpoint(
    tmp_path: Path, redis_server: RedisServer, slack: SlackServer
) -> Iterator[Endpoint]:
    """One of a test's own, started."""
    endpoint = Endpoint(tmp_path, redis_server, slack)
    with endpoint.redis, ExitStack() as stack:
        stack.push(endpoint.program)
        endpoint.start()
        yield endpoint
