"""The processes of a suite, found by what they were started with, whoever their parent is."""

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
    """What each process of ours that belongs to some suite was started with; those of other users
    are not seen.
    """
    found = {}
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except (psutil.Error, OSError):  # it has just ended, or is not ours
            continue
        if RUN_VARIABLE in environment and process.pid != os.getpid():
            found[process] = environment
    return found


def started_from(folder: Path) -> list[Environment]:
    """What each process of a suite with its configuration in *folder* was started with."""
    return [
        environment
        for environment in environments().values()
        if environment.get(FOLDER_VARIABLE) == str(folder)
    ]


def name_of(environment: Environment) -> str:
    """What supervisord calls the process that was started with *environment* ("supervisord" for
    itself).
    """
    return environment.get("SUPERVISOR_PROCESS_NAME", "supervisord")


def processes_of(run_dir: Path) -> dict[psutil.Process, str]:
    """The processes of the suite in *run_dir*, each with its name."""
    return {
        process: name_of(environment)
        for process, environment in environments().items()
        if environment[RUN_VARIABLE] == str(run_dir)
    }


def end(processes: Iterable[psutil.Process], within_s: float) -> list[psutil.Process]:
    """Ask *processes* to finish (SIGTERM); returns those that have not after *within_s* seconds."""
    asked = list(processes)
    for process in asked:
        _send(process, kill=False)
    return gone(asked, within_s)


def kill(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """End *processes* at once (SIGKILL); returns those that are still there a second later."""
    killed = list(processes)
    for process in killed:
        _send(process, kill=True)
    return gone(killed, 1.0)


def gone(processes: Iterable[psutil.Process], within_s: float) -> list[psutil.Process]:
    """Wait until *processes* have ended, for at most *within_s* seconds; returns those that have
    not.
    """
    deadline_s = time.monotonic() + within_s
    alive = list(processes)
    while alive := [process for process in alive if _runs_on(process)]:
        if time.monotonic() > deadline_s:
            break
        time.sleep(_LOOK_EVERY_S)
    return alive


def lives(pid: int) -> bool:
    """Whether there is a process *pid* that has not ended."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _runs_on(process: psutil.Process) -> bool:
    """Whether *process*, and no later one of the same number, has not ended."""
    return process.is_running() and lives(process.pid)


def _send(process: psutil.Process, *, kill: bool) -> None:
    try:
        process.kill() if kill else process.terminate()
    except psutil.NoSuchProcess:
        return
