"""Endless answers: each notices when its browser is gone, or logged out."""

import select
import socket
from collections.abc import Callable

from flask import request

from app.web import STOPPING
from app.web.dashboard.access.auth import session_check

#: The bytes that wait for a slow browser in the system: about one live picture.
_SEND_BYTES = 32_768
#: The time in milliseconds after which the system gives up a browser that confirms nothing.
_SILENT_MS = 10_000

#: Headers for such an answer; a proxy is not to collect it.
HEADERS = {"X-Accel-Buffering": "no"}


def watch_viewer() -> Callable[[], bool]:
    """Return a function that says whether the answer to the present request is to go on.

    The answer calls it about once a second. From now on the system holds only little of it for its
    browser, and notices when that is gone.
    """
    may_see = session_check()
    sock: socket.socket | None = request.environ.get("gunicorn.socket")
    if sock is None:
        return lambda: may_see() and not STOPPING.is_set()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BYTES)
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _SILENT_MS)
    poller = select.poll()
    poller.register(sock, select.POLLRDHUP)
    return lambda: may_see() and not STOPPING.is_set() and not poller.poll(0)
