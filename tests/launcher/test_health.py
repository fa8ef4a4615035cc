"""The health of programs, from real heartbeats and without supervisord."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.config import Config, load_config
from app.launcher.health import UNSUPERVISED, Health, _excused, check_up, troubled
from app.programs import STUCK_AFTER_S
from app.protocol import Heartbeat, Trouble, heartbeat_key, host_name
from app.state import State
from tests.servers.ports import free_port
from tests.servers.programs import write_config
from tests.servers.redis_server import RedisServer

Beat = Callable[..., None]
#: No process has this number: the kernel gives none that is so large.
NOBODY = 4_194_305


@pytest.fixture
def config(tmp_path: Path, redis_server: RedisServer) -> Config:
    return load_config(write_config(tmp_path, redis_server.url))


@pytest.fixture
def beat(state: State) -> Beat:
    """A function that sends a heartbeat."""

    def send(
        host: str = "", pid: int = 0, step_age_s: float = 0.0, trouble: str | None = None
    ) -> None:
        now = datetime.now(UTC)
        heartbeat = Heartbeat(
            pid or os.getpid(),
            now,
            now - timedelta(seconds=step_age_s),
            {},
            Trouble(now, trouble) if trouble else None,
        )
        state.send_heartbeat(heartbeat_key("notifier", host or host_name()), heartbeat)

    return send


def test_a_program_in_the_foreground_is_unsupervised(config: Config, beat: Beat) -> None:
    beat()
    notifier, redis = check_up(config).programs
    assert (notifier.name, notifier.state, notifier.healthy) == ("notifier", UNSUPERVISED, True)
    assert redis.healthy


def test_a_program_without_steps_is_stuck(config: Config, beat: Beat) -> None:
    beat(step_age_s=STUCK_AFTER_S + 1)
    checkup = check_up(config)
    assert not checkup.healthy
    assert troubled(checkup.programs)[0].startswith("notifier: no step since")


def test_a_program_that_reports_trouble_is_not_healthy(config: Config, beat: Beat) -> None:
    beat(trouble="Slack is away")
    assert troubled(check_up(config).programs) == ["notifier: Slack is away"]


def test_a_heartbeat_that_outlived_its_program_is_not_shown(config: Config, beat: Beat) -> None:
    beat(pid=NOBODY)
    assert check_up(config).programs == []


def test_a_program_on_another_machine_has_its_name(config: Config, beat: Beat) -> None:
    beat(host="garage", pid=NOBODY)
    assert check_up(config).programs[0].name == "notifier@garage"


def test_without_programs_and_redis_nothing_is_healthy(tmp_path: Path) -> None:
    url = f"redis://127.0.0.1:{free_port()}/0"
    checkup = check_up(load_config(write_config(tmp_path, url)))
    assert checkup.programs == []
    assert not checkup.healthy


@pytest.mark.parametrize(("stored", "number"), [("37", 37), ("-1", 0), ("nonsense", 0)])
def test_facts_that_were_dropped_are_shown(
    config: Config, beat: Beat, state: State, stored: str, number: int
) -> None:
    beat()
    state._redis.set("dropped", stored)
    checkup = check_up(config)
    assert checkup.programs[-1].counters["dropped"] == number
    assert checkup.healthy is not bool(number)
    assert bool(troubled(checkup.programs)) is bool(number)


@pytest.mark.parametrize("kind", ["string", "list"])
def test_a_foreign_value_under_heartbeats_is_no_outage(
    config: Config, state: State, kind: str
) -> None:
    put = state._redis.set if kind == "string" else state._redis.rpush
    put("heartbeats", "x")
    assert check_up(config).remarks == []


def test_after_a_restart_of_redis_no_heartbeat_is_no_fault() -> None:
    now = datetime.now(UTC)
    running = Health("notifier", 1, "RUNNING", now - timedelta(hours=1))
    for redis_since, is_healthy in (
        (now - timedelta(seconds=10), True),
        (now - timedelta(seconds=40), False),
        (now - timedelta(hours=2), False),
        (None, False),
    ):
        assert _excused(running, redis_since).healthy is is_healthy
    just_started = replace(running, up_since=now)
    assert not _excused(just_started, now - timedelta(seconds=10)).healthy
