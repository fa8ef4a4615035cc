"""Ends every program of a suite, gently and within 10 s."""

import shutil
from pathlib import Path

from app.errors import SupervisorUnavailable
from app.launcher import processes
from app.launcher.redis_traces import memory_folder
from app.launcher.specs import REDIS
from app.launcher.supervisord import shut_down

# Under 10 s in all. supervisord itself allows the programs 5 s and then Redis 2 s, and checks once
# a second (config/supervisord.conf).
_SUPERVISED_S = 8.5
_PROGRAMS_S = 4.5
_REDIS_S = 1.5


def stop_suite(run_dir: Path) -> tuple[list[str], list[str]]:
    """End the suite in *run_dir*; returns the names of ended programs and of killed ones."""
    ours = processes.processes_of(run_dir)
    if _shut_down(run_dir):
        processes.gone(ours, _SUPERVISED_S)
    else:
        processes.end([process for process, name in ours.items() if name != REDIS], _PROGRAMS_S)
        processes.end([process for process, name in ours.items() if name == REDIS], _REDIS_S)
    late = processes.processes_of(run_dir)
    processes.kill(late)
    # What Redis has needed in memory beside its own would stay there until the next boot.
    shutil.rmtree(memory_folder(run_dir), ignore_errors=True)
    killed = sorted(set(late.values()))
    return sorted(set(ours.values()) - set(killed)), killed


def _shut_down(run_dir: Path) -> bool:
    try:
        shut_down(run_dir)
    except SupervisorUnavailable:
        return False
    return True
