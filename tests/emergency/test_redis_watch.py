"""When Redis counts as away, and what the owner reads about it."""

from dataclasses import replace

import pytest

from app.clock import FakeClock
from app.config import Config
from app.emergency.redis_watch import RedisWatch
from app.emergency.reporter import EmergencyReporter
from app.errors import StateUnavailable
from app.protocol import host_name
from tests.servers.slack import SlackServer
from tests.waiting import until

ERROR = StateUnavailable("Redis is not reachable: connection refused")
REDIS_LOG = """\
812:C 30 Nov 2026 08:47:11.000 * oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo
812:M 30 Nov 2026 08:47:12.123 # Bad file format reading the append only file x.incr.aof
812:M 30 Nov 2026 08:47:12.124 * bye
"""


class Watched:
    """A watch on a clock that stands still, and the texts in Slack."""

    def __init__(self, config: Config, slack: SlackServer) -> None:
        self.clock = FakeClock()
        self.slack = slack
        self.reporter = EmergencyReporter(config, self.clock)
        self.watch = RedisWatch(config, self.clock, self.reporter, 60.0)

    def away_for(self, seconds: float) -> None:
        for _ in range(round(seconds / 5)):
            self.watch.away(ERROR)
            self.clock.advance(5)
        self.watch.away(ERROR)

    def texts(self) -> list[str]:
        until(self.reporter.is_idle, "all is delivered")
        return [message.text for message in self.slack.messages]


@pytest.fixture
def watched(config: Config, slack: SlackServer) -> Watched:
    return Watched(config, slack)


def test_a_short_absence_is_not_reported(watched: Watched) -> None:
    for _ in range(3):
        watched.away_for(55)
        watched.watch.back()
    assert watched.texts() == []


def test_a_minute_is_reported_with_the_cure(watched: Watched, config: Config) -> None:
    config.logs_dir.mkdir()
    (config.logs_dir / "redis.log").write_text(REDIS_LOG)
    watched.away_for(420)
    (text,) = watched.texts()
    assert text.startswith("Redis has been away since ")
    assert "connection refused" in text
    assert "“Bad file format reading the append only file x.incr.aof”" in text
    assert f"scripts/status.sh and at {config.logs_dir / 'redis.log'}" in text
    watched.watch.back()
    assert watched.texts()[1:] == [
        "Redis is back after 7 min. The alerts from that time follow.",
    ]


def test_a_redis_elsewhere_has_no_log_here(slack: SlackServer, config: Config) -> None:
    elsewhere = replace(config.redis, url="redis://192.0.2.1/0")
    watched = Watched(config.model_copy(update={"redis": elsewhere}), slack)
    watched.away_for(60)
    (text,) = watched.texts()
    assert f"(as {host_name()} sees it)" in text
    assert "and at the machine of your Redis" in text


def test_a_redis_that_comes_and_goes_is_reported_less_and_less(watched: Watched) -> None:
    for _ in range(10):
        watched.away_for(100)
        assert watched.texts()
        watched.watch.back()
        watched.clock.advance(10)
    assert len(watched.texts()) == 2
    watched.clock.advance(90_000)
    watched.watch.back()
    watched.away_for(60)
    assert len(watched.texts()) == 3


def test_an_earlier_run_may_have_reported_it(
    watched: Watched, slack: SlackServer, config: Config
) -> None:
    watched.away_for(60)
    assert len(watched.texts()) == 1
    restarted = Watched(config, slack)
    restarted.watch.back()
    assert restarted.texts()[1].startswith("Redis is back after")
