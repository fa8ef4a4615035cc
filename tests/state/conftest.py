"""A client that reads and writes Redis past the state."""

from collections.abc import Iterator

import pytest
import redis

from tests.servers.redis_server import RedisServer


@pytest.fixture
def raw(redis_server: RedisServer) -> Iterator[redis.Redis]:
    """A client of the same server as *state*."""
    with redis.Redis.from_url(redis_server.url) as client:
        yield client
