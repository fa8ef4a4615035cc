"""A Redis that would lose data is refused, and the cure is named."""

from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from app.errors import SuiteError
from app.launcher.foreign_redis import refuse_unfit
from tests.servers.redis_server import RedisServer


@pytest.fixture
def raw(durable_redis_server: RedisServer) -> Iterator[Any]:
    """A client of a Redis that is fit."""
    with Redis.from_url(durable_redis_server.url, decode_responses=True) as client:
        yield client


def test_a_fit_redis_is_used_without_a_word(raw: Any, durable_redis_server: RedisServer) -> None:
    raw.mset({"home": "True", "event:20261130T090000000Z-front:snapshot": "x"})
    raw.config_set("maxmemory-policy", "volatile-lru")
    assert refuse_unfit(durable_redis_server.url) == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"maxmemory-policy": "allkeys-lru"}, "Set maxmemory-policy noeviction"),
        ({"maxmemory": "1gb", "maxmemory-policy": "volatile-ttl"}, "maxmemory-policy volatile-ttl"),
        ({"appendonly": "no", "save": ""}, "it keeps nothing on disk"),
    ],
)
def test_a_redis_that_would_lose_data_is_refused(
    raw: Any, durable_redis_server: RedisServer, settings: dict[str, str], said: str
) -> None:
    for name, value in settings.items():
        raw.config_set(name, value)
    with pytest.raises(SuiteError, match=said):
        refuse_unfit(durable_redis_server.url)


def test_a_redis_with_snapshots_only_is_a_warning(
    raw: Any, durable_redis_server: RedisServer
) -> None:
    raw.config_set("appendonly", "no")
    raw.config_set("save", "3600 1")
    (warning,) = refuse_unfit(durable_redis_server.url)
    assert "it is not append-only" in warning


def test_a_database_of_another_program_is_refused(
    raw: Any, durable_redis_server: RedisServer
) -> None:
    raw.set("home", "True")
    raw.set("note", "by hand")
    (warning,) = refuse_unfit(durable_redis_server.url)
    assert "not of this suite: 'note'" in warning
    raw.mset({"celery-task-1": "x", "celery-task-2": "x"})
    with pytest.raises(SuiteError, match="Choose another number at the end"):
        refuse_unfit(durable_redis_server.url)


def test_what_may_not_be_asked_is_a_warning(raw: Any, durable_redis_server: RedisServer) -> None:
    raw.acl_setuser("default", enabled=True, commands=["-info", "-scan"])
    said = " ".join(refuse_unfit(durable_redis_server.url))
    assert "its persistence cannot be checked" in said
    assert "use this database cannot be checked" in said
