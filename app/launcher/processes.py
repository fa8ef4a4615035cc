"""The processes of a suite, found by their environment, whatever their parent is."""

import os
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from app.config import FOLDER_VARIABLE

#: Every process of a suite has this in its environment: the folder `run_dir`.
RUN_VARIABLE = "WHOS_THERE_RUN"

_LOOK_EVERY_S = 0.05

Environment = dict[str, str]


def environments() -> dict[psutil.Process, Environment]:
    """Return the environment of each process that belongs to some suite of this user."""
    found = {}
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except (psutil.Error, OSError):  # The process has just ended, or belongs to another user.
            continue
        if RUN_VARIABLE in environment and process.pid != os.getpid():
            found[process] = environment
    return found


def started_from(folder: Path) -> list[Environment]:
    """Return the environments of the processes whose configuration is in *folder*."""
    return [
        environment
        for environment in environments().values()
        if environment.get(FOLDER_VARIABLE) == str(folder)
    ]


def name_of(environment: Environment) -> str:
    """Return supervisord's name for the process with *environment*; its own is "supervisord"."""
    return environment.get("SUPERVISOR_PROCESS_NAME", "supervisord")


def processes_of(run_dir: Path) -> dict[psutil.Process, str]:
    """Return the processes of the suite in *run_dir*, each with its name."""
    return {
        process: name_of(environment)
        for process, environment in environments().items()
        if environment[RUN_VARIABLE] == str(run_dir)
    }


def end(processes: Iterable[psutil.Process], within_s: float) -> list[psutil.Process]:
    """Ask *processes* to finish (SIGTERM); returns those that run on after *within_s* seconds."""
    asked = list(processes)
    for process in asked:
        _send(process, kill=False)
    return gone(asked, within_s)


def kill(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """End *processes* at once (SIGKILL); returns those that still run a second later."""
    killed = list(processes)
    for process in killed:
        _send(process, kill=True)
    return gone(killed, 1.0)


def gone(processes: Iterable[psutil.Process], within_s: float) -> list[psutil.Process]:
    """Wait until *processes* have ended, *within_s* seconds at most; returns those that run on."""
    deadline_s = time.monotonic() + within_s
    alive = list(processes)
    while alive := [process for process in alive if _runs_on(process)]:
        if time.monotonic() > deadline_s:
            break
        time.sleep(_LOOK_EVERY_S)
    return alive


def lives(pid: int) -> bool:
    """Return whether a process *pid* runs."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _runs_on(process: psutil.Process) -> bool:
    """Return whether *process* runs, and not a later one of the same number."""
    return process.is_running() and lives(process.pid)


def _send(process: psutil.Process, *, kill: bool) -> None:
    try:
        process.kill() if kill else process.terminate()
    except psutil.NoSuchProcess:
        return
