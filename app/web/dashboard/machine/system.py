"""The page System: the programs, the disk, and what waits."""

import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flask import Blueprint, render_template

from app.commands.machine import Vitals
from app.commands.silencer import status_text
from app.commands.status import ProgramStatus, names, read_status
from app.config import Config
from app.config.settings import is_loopback
from app.errors import StateUnavailable, SuiteError, SupervisorUnavailable
from app.launcher.specs import page_at
from app.programs import SECURITY_SYSTEM, expected_programs
from app.protocol import Heartbeat, dropped_in, host_name
from app.protocol.keys import DROPPED
from app.state import Survey
from app.times import format_duration, format_time
from app.web.dashboard.context import Dashboard, dashboard
from app.web.dashboard.machine.backlog import alert_rows, disk_rows, upload_rows
from app.web.dashboard.machine.log_files import end_of_file
from app.web.dashboard.machine.proc import machine_load
from app.web.dashboard.machine.program_rows import program_rows
from app.web.dashboard.plain_text import plain_text

if TYPE_CHECKING:
    from app.launcher.supervisord import ProcessInfo

#: The longest wait for supervisord. Redis has a limit of its own.
SUPERVISORD_TIMEOUT_S = 1.0
#: The bytes of supervisord's log in which starts are counted.
STARTS_BYTES = 262_144

page = Blueprint("system", __name__)


@dataclass(frozen=True, slots=True)
class RedisRow:
    """Redis: its memory in MB, whether it keeps a log on the disk, and what it dropped.

    All but *dropped* is None when this user may not ask for it.
    """

    memory_mb: float | None
    append_only: bool | None
    log_fails: bool
    up_since: str | None
    dropped: int
    version: str | None


@page.get("/system")
def show() -> str:
    """Show the page."""
    return render_template("system.html", **_state(), glances=_glances(dashboard().config))


@page.get("/system/state")
def state() -> str:
    """Return the part of the page that changes."""
    return render_template("system_state.html", **_state())


def _state() -> dict[str, Any]:
    """Return what `system_state.html` shows."""
    board = dashboard()
    now, config = board.clock.now(), board.config
    known, starts, supervisord_trouble = _supervised(config)
    survey, facts, redis_trouble = _survey(board)
    if survey:
        programs, beats = read_status(board.commands, survey, now).programs, survey.heartbeats()
    else:
        programs = [ProgramStatus(one, host_name(), None) for one in expected_programs(config)]
        beats = {}
    load = machine_load()
    return {
        "programs": program_rows(programs, known, starts, now, redis_away=survey is None),
        "supervisord_trouble": supervisord_trouble,
        "redis_trouble": redis_trouble,
        "redis": _redis_row(survey, facts, board) if survey else None,
        "disks": disk_rows(beats, config.disk, now),
        "limits": config.disk,
        "uploads": upload_rows(beats, now),
        "alerts": alert_rows(beats),
        "silencers": list(_silencers(programs, board)),
        "here": host_name(),
        "machine": load,
        "up": format_duration(load.up_s),
        "vitals": _vitals(board),
        "versions": list(_versions(facts)),
    }


def _supervised(config: Config) -> tuple[dict[str, "ProcessInfo"], dict[str, int], str]:
    """Return the processes that supervisord has, and how often it started each of them.

    The last value says why that is not known, "" when it is.
    """
    from app.launcher.supervisord import starts_in, supervised

    try:
        known = supervised(config.run_dir, SUPERVISORD_TIMEOUT_S)
    except (SupervisorUnavailable, SuiteError) as error:
        return {}, {}, str(error)
    log = end_of_file(config.logs_dir / "supervisord.log", STARTS_BYTES)
    return known, starts_in(log), ""


def _vitals(board: Dashboard) -> Vitals | None:
    """Return temperature and free space; None when the disk cannot be read."""
    try:
        return board.commands.machine.vitals(board.config.data_dir)
    except OSError:
        return None


def _survey(board: Dashboard) -> tuple[Survey | None, Mapping[str, Any], str]:
    """Return the survey and Redis's facts; None and why, when Redis is away."""
    try:
        return *board.state.survey_server(*names(board.config)), ""
    except StateUnavailable as error:
        return None, {}, str(error)


def _redis_row(survey: Survey, facts: Mapping[str, Any], board: Dashboard) -> RedisRow:
    now = board.clock.now()
    memory, up_s = facts.get("used_memory"), facts.get("uptime_in_seconds")
    has_log = facts.get("aof_enabled")
    return RedisRow(
        None if memory is None else memory / 1e6,
        None if has_log is None else bool(has_log),
        facts.get("aof_last_write_status", "ok") != "ok",
        None if up_s is None else format_time(now - timedelta(seconds=up_s), now),
        dropped_in(survey.strings[DROPPED.name]),
        facts.get("redis_version"),
    )


def _silencers(programs: list[ProgramStatus], board: Dashboard) -> Iterator[tuple[str, list[str]]]:
    """Yield each camera, and lines about its silencer."""
    now = board.clock.now()
    for status in programs:
        camera = status.program.camera
        if status.program.kind == SECURITY_SYSTEM and camera:
            yield camera, _silencer_lines(camera, status.heartbeat, now)


def _silencer_lines(camera: str, heartbeat: Heartbeat | None, now: datetime) -> list[str]:
    if heartbeat is None:
        return ["The program of this camera is silent, so nothing is known about its silencer."]
    if "silencer" not in heartbeat.counters:
        return ["The program of this camera is of an earlier version, without a silencer."]
    return plain_text(status_text(camera, heartbeat, now)).splitlines()


def _glances(config: Config) -> dict[str, Any]:
    """Return the address of Glances, who may log in there, and where the password is."""
    from app.launcher import glances

    return {
        "address": page_at(config.glances.bind),
        "is_local": is_loopback(config.glances.bind),
        "user": glances.USER,
        "password_file": glances.password_file(config),
    }


def _versions(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "Python", platform.python_version()
    if version := facts.get("redis_version"):
        yield "Redis", str(version)
    yield "Linux", platform.release()
    try:
        yield "System", platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return
