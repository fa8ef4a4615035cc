"""Harnesses for any test here."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from app.state import State
from tests.daemons.notifier.daemon_harness import (
    DaemonHarness,
    ServicesHarness,
    services_harness,
)
from tests.daemons.notifier.outbox_harness import OutboxHarness, make_harness
from tests.daemons.notifier.replies_harness import Replies, replies_of
from tests.servers.redis_server import RedisServer
from tests.servers.slack import SlackServer

MakeOutbox = Callable[..., OutboxHarness]


@pytest.fixture
def make_outbox(state: State, tmp_path: Path) -> MakeOutbox:
    """Make a harness of the notifiers that a test gives."""
    return partial(make_harness, state, tmp_path)


@pytest.fixture
def notifier(tmp_path: Path, redis_server: RedisServer) -> Iterator[DaemonHarness]:
    """A notifier whose Redis forgets everything when it is killed."""
    harness = DaemonHarness(tmp_path, redis_server)
    yield harness
    harness.close()


@pytest.fixture
def durable_notifier(tmp_path: Path, durable_redis_server: RedisServer) -> Iterator[DaemonHarness]:
    harness = DaemonHarness(tmp_path, durable_redis_server)
    yield harness
    harness.close()


@pytest.fixture
def services(tmp_path: Path, durable_redis_server: RedisServer) -> Iterator[ServicesHarness]:
    """A notifier with all services, and a Redis that survives a kill."""
    with services_harness(tmp_path, durable_redis_server) as harness:
        yield harness


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        yield server


@pytest.fixture
def replies(state: State, slack: SlackServer) -> Replies:
    return replies_of(state, slack)
