"""The guard against replays, on a real Redis."""

from collections.abc import Iterator

import pytest
import redis

from app import protocol
from app.clock import FakeClock
from app.commands.context import CommandContext
from app.commands.registry import COMMANDS
from app.config import Config
from app.errors import StateUnavailable
from app.state import State
from app.web.slack.replay_guard import ReplayGuard
from tests.servers.redis_server import RedisServer

STATUS = COMMANDS["status"]


@pytest.fixture
def guard(state: State) -> ReplayGuard:
    return ReplayGuard(CommandContext(Config(), state, FakeClock()))


@pytest.fixture
def raw(redis_server: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_server.url) as client:
        yield client


def test_a_signature_is_accepted_once(guard: ReplayGuard) -> None:
    assert [guard.is_first("v0=a"), guard.is_first("v0=a"), guard.is_first("v0=b")] == [
        True,
        False,
        True,
    ]


def test_a_command_with_a_used_signature_gets_no_survey(guard: ReplayGuard, state: State) -> None:
    state.set_switch("camera_status", True)
    survey = guard.survey_if_first("v0=a", STATUS)
    assert survey
    assert survey.strings["camera_status"] == "True"
    assert guard.survey_if_first("v0=a", STATUS) is None
    assert not guard.is_first("v0=a")


def test_both_ways_take_one_command_of_redis(guard: ReplayGuard, raw: redis.Redis) -> None:
    guard.survey_if_first("v0=a", STATUS)
    before = raw.info("commandstats")
    guard.survey_if_first("v0=b", STATUS)
    after = raw.info("commandstats")
    assert calls(after, "evalsha") == calls(before, "evalsha") + 1
    assert calls(after, "script|exists") == calls(before, "script|exists")


def calls(stats: dict[str, dict[str, int]], command: str) -> int:
    return stats.get(f"cmdstat_{command}", {}).get("calls", 0)


def test_a_signature_is_remembered_for_longer_than_it_is_valid(
    guard: ReplayGuard, raw: redis.Redis
) -> None:
    guard.is_first("v0=a")
    guard.survey_if_first("v0=b", STATUS)
    lives_s = [raw.ttl(protocol.signature_key(signature)) for signature in ("v0=a", "v0=b")]
    assert min(lives_s) > 2 * 300


def test_without_redis_nothing_is_accepted(guard: ReplayGuard, redis_server: RedisServer) -> None:
    redis_server.kill()
    with pytest.raises(StateUnavailable):
        guard.is_first("v0=a")
    with pytest.raises(StateUnavailable):
        guard.survey_if_first("v0=a", STATUS)
