"""The programs of a configuration, and the one rule of when a program is healthy."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app import protocol
from app.clock import FakeClock
from app.commands.context import CommandContext, Invocation
from app.commands.registry import run_command
from app.config import Config
from app.daemon import BEAT_S
from app.launcher.health import check_up
from app.programs import (
    STUCK_AFTER_S,
    Program,
    expected_programs,
    heartbeat_key_of,
    is_healthy,
    is_stuck,
    program_of,
    step_age_s,
    why_stuck,
)
from app.protocol import HEARTBEAT_LIFE_S, Counters, Heartbeat, Trouble
from app.state import State
from tests.servers.redis_server import RedisServer

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
FRESH = Heartbeat(os.getpid(), NOW, NOW, {})


def test_every_camera_has_a_program_of_its_own() -> None:
    config = Config.model_validate({"cameras": {"front": {}, "garden": {}}})
    assert [program.name for program in expected_programs(config)] == [
        "security_system-front",
        "security_system-garden",
        "notifier",
        "who_is_home",
        "uploader",
        "dashboard",
    ]


@pytest.mark.parametrize(
    ("slack", "program"),
    [
        ({"signing_secret": "s", "allowed_users": ["U1"]}, "slack_server"),
        ({"mode": "socket", "app_token": "xapp-1", "allowed_users": ["U1"]}, "slack_socket"),
        ({"mode": "socket", "signing_secret": "s", "allowed_users": ["U1"]}, None),
        ({}, None),
    ],
)
def test_slack_has_the_program_of_its_mode(slack: dict[str, object], program: str | None) -> None:
    expected = expected_programs(Config.model_validate({"slack": slack}))
    assert [one.kind for one in expected if one.kind.startswith("slack")] == (
        [program] if program else []
    )


@pytest.mark.parametrize("program", [Program("notifier"), Program("security_system", "front")])
def test_a_program_is_found_by_its_heartbeat_key(program: Program) -> None:
    assert program_of(heartbeat_key_of(program)) == (program, protocol.host_name())


def test_a_heartbeat_and_one_more_pause_are_not_stuck() -> None:
    assert STUCK_AFTER_S == HEARTBEAT_LIFE_S + BEAT_S


@pytest.mark.parametrize(
    ("age_s", "stuck"), [(-60, False), (0, False), (44.9, False), (45, True), (3600, True)]
)
def test_a_program_without_steps_is_stuck(age_s: float, stuck: bool) -> None:
    heartbeat = replace(FRESH, step_at=NOW - timedelta(seconds=age_s))
    assert is_stuck(heartbeat, NOW) is stuck
    assert is_healthy(heartbeat, NOW) is not stuck
    assert step_age_s(heartbeat, NOW) == max(age_s, 0)


@pytest.mark.parametrize(
    ("counters", "reason"),
    [
        ({"thread_step_s": {"clips": 100.0}, "thread_late_s": {}}, None),
        (
            {"thread_step_s": {"channel slack": 130.2}, "thread_late_s": {"channel slack": 10.2}},
            "the thread channel slack has been busy for 130 s",
        ),
        ({"channel_oldest_s": {"slack": 119.0}, "channel_trouble": {"slack": None}}, None),
        (
            {"channel_oldest_s": {"slack": 121.0}, "channel_trouble": {"slack": None}},
            "an alert has waited for slack for 121 s",
        ),
        ({"channel_oldest_s": {"slack": 999.0}, "channel_trouble": {"slack": "refused"}}, None),
        ({"channel_oldest_s": {"slack": None}, "channel_trouble": {}}, None),
    ],
)
def test_a_thread_or_an_alert_can_be_stuck(counters: Counters, reason: str | None) -> None:
    heartbeat = replace(FRESH, counters=counters)
    assert why_stuck(heartbeat, NOW) == reason
    assert is_healthy(heartbeat, NOW) is (reason is None)


def test_a_program_in_trouble_is_not_healthy() -> None:
    assert not is_healthy(replace(FRESH, last_error=Trouble(NOW, "no space")), NOW)


@pytest.mark.parametrize("trouble", [None, "no space on the disk"])
@pytest.mark.parametrize("age_s", [0, 20, 32, 38, 47, 300])
def test_status_sh_and_house_status_agree(
    redis_server: RedisServer, state: State, tmp_path: Path, age_s: int, trouble: str | None
) -> None:
    """Covers the launcher's check-up, which `status.sh` shows, and the command."""
    config = Config.model_validate({"redis": {"url": redis_server.url}, "data_dir": str(tmp_path)})
    now = datetime.now(UTC)
    step_at = now - timedelta(seconds=age_s)
    heartbeat = Heartbeat(
        os.getpid(), step_at, step_at, {}, Trouble(step_at, trouble) if trouble else None
    )
    state.send_heartbeat(heartbeat_key_of(Program("uploader")), heartbeat)

    checked = next(one for one in check_up(config).programs if one.name == "uploader")
    clock = FakeClock()
    clock.jump((now - clock.now()).total_seconds())
    context = CommandContext(config, state, clock)
    shown = run_command("status", Invocation("", "U1", "anna", now), context).text
    (line,) = (line for line in shown.splitlines() if "uploader" in line)
    is_fine = "stuck" not in line and ";" not in line

    assert checked.healthy is is_fine
    assert is_fine is (age_s < 45 and trouble is None)
