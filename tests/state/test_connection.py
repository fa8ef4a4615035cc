"""Failures of a real Redis, and calls that end in time."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import redis

from app.errors import ProtocolError, StateUnavailable
from app.state import Latest, State, within
from tests.servers.redis_server import RedisServer

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)


def test_a_server_that_is_gone_fails_at_once_and_works_again(
    redis_server: RedisServer, state: State
) -> None:
    state.ping()
    redis_server.kill()
    with pytest.raises(StateUnavailable, match="not reachable"):
        state.ping()
    redis_server.start()
    state.ping()


def test_a_server_that_cannot_write_counts_as_away(state: State, raw: redis.Redis) -> None:
    raw.config_set("maxmemory", "1mb")
    raw.config_set("maxmemory-policy", "noeviction")
    with pytest.raises(StateUnavailable, match="Redis"):
        state.set_latest("front", Latest(b"x" * 2_000_000, NOW))
        state.set_latest("front", Latest(b"x" * 2_000_000, NOW))


def test_a_call_that_would_begin_too_late_is_not_made(state: State) -> None:
    with within(-1), pytest.raises(StateUnavailable, match="too slow"):
        state.set_switch("home", True)
    assert state.read_strings("home") == [None]


@contextmanager
def denied(raw: redis.Redis, command: str) -> Iterator[None]:
    """In here nobody may call *command*."""
    raw.acl_setuser("default", enabled=True, commands=[f"-{command}"])
    try:
        yield
    finally:
        raw.acl_setuser("default", enabled=True, commands=[f"+{command}"])


def test_a_user_without_rights_counts_as_redis_being_away(state: State, raw: redis.Redis) -> None:
    with denied(raw, "mget"), pytest.raises(StateUnavailable, match="no permissions"):
        state.read_strings("home")


def test_a_server_that_refuses_its_settings_is_a_protocol_error(
    state: State, raw: redis.Redis
) -> None:
    with denied(raw, "config"), pytest.raises(ProtocolError, match="denies that to this user"):
        state.set_server("appendonly", "yes")
    with denied(raw, "info"), pytest.raises(ProtocolError, match="denies that to this user"):
        state.server_facts()
