"""The health of every program, by supervisord and by its heartbeat."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from app.config import Config
from app.errors import ProtocolError, StateUnavailable, SupervisorUnavailable
from app.launcher import glances, local_redis, processes
from app.launcher.specs import GLANCES, REDIS, daemons
from app.launcher.supervisord import ProcessInfo, supervised
from app.programs import (
    WEB_PROGRAMS,
    WEB_SERVER,
    Program,
    heartbeat_key_of,
    is_healthy,
    program_of,
    why_stuck,
)
from app.protocol import HEARTBEAT_LIFE_S, Counters, Heartbeat, dropped_in, host_name
from app.protocol.address import is_here
from app.protocol.keys import DROPPED
from app.state import State

RUNNING = "RUNNING"
EXITED = "EXITED"
#: The state of a program that runs without our supervisord: in the foreground, on another machine,
#: or as the system's own Redis.
UNSUPERVISED = "UNSUPERVISED"
AWAY = "AWAY"
_STATE_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Health:
    """The health of one program. Redis and Glances send no heartbeat, so they have no age."""

    name: str
    pid: int | None
    state: str
    up_since: datetime | None = None
    heartbeat_age_s: float | None = None
    counters: Counters = field(default_factory=dict)
    last_error: str | None = None
    healthy: bool = False


@dataclass(frozen=True, slots=True)
class ReceivedHeartbeat:
    """A heartbeat, and its age in seconds."""

    heartbeat: Heartbeat
    age_s: float


@dataclass(frozen=True, slots=True)
class Checkup:
    """The health of all programs, and sentences that concern all of them.

    *remarks* are about something that is not well, and *notes* about what is only worth knowing.
    """

    programs: list[Health]
    remarks: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def healthy(self) -> bool:
        """Return whether something runs, and every program that runs does its work."""
        return (
            bool(self.programs)
            and not self.remarks
            and all(program.healthy for program in self.programs)
        )


def check_up(config: Config) -> Checkup:
    """Return the health of the suite of *config* now."""
    remarks = []
    try:
        known = supervised(config.run_dir)
    except SupervisorUnavailable as error:
        known = {}
        if orphans := sorted(set(processes.processes_of(config.run_dir).values())):
            remarks.append(
                f"{error}; a program that ends is not restarted. Still running: "
                f"{', '.join(orphans)}. scripts/start.sh ends them and starts all again."
            )
    state = State(config.redis.url, _STATE_TIMEOUT_S)
    try:
        redis, received = _redis_health(state, config, known.get(REDIS)), _received(state)
    except (StateUnavailable, ProtocolError) as error:
        redis, received = _redis_away(known.get(REDIS), str(error)), {}
        remarks.append(f"The Redis at {local_redis.place(config.redis.url)} is away: {error}")
    finally:
        state.close()
    since = redis.up_since if redis.state != AWAY else None
    healths = [
        *(_excused(one, since) for one in _supervised_healths(config, known, received)),
        *_unsupervised(known, received),
    ]
    if not healths and REDIS not in known:
        return Checkup([])
    return Checkup([*healths, redis], remarks)


def _supervised_healths(
    config: Config, known: dict[str, ProcessInfo], received: dict[str, ReceivedHeartbeat]
) -> list[Health]:
    specs = {process.name: process for process in daemons(config)}
    order = list(specs)
    names = sorted(
        known.keys() - {REDIS, GLANCES},
        key=lambda name: (order.index(name) if name in order else len(order), name),
    )
    healths = []
    for name in names:
        programs = [program.name for program in specs[name].programs] if name in specs else [name]
        healths += [
            _daemon_health(one, known[name], received.get(_key_of(one))) for one in programs
        ]
    if GLANCES in known:
        healths.append(_glances_health(known[GLANCES], glances.answers(config)))
    return healths


def _daemon_health(name: str, known: ProcessInfo, received: ReceivedHeartbeat | None) -> Health:
    """Return the health of the program *name*, which runs in the process *known*."""
    # supervisord may not have noticed yet that a program has just ended.
    if known.pid and not processes.lives(known.pid):
        return Health(name, None, EXITED)
    if received is None or received.heartbeat.pid != known.pid:
        return Health(
            name,
            known.pid or None,
            known.state,
            known.started_at,
            last_error=known.problem or None,
        )
    return _by_heartbeat(name, RUNNING, received)


def _excused(health: Health, redis_since: datetime | None) -> Health:
    """Return *health*; a program without a heartbeat is healthy if Redis has just been restarted.

    Redis keeps heartbeats in memory only.
    """
    is_excused = (
        redis_since is not None
        and health.state == RUNNING
        and health.heartbeat_age_s is None
        and health.name != GLANCES
        and health.up_since is not None
        and health.up_since < redis_since
        and datetime.now(UTC) - redis_since < timedelta(seconds=HEARTBEAT_LIFE_S)
    )
    return replace(health, healthy=True) if is_excused else health


def _by_heartbeat(name: str, state: str, received: ReceivedHeartbeat) -> Health:
    heartbeat, now = received.heartbeat, datetime.now(UTC)
    trouble = heartbeat.last_error.what if heartbeat.last_error else None
    if trouble is None:
        trouble = why_stuck(heartbeat, now)
    return Health(
        name,
        heartbeat.pid,
        state,
        heartbeat.started_at,
        round(received.age_s, 1),
        heartbeat.counters,
        trouble,
        is_healthy(heartbeat, now),
    )


def _unsupervised(
    known: dict[str, ProcessInfo], received: dict[str, ReceivedHeartbeat]
) -> list[Health]:
    """Return the health of each program that sends heartbeats but is unknown to supervisord.

    A heartbeat stays in Redis for some seconds after its program has ended.
    """
    names = [*known, *(WEB_PROGRAMS if WEB_SERVER in known else ())]
    supervised_keys = {_key_of(name) for name in names}
    return [
        _by_heartbeat(_name_of(key), UNSUPERVISED, one)
        for key, one in sorted(received.items())
        if key not in supervised_keys
        and (not _is_of_this_machine(key) or processes.lives(one.heartbeat.pid))
    ]


def _glances_health(known: ProcessInfo, answers: bool) -> Health:
    return Health(
        GLANCES,
        known.pid or None,
        RUNNING if answers and known.pid else known.state,
        known.started_at,
        last_error=None if answers else known.problem or "its page does not answer",
        healthy=bool(answers and known.pid),
    )


def _redis_health(state: State, config: Config, known: ProcessInfo | None) -> Health:
    state.ping()
    try:
        facts = state.server_facts()
    except ProtocolError:  # this user may not ask, but Redis answers
        facts = {}
    up_s = facts.get("uptime_in_seconds")
    dropped = dropped_in(state.read_strings(DROPPED.name)[0])
    return Health(
        REDIS,
        known.pid if known else facts.get("process_id") if is_here(config.redis.url) else None,
        RUNNING if known else UNSUPERVISED,
        datetime.now(UTC) - timedelta(seconds=up_s) if up_s is not None else None,
        counters={
            "used_memory": facts.get("used_memory"),
            "append_only": bool(facts.get("aof_enabled")),
            "dropped": dropped,
        },
        last_error=f"{dropped} undelivered facts were dropped" if dropped else None,
        healthy=not dropped,
    )


def _redis_away(known: ProcessInfo | None, why: str) -> Health:
    if known is None:
        return Health(REDIS, None, AWAY, last_error=why)
    return Health(
        REDIS,
        known.pid or None,
        known.state,
        known.started_at,
        last_error=known.problem or why,
    )


def _received(state: State) -> dict[str, ReceivedHeartbeat]:
    heartbeats = state.heartbeats()
    ages_s = state.heartbeat_ages_s(heartbeats)
    return {key: ReceivedHeartbeat(heartbeats[key], age_s) for key, age_s in ages_s.items()}


def _key_of(name: str) -> str:
    """Return the heartbeat key of the program that supervisord calls *name*."""
    kind, _, camera = name.partition("-")
    return heartbeat_key_of(Program(kind, camera or None))


def _is_of_this_machine(key: str) -> bool:
    return program_of(key)[1] == host_name()


def _name_of(key: str) -> str:
    """Return the name of the program with this heartbeat *key*, and of its machine if remote."""
    program, host = program_of(key)
    return program.name if host == host_name() else f"{program.name}@{host}"


def troubled(healths: Iterable[Health]) -> list[str]:
    """Return a line for each program with a trouble."""
    return [f"{health.name}: {health.last_error}" for health in healths if health.last_error]
