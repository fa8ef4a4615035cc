"""`bench --slack`: measures the Slack server's response time under load, and its memory.

It starts the real gunicorn with its own Redis, on free ports of this machine, and beside it another
gunicorn with the same settings and an empty Flask view. Both get their requests in turns, so the
ratio of their times depends little on the machine. The client that sends the requests runs on the
same machine.
"""

import hashlib
import hmac
import secrets
import selectors
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from app.benchmarks.web_programs import (
    USER,
    Address,
    Served,
    free_port,
    pss_mb,
    reached,
    running,
    server,
    until_up,
)
from app.errors import SuiteError

if TYPE_CHECKING:
    from flask import Flask

IN_FLIGHT = 50
REQUESTS = 3000
COMMANDS = ("pycam_on", "status")
#: The name of the empty view's figures, and of the command's that are compared with them.
EMPTY, COMPARED = "empty_view", "status"
#: Each command gets its requests in so many turns.
_TURNS = 8
#: The settings of the Slack server, for the empty view at *port*.
_EMPTY_SETTINGS = """\
import gc, runpy
globals().update(runpy.run_path("gunicorn.conf"))
bind, workers, wsgi_app = ["127.0.0.1:{port}"], 1, "app.benchmarks.slack_load:empty_view()"
def pre_fork(server, worker):
    gc.collect()
    gc.freeze()
def post_fork(server, worker):
    worker.threads = serving.SLACK_THREADS
def post_worker_init(worker):
    pass
"""
_SHARES = {"p50_ms": 0.5, "p99_ms": 0.99, "max_ms": 1.0}
_READ = 65_536


@dataclass(slots=True)
class _Exchange:
    """A request and its response over one *connection*, since *began_s*."""

    connection: socket.socket
    began_s: float
    unsent: bytes
    response: bytes = b""


def measure_slack(requests: int = REQUESTS, in_flight: int = IN_FLIGHT) -> dict[str, Any]:
    """Return the milliseconds to answer each of `COMMANDS` and an empty view, and the memory.

    *ratio_p99* compares `COMPARED` with the empty view. The memory is that of all the server's
    processes together, in megabytes (PSS).
    """
    secret = secrets.token_hex(16)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slack-load-")))
        served = stack.enter_context(server(folder, secret))
        empty = stack.enter_context(_empty_view(served))
        addresses = {EMPTY: empty, **dict.fromkeys(COMMANDS, served.slack)}
        took_s: dict[str, list[float]] = {name: [] for name in addresses}
        for turn in range(_TURNS + 1):
            for name, address in addresses.items():
                # The first turn only warms up.
                count = in_flight if turn == 0 else max(requests // _TURNS, in_flight)
                sent = [request_for(name, secret) for _ in range(count)]
                took_s[name] += send_all(address, sent, in_flight)[: count if turn else 0]
        figures = {name: shares_ms(took) for name, took in took_s.items()}
        return {
            "in_flight": in_flight,
            "requests": len(took_s[EMPTY]),
            **figures,
            "ratio_p99": round(figures[COMPARED]["p99_ms"] / figures[EMPTY]["p99_ms"], 2),
            "pss_mb": round(pss_mb(served.pid), 1),
        }


def shares_ms(took_s: Sequence[float]) -> dict[str, float]:
    """Return the median and the longest of the times *took_s*, in milliseconds."""
    ordered = sorted(took_s)
    return {
        name: round(1000 * ordered[int(share * (len(ordered) - 1))], 1)
        for name, share in _SHARES.items()
    }


def slack_table(figures: dict[str, Any]) -> str:
    """Return the figures of `measure_slack` for people to read."""
    rows = [
        f"Milliseconds to answer, {figures['in_flight']} requests in flight, {figures['requests']} "
        "of each command"
    ]
    for command in (*COMMANDS, EMPTY):
        times = (
            f"  {name.removesuffix('_ms')} {took_ms:6.1f}"
            for name, took_ms in figures[command].items()
        )
        rows.append(f"  /{command:12}" + "".join(times))
    return "\n".join(
        [
            *rows,
            f"  p99 of /{COMPARED} over that of the empty view: {figures['ratio_p99']:.2f}",
            f"  memory of both web programs together (PSS): {figures['pss_mb']:.1f} MB",
        ]
    )


def send_all(address: Address, requests: Sequence[bytes], in_flight: int) -> list[float]:
    """Send *requests*, *in_flight* at a time; returns the seconds that each took.

    Each request has its own connection.
    """
    waiting, took_s = list(reversed(requests)), []
    with selectors.DefaultSelector() as selector:
        for _ in range(min(in_flight, len(waiting))):
            _begin(selector, address, waiting.pop())
        while selector.get_map():
            for key, events in selector.select():
                exchange: _Exchange = key.data
                if not _go_on(selector, exchange, events):
                    continue
                took_s.append(time.perf_counter() - exchange.began_s)
                if waiting:
                    _begin(selector, address, waiting.pop())
    return took_s


def empty_view() -> "Flask":
    """Return an app that answers every command without looking at it."""
    from flask import Flask, Response

    app = Flask(__name__, static_folder=None)
    app.add_url_rule("/<name>", "empty", lambda name: Response("ok"), methods=["POST"])  # noqa: ARG005
    return app


def _begin(selector: selectors.BaseSelector, address: Address, request: bytes) -> None:
    began_s = time.perf_counter()
    connection = socket.create_connection(address)
    connection.setblocking(False)
    exchange = _Exchange(connection, began_s, request)
    selector.register(connection, selectors.EVENT_WRITE, exchange)


def _go_on(selector: selectors.BaseSelector, exchange: _Exchange, events: int) -> bool:
    """Send or read more of *exchange*; returns whether the response is complete.

    `SuiteError` when the response is not a success.
    """
    if events & selectors.EVENT_WRITE:
        exchange.unsent = exchange.unsent[exchange.connection.send(exchange.unsent) :]
        if not exchange.unsent:
            selector.modify(exchange.connection, selectors.EVENT_READ, exchange)
        return False
    if part := exchange.connection.recv(_READ):
        exchange.response += part
        return False
    selector.unregister(exchange.connection)
    exchange.connection.close()
    if not exchange.response.startswith(b"HTTP/1.1 200") or b"not reachable" in exchange.response:
        raise SuiteError(f"the server answered {exchange.response[:200]!r}")
    return True


def request_for(command: str, secret: str) -> bytes:
    """Return a request for *command* as Slack sends it; no two are the same."""
    fields = {
        "command": f"/{command}",
        "text": "",
        "user_id": USER,
        "user_name": "bench",
        "trigger_id": secrets.token_hex(16),
        "response_url": "https://hooks.slack.com/commands/T0/1/x",
        "channel_id": "C0BENCH001",
    }
    return signed_request(command, fields, secret)


def signed_request(name: str, fields: Mapping[str, str], secret: str) -> bytes:
    """Return a request with *fields* to the address *name*, signed with *secret* as by Slack."""
    at, body = str(int(time.time())), urlencode(fields).encode()
    signature = hmac.new(secret.encode(), f"v0:{at}:".encode() + body, hashlib.sha256).hexdigest()
    head = [
        f"POST /{name} HTTP/1.1",
        "Host: localhost",
        "Connection: close",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
        f"X-Slack-Request-Timestamp: {at}",
        f"X-Slack-Signature: v0={signature}",
    ]
    return "\r\n".join([*head, "", ""]).encode() + body


@contextmanager
def _empty_view(served: Served) -> Iterator[Address]:
    """Serve the empty view like the Slack server; yields its address."""
    address = ("127.0.0.1", free_port())
    settings = served.folder / "empty_view.py"
    settings.write_text(_EMPTY_SETTINGS.format(port=address[1]), encoding="utf-8")
    gunicorn = [sys.executable, "-m", "gunicorn", "-c", str(settings)]
    with running(gunicorn, served.environment, served.folder / "empty_view.log"):
        until_up(partial(reached, address))
        yield address
