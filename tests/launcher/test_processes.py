"""The processes of a suite, found by their environment."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from app.config import FOLDER_VARIABLE
from app.launcher import processes
from app.launcher.processes import RUN_VARIABLE

OBEDIENT = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {OBEDIENT}"

Spawn = Callable[[str, str], psutil.Process]


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Spawn]:
    """A function that starts a process of the suite in *tmp_path*, with a name and some code."""
    with ExitStack() as stack:

        def start(name: str, code: str = OBEDIENT) -> psutil.Process:
            environment = {RUN_VARIABLE: str(tmp_path), FOLDER_VARIABLE: "/etc/house"}
            if name != "supervisord":
                environment["SUPERVISOR_PROCESS_NAME"] = name
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", code],
                    env=os.environ | environment,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            stack.callback(process.kill)
            assert process.stdout
            assert process.stdout.readline() == "up\n"
            return psutil.Process(process.pid)

        yield start


def test_processes_are_found_by_the_folder_they_run_in(spawn: Spawn, tmp_path: Path) -> None:
    started = {
        spawn("notifier", OBEDIENT): "notifier",
        spawn("supervisord", OBEDIENT): "supervisord",
    }
    assert processes.processes_of(tmp_path) == started
    assert processes.processes_of(tmp_path / "elsewhere") == {}
    environments = processes.started_from(Path("/etc/house"))
    assert sorted(map(processes.name_of, environments)) == ["notifier", "supervisord"]


def test_a_process_that_obeys_ends_and_another_is_killed(spawn: Spawn) -> None:
    obedient, stubborn = spawn("notifier", OBEDIENT), spawn("uploader", STUBBORN)
    assert processes.end([obedient, stubborn], 0.5) == [stubborn]
    assert processes.lives(stubborn.pid)
    assert processes.kill([stubborn]) == []
    assert not processes.lives(stubborn.pid)


def test_ending_what_has_ended_already_is_no_error(spawn: Spawn) -> None:
    process = spawn("notifier", OBEDIENT)
    processes.kill([process])
    assert processes.end([process], 1.0) == []
