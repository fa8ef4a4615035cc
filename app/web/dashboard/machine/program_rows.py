"""The programs as the page System shows them: heartbeat, restarts, memory and counters."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from app.commands.status import ProgramStatus
from app.launcher.specs import process_of
from app.programs import WEB_SERVER, step_age_s, why_stuck
from app.protocol import COUNTERS, Counters, Figure, Heartbeat, host_name
from app.protocol.counters import Unit
from app.times import format_duration, format_time, utc_time
from app.web.dashboard.machine.proc import memory_mb

if TYPE_CHECKING:
    from app.launcher.supervisord import ProcessInfo

HEALTHY, TROUBLED, STUCK, SILENT, UNKNOWN = "healthy", "trouble", "stuck", "silent", "not known"
#: supervisord's states of a process that does not run as it should.
_ENDED = {
    "STARTING": "starts",
    "BACKOFF": "ends at once, again and again",
    "EXITED": "has ended",
    "FATAL": "does not start",
    "STOPPED": "is stopped",
    "STOPPING": "is being stopped",
}
#: The processes that send no heartbeat of their own.
_WITHOUT_HEARTBEAT = {
    "redis": "the shared state",
    "glances": "the page with all processes",
    WEB_SERVER: "starts the web programs",
}


@dataclass(frozen=True, slots=True)
class CounterRow:
    """A counter in words: its name, what it holds, its value, and its label, "" without one."""

    name: str
    holds: str
    value: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class ProgramRow:
    """A program in words; None for what is not known. *machine* is "" for this machine."""

    name: str
    state: str
    why: str = ""
    machine: str = ""
    since: str | None = None
    step: str | None = None
    restarts: str | None = None
    memory_mb: float | None = None
    counters: tuple[CounterRow, ...] = ()


def program_rows(
    programs: Sequence[ProgramStatus],
    known: "Mapping[str, ProcessInfo]",
    starts: Mapping[str, int],
    now: datetime,
    *,
    redis_away: bool = False,
) -> list[ProgramRow]:
    """Return a row for each of *programs*, then for each other process that supervisord has.

    *known* and *starts* are what supervisord says of the processes of this machine. With
    *redis_away* nothing is known of the heartbeats.
    """
    rows, covered = [], set()
    for status in programs:
        is_here = status.host == host_name()
        process = known.get(process_of(status.program.name)) if is_here else None
        covered |= {process.name} if process and process.name != WEB_SERVER else set()
        row = _row(status, process, now, redis_away=redis_away)
        rows.append(replace(row, restarts=_restarts(process, starts, now)))
    rows += [_process_row(one, starts, now) for name, one in known.items() if name not in covered]
    return rows


def _row(
    status: ProgramStatus, process: "ProcessInfo | None", now: datetime, *, redis_away: bool
) -> ProgramRow:
    name, beat = status.program.name, status.heartbeat
    is_here = status.host == host_name()
    if beat is None or (process and not process.pid):
        excuse = "is away" if redis_away else "has just been started" if status.is_unknown else None
        row = _silent(name, process, now, excuse)
        return row if is_here else replace(row, machine=status.host)
    state, why = _judged(beat, now)
    return ProgramRow(
        name,
        state,
        why,
        "" if is_here else status.host,
        format_time(beat.started_at, now),
        f"{format_duration(step_age_s(beat, now))} ago",
        memory_mb=memory_mb(beat.pid) if is_here else None,
        counters=tuple(counter_rows(status.program.kind, beat.counters, now)),
    )


def _silent(
    name: str, process: "ProcessInfo | None", now: datetime, excuse: str | None
) -> ProgramRow:
    """Return the row of a program without a heartbeat.

    *excuse* says what has happened to Redis that may explain it, None when nothing has.
    """
    if process is None:
        if excuse:
            return ProgramRow(name, UNKNOWN, f"Redis, which has its heartbeat, {excuse}")
        return ProgramRow(name, SILENT, "no heartbeat in the last 30 seconds")
    if process.pid == 0:
        return ProgramRow(name, SILENT, _ended(process, now))
    state = UNKNOWN if excuse else SILENT
    why = f"it runs, but Redis {excuse}" if excuse else "it runs, but sends no heartbeat"
    since = format_time(process.started_at, now) if process.started_at else None
    return ProgramRow(name, state, why, since=since, memory_mb=memory_mb(process.pid))


def _judged(beat: Heartbeat, now: datetime) -> tuple[str, str]:
    if reason := why_stuck(beat, now):
        return STUCK, reason
    if beat.last_error:
        return TROUBLED, f"{beat.last_error.what} (since {format_time(beat.last_error.at, now)})"
    return HEALTHY, ""


def _process_row(process: "ProcessInfo", starts: Mapping[str, int], now: datetime) -> ProgramRow:
    """Return the row of a *process* that sends no heartbeat."""
    holds = _WITHOUT_HEARTBEAT.get(process.name, "")
    restarts = _restarts(process, starts, now)
    if not process.pid:
        return ProgramRow(process.name, SILENT, _ended(process, now), restarts=restarts)
    since = format_time(process.started_at, now) if process.started_at else None
    memory = memory_mb(process.pid)
    return ProgramRow(process.name, "running", holds, "", since, None, restarts, memory)


def _ended(process: "ProcessInfo", now: datetime) -> str:
    words = f"supervisord says that it {_ENDED.get(process.state, process.state.lower())}"
    if process.ended_s:
        at = format_time(datetime.fromtimestamp(process.ended_s, UTC), now)
        words += f", at {at} with exit status {process.exit_status}"
    return f"{words}: {process.problem}" if process.problem else words


def _restarts(
    process: "ProcessInfo | None", starts: Mapping[str, int], now: datetime
) -> str | None:
    """Return how often supervisord has restarted *process*; None when it has not."""
    if process is None or not process.ended_s:
        return None
    at = format_time(datetime.fromtimestamp(process.ended_s, UTC), now)
    times = starts.get(process.name, 0) - 1
    often = f"restarted {times} time{'s' * (times != 1)}" if times > 0 else "restarted"
    return f"{often}; it ended last at {at}"


def counter_rows(program: str, counters: Counters, now: datetime) -> Iterator[CounterRow]:
    """Yield the known *counters* of the kind of *program* with their descriptions."""
    for counter in COUNTERS:
        if counter.program != program or counter.name not in counters:
            continue
        value = counters[counter.name]
        labelled = value if isinstance(value, Mapping) else {"": value}
        for label, figure in labelled.items():
            if figure is not None:
                value = shown(figure, counter.unit, now)
                yield CounterRow(counter.name, counter.holds, value, label)


def shown(figure: Figure, unit: Unit, now: datetime) -> str:
    """Return *figure* for a person to read."""
    if isinstance(figure, bool):
        return "yes" if figure else "no"
    if isinstance(figure, int | float):
        number = f"{figure:,.2f}".rstrip("0").rstrip(".") if figure % 1 else f"{figure:,.0f}"
        return f"{number} {unit}".strip()
    if unit == "UTC time":
        try:
            return format_time(utc_time(str(figure)), now)
        except ValueError:
            return str(figure)
    return str(figure)
