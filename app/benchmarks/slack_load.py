"""`bench --slack`: how long the Slack server takes to answer with many requests in flight, and how
much memory it has.

The real gunicorn with a Redis of its own, on free ports of this machine, which the asking shares.
"""

import hashlib
import hmac
import os
import secrets
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from app import protocol
from app.config import FOLDER_VARIABLE, PROFILE_VARIABLE, PROJECT
from app.errors import StateUnavailable, SuiteError
from app.launcher.redis_server import find_redis_server
from app.protocol import EventRecord, Fact, Heartbeat
from app.state import State

IN_FLIGHT = 50
REQUESTS = 3000
COMMANDS = ("pycam_on", "status")
USER = "U0BENCH001"
_SHARES = {"p50_ms": 0.5, "p99_ms": 0.99, "max_ms": 1.0}
_UP_S = 20.0
_READ = 65_536


@dataclass(slots=True)
class _Asking:
    """A connection: what is still to be sent, what has come, and since when."""

    line: socket.socket
    began_s: float
    unsent: bytes
    answer: bytes = b""


def measure_slack(requests: int = REQUESTS, in_flight: int = IN_FLIGHT) -> dict[str, Any]:
    """Milliseconds to answer each of `COMMANDS`, and the megabytes (PSS) of the server's processes
    together.
    """
    secret = secrets.token_hex(16)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slack-load-")))
        address, pid = stack.enter_context(_server(folder, secret))
        figures: dict[str, Any] = {"in_flight": in_flight, "requests": requests}
        for command in COMMANDS:
            ask(address, [_request(command, secret) for _ in range(in_flight)], in_flight)
            took_s = sorted(
                ask(address, [_request(command, secret) for _ in range(requests)], in_flight)
            )
            figures[command] = {
                name: round(1000 * took_s[int(share * (len(took_s) - 1))], 1)
                for name, share in _SHARES.items()
            }
        return {**figures, "pss_mb": round(_pss_mb(pid), 1)}


def slack_table(figures: dict[str, Any]) -> str:
    """What `measure_slack` has found, for people to read."""
    rows = [
        f"Milliseconds to answer, {figures['in_flight']} requests in flight, {figures['requests']} "
        "of each command"
    ]
    for command in COMMANDS:
        rows.append(
            f"  /{command:12}"
            + "".join(
                f"  {name.removesuffix('_ms')} {took_ms:6.1f}"
                for name, took_ms in figures[command].items()
            )
        )
    return "\n".join(
        [*rows, f"  memory of gunicorn and its worker together (PSS): {figures['pss_mb']:.1f} MB"]
    )


def ask(address: tuple[str, int], requests: Sequence[bytes], in_flight: int) -> list[float]:
    """Send *requests*, each on a connection of its own and *in_flight* at a time; returns how many
    seconds each took.
    """
    waiting, took_s = list(reversed(requests)), []
    with selectors.DefaultSelector() as selector:
        for _ in range(min(in_flight, len(waiting))):
            _begin(selector, address, waiting.pop())
        while selector.get_map():
            for key, events in selector.select():
                asking: _Asking = key.data
                if not _go_on(selector, asking, events):
                    continue
                took_s.append(time.perf_counter() - asking.began_s)
                if waiting:
                    _begin(selector, address, waiting.pop())
    return took_s


def _begin(selector: selectors.BaseSelector, address: tuple[str, int], request: bytes) -> None:
    began_s = time.perf_counter()
    line = socket.create_connection(address)
    line.setblocking(False)
    selector.register(line, selectors.EVENT_WRITE, _Asking(line, began_s, request))


def _go_on(selector: selectors.BaseSelector, asking: _Asking, events: int) -> bool:
    """Send or read what can be; returns whether the answer is whole. `SuiteError` when it is not a
    good one.
    """
    if events & selectors.EVENT_WRITE:
        asking.unsent = asking.unsent[asking.line.send(asking.unsent) :]
        if not asking.unsent:
            selector.modify(asking.line, selectors.EVENT_READ, asking)
        return False
    if part := asking.line.recv(_READ):
        asking.answer += part
        return False
    selector.unregister(asking.line)
    asking.line.close()
    if not asking.answer.startswith(b"HTTP/1.1 200") or b"not reachable" in asking.answer:
        raise SuiteError(f"the server answered {asking.answer[:200]!r}")
    return True


def _request(command: str, secret: str) -> bytes:
    """A request for *command* as Slack sends it; no two are alike."""
    at = str(int(time.time()))
    fields = {
        "command": f"/{command}",
        "text": "",
        "user_id": USER,
        "user_name": "bench",
        "trigger_id": secrets.token_hex(16),
    }
    body = urlencode(
        {**fields, "response_url": "http://127.0.0.1:9/", "channel_id": "C0BENCH001"}
    ).encode()
    signature = hmac.new(secret.encode(), f"v0:{at}:".encode() + body, hashlib.sha256).hexdigest()
    head = [
        f"POST /{command} HTTP/1.1",
        "Host: localhost",
        "Connection: close",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
        f"X-Slack-Request-Timestamp: {at}",
        f"X-Slack-Signature: v0={signature}",
    ]
    return "\r\n".join([*head, "", ""]).encode() + body


@contextmanager
def _server(folder: Path, secret: str) -> Iterator[tuple[tuple[str, int], int]]:
    """Redis with a house's life in it, and gunicorn; yields gunicorn's address and process id."""
    url, port = f"unix://{folder}/redis.sock", _free_port()
    config = folder / "config"
    config.mkdir()
    slack = f"{{bind: '127.0.0.1:{port}', signing_secret: {secret}, allowed_users: [{USER}]}}"
    (config / "config.yml").write_text(
        f"redis: {{url: '{url}'}}\nslack: {slack}\n", encoding="utf-8"
    )
    redis = [
        str(find_redis_server()),
        "--port",
        "0",
        "--unixsocket",
        f"{folder}/redis.sock",
        "--dir",
        str(folder),
        "--save",
        "",
    ]
    environment = {name: value for name, value in os.environ.items() if name != PROFILE_VARIABLE}
    gunicorn = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf"]
    with ExitStack() as stack:
        stack.enter_context(_running(redis, os.environ, folder / "redis.log"))
        _until_up(lambda: _live(url))
        process = stack.enter_context(
            _running(
                gunicorn, {**environment, FOLDER_VARIABLE: str(config)}, folder / "gunicorn.log"
            )
        )
        _until_up(lambda: socket.create_connection(("127.0.0.1", port)).close())
        yield ("127.0.0.1", port), process.pid


@contextmanager
def _running(
    command: list[str], environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            command, cwd=PROJECT, env=environment, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _until_up(knock: Callable[[], None]) -> None:
    deadline_s = time.monotonic() + _UP_S
    while True:
        try:
            knock()
        except (OSError, StateUnavailable) as error:
            if time.monotonic() > deadline_s:
                raise SuiteError(f"it did not come up: {error}") from error
            time.sleep(0.05)
        else:
            return


def _live(url: str) -> None:
    """Give the house at *url* programs that beat and events to tell of."""
    state, now = State(url), datetime.now(UTC)
    state.initialise_switches()
    for kind in ("security_system", "notifier", "who_is_home", "uploader"):
        camera = "front" if kind == "security_system" else None
        counters: dict[str, int | float | str | bool | None] = {
            "events": 12,
            "frames": 1234,
            "waiting": 0,
        }
        state.send_heartbeat(
            protocol.heartbeat_key(kind, protocol.host_name(), camera),
            Heartbeat(os.getpid(), now, now, counters),
        )
    for minute in range(20):
        at = now - timedelta(minutes=20 - minute)
        event = protocol.event_id(at, "front")
        state.publish(
            Fact(f"{event}-started", "motion_started", at, "Motion.", "front", event),
            EventRecord("front", at),
        )
    state.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _pss_mb(pid: int) -> float:
    """The memory of the process *pid* and its children; what they share is counted once."""
    import psutil

    master = psutil.Process(pid)
    return (
        sum(
            process.memory_full_info().pss for process in (master, *master.children(recursive=True))
        )
        / 1e6
    )
