"""Starts a suite under supervisord, and waits until each program works."""

import fcntl
import os
import signal
import sys
import time
import traceback
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import click

from app.config import FOLDER_VARIABLE, PROFILE_VARIABLE, PROJECT, SOURCE_VARIABLE, Config
from app.emergency.supervisor_watch import STARTED_VARIABLE
from app.errors import StateUnavailable, SuiteError, SupervisorUnavailable
from app.launcher import forking, glances, preload, specs
from app.launcher.prepare import Order, glances_logging, prepared
from app.launcher.processes import RUN_VARIABLE
from app.launcher.redis_password import with_password
from app.launcher.specs import ProcessSpec
from app.launcher.stopping import stop_suite
from app.launcher.supervisord import ProcessInfo, supervised
from app.protocol import Heartbeat
from app.state import State

UP_WITHIN_S = 60.0
_LOOK_EVERY_S = 0.3
#: A program that ends more often than this before its first heartbeat counts as broken.
_ENDS_ALLOWED = 2
_LOG_LINES = 20
_SUPERVISORD = (sys.executable, "-P", "-m", "app.launcher.supervise", "-c", "supervisord.conf")
#: Room in the environment that supervisord was started with. A program that it forks shows its own
#: environment there, which is longer.
_ROOM = {"WHOS_THERE_ROOM": "." * 1000}
#: What supervisord's Python must find at its start. `scripts/start.sh` starts ours with it. Then
#: supervisord needs no Python of its own: it is forked, with what this process has imported.
READY = {"PYTHONUNBUFFERED": "1", "MALLOC_ARENA_MAX": "1"} | _ROOM
#: No library starts threads of its own, which would only slow down each other and the other
#: programs. All threads of a program share one heap (glibc): a heap for each takes more memory.
LIGHT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OPENCV_FOR_THREADS_NUM": "1",
    "MALLOC_ARENA_MAX": "1",
}


def start_suite(order: Order) -> bool:
    """Start every program of *order*, and wait until each works.

    Returns False when the suite runs already.
    """
    config = order.config
    if _runs(config.run_dir):
        return False
    _end_earlier_run(config.run_dir)
    order = replace(order, config=with_password(config))
    config = order.config
    run = prepared(order)
    try:
        _wait_until_up(order, run)
    except BaseException:
        stop_suite(config.run_dir)
        raise
    return True


def _end_earlier_run(run_dir: Path) -> None:
    if any(left := stop_suite(run_dir)):
        click.echo(f"Ended programs that an earlier run had left: {', '.join(left[0] + left[1])}.")


def _runs(run_dir: Path) -> bool:
    try:
        supervised(run_dir)
    except SupervisorUnavailable:
        return False
    return True


@contextmanager
def one_start_at_a_time(run_dir: Path) -> Iterator[None]:
    """Wait until another start of the same suite has finished; the lock ends with the process.

    From now on, what this process and its children write is readable by this user alone.
    """
    os.umask(0o077)
    run_dir.mkdir(parents=True, exist_ok=True)
    run_dir.chmod(0o700)
    with (run_dir / "start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _launch(order: Order) -> int:
    """Start supervisord, which outlives this process and its terminal; returns its process id."""
    environment = _environment(order)
    log = order.config.logs_dir / "supervisord.log"
    with log.open("ab") as output, Path(os.devnull).open("rb") as nothing:
        if pid := os.fork():
            return pid
        try:
            os.setsid()
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            for number, file in enumerate((nothing, output, output)):
                os.dup2(file.fileno(), number)
            _turn_into_supervisord(order.config.run_dir, environment)
        except OSError:
            traceback.print_exc()
        finally:
            os._exit(1)


def become_supervisord(order: Order) -> NoReturn:
    """Turn this process into supervisord, in place of one that runs already."""
    run_dir = order.config.run_dir
    _end_earlier_run(run_dir)
    prepared(replace(order, config=with_password(order.config)))
    _turn_into_supervisord(run_dir, _environment(order))


def _turn_into_supervisord(run_dir: Path, environment: Mapping[str, str]) -> NoReturn:
    os.chdir(run_dir)
    if sys.flags.safe_path and READY.items() <= os.environ.items():
        # As `execve` does: nothing stays open but the three streams.
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        forking.run_module(_SUPERVISORD, environment)
    os.execve(sys.executable, _SUPERVISORD, environment)  # noqa: S606


def _environment(order: Order) -> dict[str, str]:
    """Return the environment of supervisord and its programs."""
    config = order.config
    given = {
        FOLDER_VARIABLE: str(config.folder),
        RUN_VARIABLE: str(config.run_dir),
        STARTED_VARIABLE: datetime.now(UTC).isoformat(),
        "LOG_CFG": str(glances_logging(config)),
    }
    environment = os.environ | LIGHT | given | {"PYTHONUNBUFFERED": "1"} | _ROOM
    environment["PYTHONPATH"] = os.pathsep.join(
        filter(None, (str(PROJECT), os.environ.get("PYTHONPATH")))
    )
    for variable, value in ((PROFILE_VARIABLE, order.profile), (SOURCE_VARIABLE, order.source)):
        environment.pop(variable, None)
        if value:
            environment[variable] = value
    return environment


def _wait_until_up(order: Order, run: Sequence[ProcessSpec]) -> None:
    """Start supervisord, and wait until each of *run* works.

    Raises `SuiteError` with the end of a program's log when one does not.
    """
    config, supervisord = order.config, _launch(order)
    deadline_s = time.monotonic() + UP_WITHIN_S
    ends: dict[str, set[int]] = defaultdict(set)
    with closing(State(config.redis.url)) as state:
        while down := _down(config, state, run):
            if os.waitpid(supervisord, os.WNOHANG)[0]:
                if not preload.has_crashed(config.run_dir):
                    raise SuiteError(_failure(config, "supervisord"))
                supervisord = _launch(order)  # it imports less this time
            for name, known in down.items():
                ends[name].add(known.ended_s if known else 0)
                if len(ends[name] - {0}) > _ENDS_ALLOWED or time.monotonic() > deadline_s:
                    raise SuiteError(_failure(config, name))
            time.sleep(_LOOK_EVERY_S)
        state.initialise_switches()


def _down(
    config: Config, state: State, run: Sequence[ProcessSpec]
) -> dict[str, ProcessInfo | None]:
    """Return the programs of *run* that do not work yet, by name, with supervisord's data."""
    try:
        known = supervised(config.run_dir)
    except SupervisorUnavailable:
        return dict.fromkeys([program.name for program in run])
    heartbeats = _heartbeats(state)
    found = {program.name: known.get(program.name) for program in run}
    return {
        program.name: found[program.name]
        for program in run
        if not _is_up(config, program, found[program.name], heartbeats)
    }


def _heartbeats(state: State) -> dict[str, Heartbeat] | None:
    """Return all heartbeats; None when Redis does not answer."""
    try:
        return state.heartbeats()
    except StateUnavailable:
        return None


def _is_up(
    config: Config,
    program: ProcessSpec,
    known: ProcessInfo | None,
    heartbeats: dict[str, Heartbeat] | None,
) -> bool:
    if known is None or not known.pid or heartbeats is None:
        return False
    if program.kind == specs.GLANCES:
        return glances.answers(config)
    # An earlier run's heartbeat may still be there.
    received = [heartbeats.get(key) for key in program.heartbeat_keys]
    return all(heartbeat and heartbeat.pid == known.pid for heartbeat in received)


def _failure(config: Config, name: str) -> str:
    log = config.logs_dir / f"{name}.log"
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    said = "\n".join(f"  {line}" for line in lines[-_LOG_LINES:]) or "  (nothing)"
    return f"{name} did not start, so everything was stopped again. The end of {log}:\n{said}"
