"""The suite as a house runs it, in a folder of a test's own."""

import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import psutil
from click.testing import CliRunner

from app.__main__ import main
from app.config import FOLDER_VARIABLE, PROFILE_VARIABLE, Config, load_config
from app.launcher import processes
from app.launcher.health import Checkup, Health, check_up
from app.launcher.launch import READY
from app.launcher.redis_password import make_password
from app.launcher.stopping import stop_suite
from app.launcher.supervisord import supervisord_of
from tests.servers.ports import free_port
from tests.servers.programs import REPO, write_config
from tests.waiting import patience, until

_DONE_S = 90.0


class Suite:
    """A house in *folder*, with a Redis and a Glances on ports of its own, unless *private* or
    *redis_url* say otherwise.

    Leaving the context stops it.
    """

    def __init__(self, folder: Path, private: str = "", redis_url: str | None = None) -> None:
        self.folder = write_config(
            folder,
            redis_url or f"redis://127.0.0.1:{free_port()}/0",
            f"glances: {{bind: '127.0.0.1:{free_port()}'}}\n",
        )
        if redis_url is None:
            make_password(self.folder)
        (self.folder / "private.yml").touch(0o600)
        (self.folder / "private.yml").write_text(private)
        self.config: Config = load_config(self.folder)
        self.redis_url = self.config.redis.url

    def verb(self, verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `python -m app VERB ARGUMENTS` for this house.

        A start has a process of its own, as `scripts/start.sh` makes it. supervisord outlives it.
        """
        command = [verb, "--config", str(self.folder), *arguments]
        if verb == "start":
            paths = filter(None, (str(REPO), os.environ.get("PYTHONPATH")))
            environment = READY | {"PYTHONPATH": os.pathsep.join(paths)}
            return run([sys.executable, "-P", "-m", "app", *command], environment=environment)
        return run_verb(*command)

    def start(self, *only: str) -> str:
        """Start the programs named *only*; returns what was printed, and fails if they did not come
        up.
        """
        done = self.verb("start", *(word for name in only for word in ("--only", name)))
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def checkup(self) -> Checkup:
        """How the programs are."""
        return check_up(self.config)

    def program(self, name: str) -> Health:
        """How one program is."""
        return next(program for program in self.checkup().programs if program.name == name)

    def wait_until_healthy(self) -> None:
        """Return when all programs are."""
        until(lambda: self.checkup().healthy, "all are healthy")

    def processes(self) -> dict[str, psutil.Process]:
        """The processes that run, by the names supervisord gave them; without their children."""
        found = processes.processes_of(self.config.run_dir)
        oldest_last = sorted(found, key=psutil.Process.create_time, reverse=True)
        return {found[process]: process for process in oldest_last}

    def log(self, name: str) -> str:
        """What a program has written."""
        return (self.config.logs_dir / f"{name}.log").read_text(encoding="utf-8")

    def halt(self, name: str) -> None:
        """Have supervisord end the program that it calls *name*, and keep it ended."""
        with supervisord_of(self.config.run_dir) as supervisord:
            supervisord.supervisor.stopProcess(name)

    def resume(self, name: str) -> None:
        """Have supervisord start again what was halted; returns at once."""
        with supervisord_of(self.config.run_dir) as supervisord:
            supervisord.supervisor.startProcess(name, False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        stop_suite(self.config.run_dir)


def run_verb(*arguments: str, typed: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run `python -m app ARGUMENTS` in this process, which spares a second of imports.

    *typed* is what a person answers.
    """
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        done = CliRunner().invoke(
            main,
            arguments,
            typed,
            prog_name="python -m app",
            env=dict.fromkeys((FOLDER_VARIABLE, PROFILE_VARIABLE)),
        )
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


def run(
    command: list[str], cwd: Path = REPO, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run *command* to its end, with no configuration but the one it names."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in (FOLDER_VARIABLE, PROFILE_VARIABLE)
    }
    return subprocess.run(
        command,
        cwd=cwd,
        env=inherited | dict(environment or {}),
        capture_output=True,
        text=True,
        check=False,
        timeout=patience(_DONE_S),
    )
