"""The suite's own programs, as processes of a test's own."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from app.config import FOLDER_VARIABLE, PROFILE_VARIABLE
from app.launcher.launch import LIGHT
from app.protocol import Heartbeat
from app.state import State
from tests.waiting import Found, Stopwatch, patience, until

REPO = Path(__file__).resolve().parent.parent.parent
_END_S = 15.0
#: At the most so many times as long as a program may take for itself is waited for it.
_MOST_PATIENCE = 10


def write_config(folder: Path, redis_url: str, more: str = "") -> Path:
    """Make *folder*/config with a `config.yml`: the given Redis, *folder*/data, and *more* YAML.
    Returns the configuration folder.

    Unless *more* has a section people, there is no person model, and unless it has a section
    dashboard, there is no dashboard: few tests need them.
    """
    config = folder / "config"
    config.mkdir(parents=True, exist_ok=True)
    lines = [f"redis: {{url: {redis_url!r}}}", "data_dir: data", *more.splitlines()]
    if not any(line.startswith("people:") for line in lines):
        lines.append("people: {backend: none}")
    if not any(line.startswith("dashboard:") for line in lines):
        lines.append("dashboard: {enabled: false}")
    (config / "config.yml").write_text("\n".join([*lines, ""]), encoding="utf-8")
    return config


class Program:
    """`python -m MODULE ARGUMENTS` with the configuration in *config*. Its log, over all its
    starts, is shown when a test fails.
    """

    def __init__(self, module: str, config: Path, *arguments: str) -> None:
        self.module = module
        self._config = config
        self._arguments = arguments
        self._log = config.parent / f"{module}.log"
        self._log.touch()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process that runs now."""
        return self._running().pid

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def start(self) -> None:
        """Start it; returns at once."""
        if self._process is not None:
            raise RuntimeError(f"{self.module} runs already")
        environment = {
            name: value for name, value in os.environ.items() if name != PROFILE_VARIABLE
        }
        command = [sys.executable, "-m", self.module, *self._arguments]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=REPO,
                env={**environment, **LIGHT, FOLDER_VARIABLE: str(self._config)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def heartbeat(self, redis_url: str) -> Heartbeat | None:
        """The newest heartbeat of the process that runs now, None while there is none."""
        with contextlib.closing(State(redis_url)) as state:
            return next(
                (beat for beat in state.heartbeats().values() if beat.pid == self.pid), None
            )

    def wait_until_beating(self, redis_url: str, within_s: float = 20.0) -> Heartbeat:
        """Its first heartbeat; fails with its log when it ends before that."""

        def look() -> Heartbeat | None:
            assert self._running().poll() is None, f"{self.module} ended:\n{self.log}"
            return self.heartbeat(redis_url)

        return until(look, f"{self.module} beats", within_s)

    def obeys(self, look: Callable[[], Found | None], what: str, within_s: float) -> Found:
        """What *look* finds, as soon as that is true; fails, saying that *what* did not happen,
        when it takes too long.

        The time for which a busy machine kept this program from running, though it was ready to,
        does not count. Threads wait side by side, so that of many it may grow faster than the clock
        goes: ten times *within_s* is the end of it.
        """
        before = latest = self._kept_waiting_s()
        with Stopwatch() as watch:
            while not (found := look()):
                latest = latest | self._kept_waiting_s()
                kept_s = sum(
                    waits_s - before.get(thread, 0.0) for thread, waits_s in latest.items()
                )
                if watch.seconds > min(within_s + kept_s, within_s * _MOST_PATIENCE):
                    raise AssertionError(f"{what}: not within {within_s} s of its own time")
                time.sleep(0.02)
        return found

    def _kept_waiting_s(self) -> dict[str, float]:
        """For how many seconds each of its threads was ready to run and had to wait, as Linux
        counts them.
        """
        found = {}
        for path in Path(f"/proc/{self.pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):  # it has just ended
                found[path.parent.name] = int(path.read_text().split()[1]) / 1e9
        return found

    def signal(self, signum: signal.Signals) -> None:
        """Send it *signum*."""
        self._running().send_signal(signum)

    def kill(self) -> None:
        """End it as a crash does (SIGKILL)."""
        self.signal(signal.SIGKILL)
        self.wait()

    def stop(self, within_s: float = _END_S) -> int:
        """End it gently (SIGTERM); returns its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(within_s)

    def wait(self, within_s: float = _END_S) -> int:
        """Wait until it has ended; returns its exit code."""
        code = self._running().wait(patience(within_s))
        self._process = None
        return code

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError(f"{self.module} does not run")
        return self._process

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.kill()
        sys.stdout.write(f"--- log of {self.module}\n{self.log}")
