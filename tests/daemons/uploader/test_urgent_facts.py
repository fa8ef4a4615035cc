"""The facts about urgent events, from a real Redis."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest
import redis

from app.daemons.uploader.urgent_facts import UrgentFacts
from app.protocol import Fact
from app.state import State
from tests.servers.redis_server import RedisServer
from tests.waiting import until

EVENT = "20261120T101500.123Z-front"


@pytest.fixture
def raw(redis_server: RedisServer) -> Iterator[redis.Redis]:
    with closing(redis.Redis.from_url(redis_server.url, decode_responses=True)) as connected:
        yield connected


@pytest.fixture
def hurried() -> list[str]:
    return []


@pytest.fixture
def facts(redis_server: RedisServer, hurried: list[str]) -> Iterator[UrgentFacts]:
    made = UrgentFacts(redis_server.url, "uploader", hurried.append)
    yield made
    made.ask_to_stop()
    until(made.has_ended, "its thread has ended")


def publish(state: State, name: str, event: str | None = None) -> None:
    state.publish(Fact(name, "motion_started", datetime.now(UTC), "Motion.", "front", event))


def groups(raw: redis.Redis) -> list[dict[str, Any]]:
    return raw.xinfo_groups("events")


def test_an_event_is_urgent_as_soon_as_it_is_published(
    facts: UrgentFacts, state: State, raw: redis.Redis, hurried: list[str]
) -> None:
    publish(state, "without-an-event")
    facts.step(wanted=True)
    publish(state, "motion", EVENT)
    until(lambda: hurried == [EVENT], "it is urgent")
    until(lambda: groups(raw)[0]["pending"] == 0, "both are acknowledged")


def test_unwanted_facts_are_not_kept(facts: UrgentFacts, state: State, raw: redis.Redis) -> None:
    publish(state, "motion", EVENT)
    facts.step(wanted=True)
    until(lambda: groups(raw), "the stream keeps facts for it")

    def step_and_look() -> bool:
        facts.step(wanted=False)
        return not groups(raw)

    until(step_and_look, "it keeps none")


def test_after_redis_was_away_facts_are_read_again(
    facts: UrgentFacts,
    redis_server: RedisServer,
    state: State,
    hurried: list[str],
) -> None:
    facts.step(wanted=True)
    redis_server.stop()
    redis_server.start()
    publish(state, "motion", EVENT)
    until(lambda: hurried == [EVENT], "it is urgent")
