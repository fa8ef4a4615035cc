"""A house of one or two cameras on a real Redis, and a person who uses its commands."""

import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis

from app.clock import FakeClock
from app.commands.context import CommandContext, Invocation
from app.commands.registry import run_command
from app.config import Config
from app.protocol import ReplyTo
from app.state import State
from tests.servers.redis_server import RedisServer

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
REPLY_TO = ReplyTo("https://hooks.slack.com/commands/1", "C1")


@pytest.fixture(autouse=True)
def _in_utc(in_zone: Callable[[str], None]) -> None:
    """Let the texts show the same times wherever the tests run."""


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    """One server for all tests of commands, which saves a start for each of some 200 tests."""
    with (
        tempfile.TemporaryDirectory(prefix="redis-") as folder,
        RedisServer(Path(folder)) as server,
    ):
        yield server


@pytest.fixture
def redis_server(shared_redis: RedisServer) -> RedisServer:
    with redis.Redis.from_url(shared_redis.url) as client:
        client.flushall()
    shared_redis.settle()
    return shared_redis


@pytest.fixture
def dead_redis(redis_server: RedisServer) -> Iterator[RedisServer]:
    """The server, killed until the end of the test."""
    redis_server.kill()
    yield redis_server
    redis_server.start()


@pytest.fixture
def state(redis_server: RedisServer) -> Iterator[State]:
    opened = State(redis_server.url, 0.5)
    opened.initialise_switches()
    yield opened
    opened.close()


@pytest.fixture
def raw(redis_server: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_server.url, decode_responses=True) as client:
        yield client


@pytest.fixture
def context(state: State) -> CommandContext:
    """A house with one camera, which can turn."""
    cameras = {"front": {"pantilt": {"backend": "mock", "home": [10, -5]}}}
    return CommandContext(Config.model_validate({"cameras": cameras}), state, FakeClock(NOW))


@pytest.fixture
def two_cameras(state: State) -> CommandContext:
    """A house with a camera that can turn, and one that cannot."""
    cameras = {"front": {"pantilt": {"backend": "mock"}}, "garden": {}}
    return CommandContext(Config.model_validate({"cameras": cameras}), state, FakeClock(NOW))


@pytest.fixture
def family(state: State) -> CommandContext:
    """A house with a router and three people."""
    people = {
        "anna": {"macs": ["aa:aa:aa:aa:aa:aa"]},
        "ben": {"macs": ["bb:bb:bb:bb:bb:bb"]},
        "cleo": {"hosts": ["cleos-phone"]},
    }
    presence = {"people": people, "router": {"backend": "arp"}}
    return CommandContext(Config.model_validate({"presence": presence}), state, FakeClock(NOW))


def ask(context: CommandContext, line: str, by: str = "anna") -> str:
    """Return the reply to *line*, as a person types it."""
    name, _, text = line.partition(" ")
    invocation = Invocation(text, "U1", by, context.clock.now(), REPLY_TO)
    return run_command(name, invocation, context).text
