"""The two web programs with a Redis of their own, started for a benchmark, and their memory."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from app import protocol
from app.config import FOLDER_VARIABLE, PROFILE_VARIABLE, PROJECT, SOURCE_VARIABLE
from app.errors import StateUnavailable, SuiteError
from app.launcher.redis_server import find_redis_server
from app.protocol import EventRecord, Fact, Heartbeat
from app.state import State

USER = "U0BENCH001"
#: The seconds within which a program starts, and within which it ends.
_UP_S, _END_S = 60.0, 15.0

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Served:
    """The two web programs, with their addresses, their process, and the Redis at *url*.

    *folder* is for files of other programs.
    """

    slack: Address
    dashboard: Address
    pid: int
    url: str
    environment: dict[str, str]
    folder: Path


@contextmanager
def server(folder: Path, secret: str) -> Iterator[Served]:
    """Start Redis with a house's data, and gunicorn with both web programs."""
    url = f"unix://{folder}/redis.sock"
    slack, dashboard = (("127.0.0.1", free_port()) for _ in range(2))
    environment = _configure(folder / "config", url, secret, slack, dashboard)
    redis = [str(find_redis_server()), "--port", "0", "--unixsocket", f"{folder}/redis.sock"]
    redis += ["--dir", str(folder), "--save", ""]
    gunicorn = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf"]
    with running(redis, os.environ, folder / "redis.log"):
        until_up(lambda: _fill(url))
        with running(gunicorn, environment, folder / "gunicorn.log") as process:
            for address in (slack, dashboard):
                until_up(partial(reached, address))
            yield Served(slack, dashboard, process.pid, url, environment, folder)


def reached(address: Address) -> None:
    """Raise an `OSError` unless somebody listens at *address*."""
    socket.create_connection(address).close()


def _configure(
    folder: Path, url: str, secret: str, slack: Address, dashboard: Address
) -> dict[str, str]:
    """Write the configuration to *folder*; returns the environment that points there.

    The source of its camera is the demo, so the dashboard asks for no password.
    """
    folder.mkdir()
    lines = (
        f"redis: {{url: '{url}'}}",
        f"slack: {{bind: '{slack[0]}:{slack[1]}', signing_secret: {secret}, "
        f"allowed_users: [{USER}]}}",
        f"dashboard: {{bind: '{dashboard[0]}:{dashboard[1]}'}}",
        "people: {backend: none}",
    )
    (folder / "config.yml").write_text("\n".join([*lines, ""]), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != PROFILE_VARIABLE}
    return {**environment, FOLDER_VARIABLE: str(folder), SOURCE_VARIABLE: "demo"}


@contextmanager
def running(
    command: list[str], environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run *command* inside a `with` block, with its output in *log*."""
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            command, cwd=PROJECT, env=environment, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until_up(check: Callable[[], None]) -> None:
    """Call *check* until it raises no `OSError`; raise `SuiteError` after a minute."""
    deadline_s = time.monotonic() + _UP_S
    while True:
        try:
            check()
        except (OSError, StateUnavailable) as error:
            if time.monotonic() > deadline_s:
                raise SuiteError(f"the server did not start: {error}") from error
            time.sleep(0.05)
        else:
            return


def _fill(url: str) -> None:
    """Write heartbeats of all programs and some events to the Redis at *url*."""
    state, now = State(url), datetime.now(UTC)
    state.initialise_switches()
    for kind in ("security_system", "notifier", "who_is_home", "uploader"):
        camera = "front" if kind == "security_system" else None
        key = protocol.heartbeat_key(kind, protocol.host_name(), camera)
        counters = {"events": 12, "frames": 1234, "waiting": 0}
        state.send_heartbeat(key, Heartbeat(os.getpid(), now, now, {**counters}))
    for minute in range(20):
        at = now - timedelta(minutes=20 - minute)
        event = protocol.event_id(at, "front")
        fact = Fact(f"{event}-started", "motion_started", at, "Motion.", "front", event)
        state.publish(fact, EventRecord("front", at))
    state.close()


def free_port() -> int:
    """Return a TCP port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pss_mb(pid: int) -> float:
    """Return the memory of the process *pid* and its children in MB; shared memory counts once."""
    import psutil

    master = psutil.Process(pid)
    processes = (master, *master.children(recursive=True))
    return sum(process.memory_full_info().pss for process in processes) / 1e6
