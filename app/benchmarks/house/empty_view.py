"""The answers to /status with many requests in flight, beside an empty view of Flask.

Both are under the same server, gunicorn with the suite's worker; each gets some requests in turn.
"""

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from flask import Flask

from app.benchmarks.slack_load import (
    Address,
    free_port,
    reached,
    request_for,
    running,
    send_all,
    server,
    shares_ms,
    until_up,
)

COMMAND = "status"
IN_FLIGHT = 50
ROUNDS, REQUESTS = 4, 300
_CONF = """\
bind = "127.0.0.1:{port}"
wsgi_app = "app.benchmarks.house.empty_view:create_app()"
worker_class = "app.web.patient_worker.PatientWorker"
worker_tmp_dir = "/dev/shm"
control_socket_disable = True
keepalive = 0
worker_connections = 256
backlog = 128

def post_fork(server, worker):
    worker.threads = 2  # as many as the Slack server has
"""


def create_app() -> Flask:
    """Return an app with one view, which answers nothing."""
    app = Flask(__name__, static_folder=None)
    app.add_url_rule(f"/{COMMAND}", "empty", lambda: "", methods=["POST"])
    return app


def measure_status(folder: Path, rounds: int = ROUNDS, requests: int = REQUESTS) -> dict[str, Any]:
    """Return the milliseconds of /status and of the empty view, with `IN_FLIGHT` requests."""
    folder.mkdir()
    secret = secrets.token_hex(16)
    with ExitStack() as stack:
        addresses = {
            "status": stack.enter_context(server(folder, secret)).slack,
            "empty": stack.enter_context(empty_server(folder)),
        }
        took_s: dict[str, list[float]] = {name: [] for name in addresses}
        for number in range(rounds + 1):
            for name, address in addresses.items():
                sent = [request_for(COMMAND, secret) for _ in range(requests)]
                answered_s = send_all(address, sent, IN_FLIGHT)
                # The first round warms up.
                took_s[name] += answered_s if number else []
    figures = {name: shares_ms(each) for name, each in took_s.items()}
    ratio = figures["status"]["p99_ms"] / figures["empty"]["p99_ms"]
    return {"in_flight": IN_FLIGHT, **figures, "p99_ratio": round(ratio, 2)}


@contextmanager
def empty_server(folder: Path) -> Iterator[Address]:
    """Serve the empty view; yields its address."""
    address = "127.0.0.1", free_port()
    conf = folder / "empty_view.conf.py"
    conf.write_text(_CONF.format(port=address[1]), encoding="utf-8")
    command = [sys.executable, "-m", "gunicorn", "-c", str(conf)]
    with running(command, os.environ, folder / "empty_view.log"):
        until_up(lambda: reached(address))
        yield address
