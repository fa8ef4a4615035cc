"""Shared by tests of the camera's program: a Redis that survives a crash, and the program itself."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from app.state import State
from tests.servers.programs import Program, write_config
from tests.servers.redis_server import RedisServer

#: Starts the security system of the camera front on a source (or, with "", the configured one),
#: with more YAML.
StartFront = Callable[[str, str], Program]


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
def start_front(durable_redis_server: RedisServer, tmp_path: Path) -> Iterator[StartFront]:
    running: list[Program] = []

    def start_it(source: str, more: str) -> Program:
        config = write_config(tmp_path, durable_redis_server.url, more)
        program = Program(
            "app.daemons.security_system", config, *(("--source", source) if source else ())
        )
        running.append(program)
        program.start()
        return program

    yield start_it
    for program in running:
        program.__exit__()
