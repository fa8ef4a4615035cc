"""The programs as the page System shows them."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from app.commands.status import ProgramStatus
from app.launcher.supervisord import ProcessInfo
from app.programs import Program
from app.protocol import Counters, Figure, Heartbeat, Trouble, host_name
from app.protocol.counters import Unit
from app.web.dashboard.machine.program_rows import counter_rows, program_rows, shown

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NOTIFIER = Program("notifier")


def beat(
    counters: Counters | None = None, step_s: float = 2, trouble: str | None = None
) -> Heartbeat:
    return Heartbeat(
        os.getpid(),
        NOW - timedelta(hours=3),
        NOW - timedelta(seconds=step_s),
        counters or {},
        Trouble(NOW, trouble) if trouble else None,
    )


def process(state: str = "RUNNING", pid: int = os.getpid(), ended_s: int = 0) -> ProcessInfo:
    return ProcessInfo("notifier", state, pid, NOW if pid else None, ended_s, "", 1)


@pytest.mark.parametrize(
    ("heartbeat", "state", "why"),
    [
        (beat(), "healthy", ""),
        (beat(trouble="the disk is full"), "trouble", "the disk is full"),
        (beat(step_s=60), "stuck", "no step since"),
        (None, "silent", "no heartbeat in the last 30 seconds"),
    ],
)
def test_a_program_has_its_state_and_the_reason(
    heartbeat: Heartbeat | None, state: str, why: str
) -> None:
    (row,) = program_rows([ProgramStatus(NOTIFIER, host_name(), heartbeat)], {}, {}, NOW)
    assert row.state == state
    assert row.why.startswith(why)


def test_restarts_are_counted_by_supervisord() -> None:
    known = {"notifier": process(ended_s=int(NOW.timestamp()) - 60)}
    status = ProgramStatus(NOTIFIER, host_name(), beat())
    (row,) = program_rows([status], known, {"notifier": 3}, NOW)
    assert row.restarts is not None
    assert row.restarts.startswith("restarted 2 times; it ended last at ")
    assert row.memory_mb is not None


def test_a_program_that_ends_again_and_again_says_so() -> None:
    known = {"notifier": process("BACKOFF", 0, int(NOW.timestamp()))}
    (row,) = program_rows([ProgramStatus(NOTIFIER, host_name(), beat())], known, {}, NOW)
    assert row.state == "silent"
    assert "ends at once, again and again, at " in row.why
    assert row.why.endswith("with exit status 1")


def test_with_redis_away_a_running_program_is_not_silent() -> None:
    status = ProgramStatus(NOTIFIER, host_name(), None)
    rows = program_rows([status], {"notifier": process()}, {}, NOW, redis_away=True)
    assert [(row.state, row.why) for row in rows] == [("not known", "it runs, but Redis is away")]


def test_a_program_of_another_machine_has_its_name_and_no_memory() -> None:
    status = ProgramStatus(NOTIFIER, "garden-pi", beat())
    rows = program_rows([status], {"redis": process()}, {}, NOW)
    assert [(row.machine, row.memory_mb) for row in rows[:1]] == [("garden-pi", None)]
    assert rows[1].why == ""


def test_counters_are_shown_with_their_descriptions_and_labels() -> None:
    counters: Counters = {
        "delivered": 1234,
        "channel_trouble": {"slack": "no network", "twilio": None},
    }
    found = [(one.holds, one.label, one.value) for one in counter_rows("notifier", counters, NOW)]
    assert found == [
        ("facts that every channel has finished", "", "1,234"),
        ("trouble of this channel", "slack", "no network"),
    ]


@pytest.mark.parametrize(
    ("figure", "unit", "text"),
    [
        (True, "bool", "yes"),
        (0.5, "s", "0.5 s"),
        (12.0, "per s", "12 per s"),
        ("nonsense", "UTC time", "nonsense"),
        ("open", "text", "open"),
    ],
)
def test_a_figure_is_shown_for_people(figure: Figure, unit: Unit, text: str) -> None:
    assert shown(figure, unit, NOW) == text
