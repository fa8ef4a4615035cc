"""Shared by tests of who is home: a house."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemons.home import Home
from tests.servers.redis_server import RedisServer


@pytest.fixture
def home(
    tmp_path: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Home]:
    """A house in UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    made = Home(tmp_path, redis_server)
    yield made
    made.program.close()
    made.state.close()
    monkeypatch.undo()
    time.tzset()
