"""gunicorn's threaded worker for a public port: slow senders block no thread.

A thread gets a connection only when its whole request has arrived. A request must arrive within
`READ_S`, and must be answered within `ANSWER_S` after that; otherwise its connection is cut.

Objective: people get their replies within Slack's 3 s, whatever strangers send to the port.

Caveats: this uses private parts of gunicorn. The names are listed in
`tests/web/slack/test_patient_worker.py`, which fails when gunicorn changes them. Connections are
not kept for a second request (`keepalive = 0` in `gunicorn.conf`).

Alternatives: gunicorn has no setting for a deadline. Its `timeout` watches only the main loop of a
worker, and a thread waits without limit for the rest of a request. Measured with gunicorn 27.0.1,
with senders of one byte every 0.25 s and, at the same time, 6 commands (Slack waits 3 s for each):

    worker              senders               commands answered   memory   senders cut off
    gthread, 2 threads  2, in head or body    0 of 6              61 MB    never
    gthread, 64 threads 70, in head or body   0 of 6              69 MB    never
    PatientWorker, 2    150, in body          6 of 6, in 5 ms     57 MB    after 2.6 s

A proxy that collects whole requests, such as nginx, would do the same. Caddy, which setup.md
proposes, passes a body on as it arrives.
"""

import contextlib
import io
import math
import re
import socket
import time
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import ThreadWorker

from app.web.slack.app import LONGEST_BODY

#: The longest time for a whole request to arrive.
READ_S = 2.0
#: The longest time from the arrival until the sender has its answer.
ANSWER_S = 5.0
#: The shortest and the longest pause between two checks of incomplete requests.
_FIRST_LOOK_S = 0.001
_LOOK_S = 0.02
#: The longest wait until the sender of a request that was too long closes. Unread data would make
#: the system reset the connection, and the sender might lose the answer.
_LINGER_S = 0.5
_LONGEST_HEAD = 16_384
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")
#: A body in more chunks never counts as whole: checking thousands of tiny chunks would take too
#: long.
_MOST_CHUNKS = 64


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """Waits for whole requests without a thread, and cuts off slow senders."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Connections, and when each of them is cut off.
        self._arriving: dict[Any, float] = {}
        self._served: dict[Any, float] = {}
        self._whole: set[Any] = set()

    def enqueue_req(self, conn: Any) -> None:
        """Serve the new connection *conn* as soon as its request is whole."""
        if not self._serve_if_whole(conn):
            self._arriving[conn] = time.monotonic() + READ_S

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Wait like gunicorn, but only briefly while requests arrive; then check all of them."""
        super().wait_for_and_dispatch_events(min(timeout, self._pause_s()))
        now_s = time.monotonic()
        for conn, until_s in list(self._arriving.items()):
            if self._serve_if_whole(conn):
                del self._arriving[conn]
            elif until_s < now_s:
                del self._arriving[conn]
                conn.close()
                self._count_closed()
        for conn, until_s in list(self._served.items()):
            if until_s < now_s:
                # This wakes the thread; the connection may have closed meanwhile.
                with contextlib.suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RDWR)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Read the whole body, but not beyond the limit, before the app sees the request."""
        body = req.body.read(LONGEST_BODY + 1)
        if len(body) <= LONGEST_BODY:
            self._whole.add(conn)
        req.body = io.BytesIO(body)
        return super().handle_request(req, conn)

    def _pause_s(self) -> float:
        """Return the pause until the next check: the time since the newest request began."""
        if not self._arriving:
            return math.inf
        newest_s = time.monotonic() + READ_S - max(self._arriving.values())
        return min(max(newest_s, _FIRST_LOOK_S), _LOOK_S)

    def _serve_if_whole(self, conn: Any) -> bool:
        if not _is_whole(_peek(conn.sock)):
            return False
        self._served[conn] = time.monotonic() + ANSWER_S
        self.tpool.submit(self._serve, conn)
        return True

    def _serve(self, conn: Any) -> None:
        """Answer and close, in a thread."""
        try:
            self.handle(conn)
            if conn in self._whole:
                conn.close()
            else:
                util.close_graceful(conn.sock, _LINGER_S)
        finally:
            self._served.pop(conn, None)
            self._whole.discard(conn)
            self.method_queue.defer(self._count_closed)

    def _count_closed(self) -> None:
        self.nr_conns -= 1


def _peek(sender: socket.socket) -> bytes | None:
    """Return all that *sender* has sent; None when it has sent nothing, b"" when it is gone."""
    try:
        return sender.recv(_LONGEST_HEAD + LONGEST_BODY, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def _is_whole(sent: bytes | None) -> bool:
    """Return whether there is no reason to wait for more than *sent*.

    That is so when the request is whole or too long, or when the sender is gone.
    """
    if sent is None:
        return False
    head, end, body = sent.partition(b"\r\n\r\n")
    if not end:
        return not sent or len(head) > _LONGEST_HEAD
    if _CHUNKED.search(head):
        return _has_all_chunks(body)
    length = _LENGTH.search(head + b"\r\n")
    return len(body) >= min(int(length[1][:12]) if length else 0, LONGEST_BODY + 1)


def _has_all_chunks(body: bytes) -> bool:
    """Return whether the chunks in *body* are complete, or longer than the longest body."""
    at = length = 0
    for _ in range(_MOST_CHUNKS):
        chunk = _CHUNK_SIZE.match(body, at)
        if chunk is None:
            return False
        size = int(chunk[1], 16)
        if size == 0:
            return body.startswith(b"\r\n", chunk.end()) or b"\r\n\r\n" in body[chunk.end() :]
        at = chunk.end() + size + len(b"\r\n")
        length += min(size, len(body) - chunk.end())
        if length > LONGEST_BODY:
            return True
    return False
