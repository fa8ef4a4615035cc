"""The whole suite in a folder of its own, with its own Redis and ports."""

import json
import os
import resource
import secrets
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from app.benchmarks.house.drawn_video import MASK
from app.benchmarks.house.stand_in_slack import CHANNEL
from app.benchmarks.house.usage import Usage, pss_mb, usage_of
from app.benchmarks.web_programs import USER, Address, free_port
from app.config import (
    FOLDER_VARIABLE,
    PROFILE_VARIABLE,
    PROJECT,
    SOURCE_VARIABLE,
    Config,
    load_config,
)
from app.errors import SuiteError
from app.launcher import processes
from app.launcher.launch import READY
from app.launcher.stopping import stop_suite
from app.programs import SECURITY_SYSTEM, Program
from app.state import State

#: The seconds after a start until nothing of it goes on in the background.
SETTLE_S = 4.0
#: Python then compiles every module at each start. A house of an owner keeps what it has compiled.
_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
EVENT_GAP_S, PRE_ROLL_S, POST_ROLL_S = 1.0, 2.0, 1.0


class HouseCamera(NamedTuple):
    """The address of a camera, and how many frames it sends a second."""

    url: str
    fps: int


class OwnHouse:
    """The suite with *cameras*, by name, in *folder*; its alerts go to the Slack at *slack_url*.

    Events end soon and clips are short, so that the visits of the drawn video are single events.
    """

    def __init__(self, folder: Path, cameras: Mapping[str, HouseCamera], slack_url: str) -> None:
        self.folder = folder
        self.secret = secrets.token_hex(16)
        self.slack: Address = ("127.0.0.1", free_port())
        self._write_config(cameras, slack_url)

    @property
    def config(self) -> Config:
        """Return the configuration, with the password of its Redis after a start."""
        return load_config(self.folder / "config")

    @contextmanager
    def running(self) -> Iterator[dict[str, float]]:
        """Run the suite; yields the CPU seconds that its start took, by program."""
        try:
            before_s = _ended_children_s()
            self._start()
            start_s = _ended_children_s() - before_s
            time.sleep(SETTLE_S)
            yield {"start": start_s, **{name: one.cpu_s for name, one in self.usages().items()}}
        finally:
            stop_suite(self.folder / "data" / "run")

    def start_once(self) -> None:
        """Start and stop the suite, so that the next start finds what the first one makes."""
        self._start()
        stop_suite(self.folder / "data" / "run")

    def state(self) -> "closing[State]":
        """Return a connection to its Redis, which the end of a block closes."""
        return closing(State(self.config.redis.url))

    def camera_pids(self, camera: str) -> list[int]:
        """Return the processes of *camera*."""
        return self.pids()[camera_process(camera)]

    def pids(self) -> dict[str, list[int]]:
        """Return the processes of each program, by its name in supervisord."""
        found: defaultdict[str, list[int]] = defaultdict(list)
        for process, name in processes.processes_of(self.config.run_dir).items():
            found[name].append(process.pid)
        return dict(found)

    def usages(self) -> dict[str, Usage]:
        """Return what each program has used."""
        return {name: usage_of(pids) for name, pids in self.pids().items()}

    def pss_mb(self) -> dict[str, float]:
        """Return the memory of each program in MB; what they share counts once in all."""
        return {name: pss_mb(pids) for name, pids in self.pids().items()}

    def log_bytes(self) -> int:
        """Return the size of Redis' log."""
        log = self.config.data_dir / "redis" / "appendonlydir"
        return sum(path.stat().st_size for path in log.iterdir())

    def _start(self) -> None:
        left_out = (*(FOLDER_VARIABLE, PROFILE_VARIABLE, SOURCE_VARIABLE), _NO_BYTECODE)
        environment = {name: value for name, value in os.environ.items() if name not in left_out}
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-P", "-m", "app", "start", "--config", str(self.folder / "config")],
            cwd=PROJECT,
            env=environment | READY | {"PYTHONPATH": str(PROJECT)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SuiteError(f"the suite did not start:\n{done.stdout}{done.stderr}")

    def _write_config(self, cameras: Mapping[str, HouseCamera], slack_url: str) -> None:
        config = self.folder / "config"
        config.mkdir(parents=True)
        settings = {
            "redis": {"url": f"redis://127.0.0.1:{free_port()}/0"},
            "cameras": {
                name: {"source": source.url, "fps": source.fps, "masks": [MASK]}
                for name, source in cameras.items()
            },
            "events": {"event_gap_s": EVENT_GAP_S, "min_notify_seconds": 0},
            "recording": {"pre_roll_s": PRE_ROLL_S, "post_roll_s": POST_ROLL_S},
            "slack": {
                "bind": f"127.0.0.1:{self.slack[1]}",
                "api_url": f"{slack_url}/api/",
                "alerts_channel": CHANNEL,
                "allowed_users": [USER],
            },
            "dashboard": {"bind": f"127.0.0.1:{free_port()}"},
            "glances": {"bind": f"127.0.0.1:{free_port()}"},
            "people": {"backend": "none"},
        }
        write_settings(config / "config.yml", settings)
        private = {"slack": {"bot_token": "xoxb-1-bench", "signing_secret": self.secret}}
        write_settings(config / "private.yml", private)


def camera_process(camera: str) -> str:
    """Return supervisord's name of the process of *camera*."""
    return Program(SECURITY_SYSTEM, camera).name


def write_settings(path: Path, settings: Mapping[str, object]) -> None:
    """Write *settings* to *path*, for this user's eyes only. JSON is YAML too."""
    path.touch(0o600)
    path.write_text(json.dumps(settings), encoding="utf-8")


def _ended_children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
