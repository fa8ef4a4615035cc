"""How every program of the suite is: what supervisord knows of it, and what it says itself in its
heartbeat.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from app import protocol
from app.config import Config
from app.errors import ProtocolError, StateUnavailable, SupervisorUnavailable
from app.launcher import glances, local_redis, processes
from app.launcher.specs import GLANCES, REDIS, daemons, display_name
from app.launcher.supervisord import ProcessInfo, supervised
from app.programs import is_healthy, is_stuck
from app.protocol import Counters, Heartbeat
from app.state import State
from app.state.address import is_here

RUNNING = "RUNNING"
EXITED = "EXITED"
#: Runs, but is not under our supervisord: started in the foreground, or on another machine, or the
#: system's own Redis.
UNSUPERVISED = "UNSUPERVISED"
AWAY = "AWAY"
_STATE_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Health:
    """How one program is. *heartbeat_age_s* is None when it has not beaten its heart, as Redis and
    Glances never do.
    """

    name: str
    pid: int | None
    state: str
    up_since: datetime | None
    heartbeat_age_s: float | None
    counters: Counters
    last_error: str | None
    healthy: bool


@dataclass(frozen=True, slots=True)
class Pulse:
    """A heartbeat, and seconds since it was sent."""

    beat: Heartbeat
    age_s: float


@dataclass(frozen=True, slots=True)
class Checkup:
    """How all programs are, and sentences on what they all suffer from."""

    programs: list[Health]
    remarks: list[str] = field(default_factory=list)

    @property
    def healthy(self) -> bool:
        """Whether something runs, and all that runs does its work."""
        return (
            bool(self.programs)
            and not self.remarks
            and all(program.healthy for program in self.programs)
        )


def check_up(config: Config) -> Checkup:
    """How the suite of *config* is just now."""
    remarks = []
    try:
        known = supervised(config.run_dir)
    except SupervisorUnavailable as error:
        known = {}
        if orphans := sorted(set(processes.processes_of(config.run_dir).values())):
            remarks.append(
                f"{error}; without it what ends stays down. Still there: {', '.join(orphans)}"
            )
    state = State(config.redis.url, _STATE_TIMEOUT_S)
    try:
        redis, pulses = _redis_health(state, config, known.get(REDIS)), _pulses(state)
    except (StateUnavailable, ProtocolError) as error:
        redis, pulses = _redis_away(known.get(REDIS), str(error)), {}
        remarks.append(f"The Redis at {local_redis.place(config.redis.url)} is not there: {error}")
    finally:
        state.close()
    healths = [*_overseen_healths(config, known, pulses), *_unsupervised(known, pulses)]
    if not healths and REDIS not in known:
        return Checkup([])
    return Checkup([*healths, redis], remarks)


def _overseen_healths(
    config: Config, known: dict[str, ProcessInfo], pulses: dict[str, Pulse]
) -> list[Health]:
    order = [program.name for program in daemons(config)]
    names = sorted(
        known.keys() - {REDIS, GLANCES},
        key=lambda name: (order.index(name) if name in order else len(order), name),
    )
    healths = [_daemon_health(known[name], pulses.get(_heart(name))) for name in names]
    if GLANCES in known:
        healths.append(_glances_health(known[GLANCES], glances.answers(config)))
    return healths


def _daemon_health(known: ProcessInfo, pulse: Pulse | None) -> Health:
    if known.pid and not processes.lives(
        known.pid
    ):  # it has ended so lately that supervisord has not seen it yet
        return Health(known.name, None, EXITED, None, None, {}, None, healthy=False)
    if pulse is None or pulse.beat.pid != known.pid:
        return Health(
            known.name,
            known.pid or None,
            known.state,
            known.started_at,
            None,
            {},
            known.problem or None,
            healthy=False,
        )
    return _by_pulse(known.name, RUNNING, pulse)


def _by_pulse(name: str, state: str, pulse: Pulse) -> Health:
    beat = pulse.beat
    trouble = beat.last_error.what if beat.last_error else None
    now = datetime.now(UTC)
    if trouble is None and is_stuck(beat, now):
        trouble = f"no step since {beat.step_at.astimezone():%H:%M:%S}"
    return Health(
        name,
        beat.pid,
        state,
        beat.started_at,
        round(pulse.age_s, 1),
        beat.counters,
        trouble,
        is_healthy(beat, now),
    )


def _unsupervised(known: dict[str, ProcessInfo], pulses: dict[str, Pulse]) -> list[Health]:
    """What beats its heart without supervisord knowing of it. A heartbeat outlives its program for
    some seconds.
    """
    others = {
        key: pulse
        for key, pulse in sorted(pulses.items())
        if key not in {_heart(name) for name in known}
    }
    return [
        _by_pulse(_pulse_name(key), UNSUPERVISED, pulse)
        for key, pulse in others.items()
        if not _is_of_this_machine(key) or processes.lives(pulse.beat.pid)
    ]


def _glances_health(known: ProcessInfo, answers: bool) -> Health:
    state = RUNNING if answers and known.pid else known.state
    trouble = None if answers else known.problem or "its page does not answer"
    return Health(
        GLANCES,
        known.pid or None,
        state,
        known.started_at,
        None,
        {},
        trouble,
        healthy=bool(answers and known.pid),
    )


def _redis_health(state: State, config: Config, known: ProcessInfo | None) -> Health:
    state.ping()
    try:
        facts = state.server_facts()
    except ProtocolError:  # a user who may not ask; it answers all the same
        facts = {}
    counters: Counters = {
        "used_memory": facts.get("used_memory"),
        "append_only": bool(facts.get("aof_enabled")),
    }
    up_s = facts.get("uptime_in_seconds")
    up_since = datetime.now(UTC) - timedelta(seconds=up_s) if up_s is not None else None
    pid = known.pid if known else facts.get("process_id") if is_here(config.redis.url) else None
    return Health(
        REDIS, pid, RUNNING if known else UNSUPERVISED, up_since, None, counters, None, healthy=True
    )


def _redis_away(known: ProcessInfo | None, why: str) -> Health:
    if known is None:
        return Health(REDIS, None, AWAY, None, None, {}, why, healthy=False)
    return Health(
        REDIS,
        known.pid or None,
        known.state,
        known.started_at,
        None,
        {},
        known.problem or why,
        healthy=False,
    )


def _pulses(state: State) -> dict[str, Pulse]:
    beats = state.heartbeats()
    ages_s = state.heartbeat_ages_s(beats)
    return {key: Pulse(beats[key], age_s) for key, age_s in ages_s.items()}


def _heart(name: str) -> str:
    kind, _, camera = name.partition("-")
    return protocol.heartbeat_key(kind, protocol.host_name(), camera or None)


def _is_of_this_machine(key: str) -> bool:
    return key.split(":")[2] == protocol.host_name()


def _pulse_name(key: str) -> str:
    """What a table calls the program whose heartbeat is under *key*: with the machine's name unless
    it is this one.
    """
    _, kind, host, *camera = key.split(":")
    name = display_name(kind, camera[0] if camera else None)
    return name if _is_of_this_machine(key) else f"{name}@{host}"


def troubled(healths: Iterable[Health]) -> list[str]:
    """A line for each program that says what is wrong with it."""
    return [f"{health.name}: {health.last_error}" for health in healths if health.last_error]
