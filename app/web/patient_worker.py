"""gunicorn's threaded worker for an open port: slow senders block no thread.

gunicorn's own parser reads each request in a greenlet of the main loop, so that it can wait in the
middle. A thread gets the request when all of it has arrived. That must take at most `READ_S`.

Objective: people get their replies within Slack's 3 s, whatever strangers send to the port.

Caveats: this uses private parts of gunicorn. The names are listed in
`tests/web/test_patient_worker.py`, which fails when gunicorn changes them. Connections are
not kept for a second request (`keepalive = 0` in `gunicorn.conf`).

Alternatives: gunicorn has no setting for a deadline. Its `timeout` watches only the main loop of a
worker, and a thread waits without limit for the rest of a request. A second parser, which only
decides whether a request is whole, disagreed with gunicorn's: two strangers could hold both threads
by a length of 00000000000050000. gunicorn's gevent worker needs more memory, and changes modules of
the standard library while they are in use. Measured with gunicorn 27.0.1: `bench --slack`, and the
time of a command beside other senders:

    worker              memory   p50 of /pycam_on   beside 400 slow   beside those 2
    gthread and a       61 MB    88 ms              0.9 s             5.0 s
      second parser
    gevent              69 MB    64 ms              0.1 s             4 ms
    PatientWorker       61 MB    81 ms              0.1 s             4 ms
"""

import contextlib
import io
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from selectors import EVENT_READ
from types import FrameType
from typing import Any

from greenlet import getcurrent, greenlet
from gunicorn import http
from gunicorn.http.body import ChunkedReader
from gunicorn.http.errors import InvalidChunkSize, NoMoreData
from gunicorn.workers.gthread import ThreadWorker

from app.web import ARRIVAL, LONGEST_BODY, STOPPING

#: The longest time for a whole request to arrive, and for its sender to close after a refusal.
READ_S = 2.0
#: The longest time to send an answer.
ANSWER_S = 5.0
#: The number of connections that may wait for their senders. One more cuts off the oldest.
MOST_WAITING = 100
#: The most pieces of a chunked body. To parse thousands of tiny chunks would take too long.
MOST_PIECES = 200
#: The longest wait of the worker and of its master, of which neither may seem dead (`timeout` in
#: `gunicorn.conf`).
IDLE_S = 10.0
_LINGER_BYTES = 65_536


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """Reads requests without a thread, and cuts off slow senders.

    It answers with up to *threads* threads. *reading* counts the readings of the configuration, and
    *role* is the number of its own address among those that were read then.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.role = 0
        self.reading = 0
        self.threads = 1
        # Each connection that waits for its sender: its greenlet and its deadline, oldest first.
        self._waiting: dict[Any, tuple[greenlet, float]] = {}

    def get_thread_pool(self) -> ThreadPoolExecutor:
        """Return the threads that answer; each starts when it is first needed."""
        return ThreadPoolExecutor(self.threads)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop: answers that would last longer, such as live pictures, end soon."""
        STOPPING.set()
        super().handle_exit(sig, frame)

    def enqueue_req(self, conn: Any) -> None:
        """Read the request of the new connection *conn*, and then answer it in a thread."""
        self._start(self._receive, conn)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Wait until something happens or the next deadline; then cut off slow senders.

        gunicorn waits for *timeout* and looks whether the master lives. `take_role` makes that
        needless.
        """
        until_s = min((end_s for _, end_s in self._waiting.values()), default=float("inf"))
        wait_s = IDLE_S if self.alive else timeout
        super().wait_for_and_dispatch_events(max(min(wait_s, until_s - time.monotonic()), 0.0))
        now_s = time.monotonic()
        for conn in [conn for conn, (_, end_s) in self._waiting.items() if end_s <= now_s]:
            self._cut_off(conn)

    def _start(self, read: Callable[[Any], None], conn: Any) -> None:
        """Call *read* with *conn* in a greenlet, which is cut off after `READ_S`."""
        if len(self._waiting) >= MOST_WAITING:
            self._cut_off(next(iter(self._waiting)))
        reader = greenlet(read)
        self._waiting[conn] = reader, time.monotonic() + READ_S
        conn.sock.setblocking(False)
        reader.switch(conn)
        if conn in self._waiting:
            self.poller.register(conn.sock, EVENT_READ, lambda _sock: reader.switch())

    def _cut_off(self, conn: Any) -> None:
        self._waiting[conn][0].throw(TimeoutError())

    def _receive(self, conn: Any) -> None:
        """Read a whole request from *conn*, but no body beyond the limit."""
        request, failure, body = None, None, b""
        try:
            request = next(http.get_parser(self.cfg, _Source(conn.sock), conn.client))
            if isinstance(request.body.reader, ChunkedReader):
                request.body.reader.parser = _limited(request.body.reader.parser)
            body = request.body.read(LONGEST_BODY + 1)
        except (NoMoreData, StopIteration, ConnectionError, TimeoutError):
            self._leave(conn)
            self._close(conn)
            return
        except Exception as error:  # noqa: BLE001 - every other one is the parser's
            failure = error
        self._leave(conn)
        if failure is not None:
            self.handle_error(request, conn.sock, conn.client, failure)
            self.method_queue.defer(self._end, conn)
        else:
            self.tpool.submit(self._answer, conn, request, body, time.monotonic())

    def _leave(self, conn: Any) -> None:
        del self._waiting[conn]
        # A request that was there at once has not waited.
        with contextlib.suppress(KeyError):
            self.poller.unregister(conn.sock)

    def _answer(self, conn: Any, request: Any, body: bytes, arrived_s: float) -> None:
        """Answer *request*, in a thread."""
        ARRIVAL.at_s = arrived_s
        request.body = io.BytesIO(body)
        conn.sock.settimeout(ANSWER_S)
        try:
            self.handle_request(request, conn)
        except (OSError, StopIteration) as error:
            self.log.debug("an answer was not sent: %s", error)
        except Exception as error:  # noqa: BLE001 - gunicorn logs it and answers 500
            self.handle_error(request, conn.sock, conn.client, error)
        finally:
            is_whole = len(body) <= LONGEST_BODY
            self.method_queue.defer(self._close if is_whole else self._end, conn)

    def _end(self, conn: Any) -> None:
        self._start(self._linger, conn)

    def _linger(self, conn: Any) -> None:
        """Close *conn* when its sender does.

        Otherwise unread data would make the system reset the connection, and the sender might lose
        the answer.
        """
        source, left = _Source(conn.sock), _LINGER_BYTES
        with contextlib.suppress(OSError):
            conn.sock.shutdown(socket.SHUT_WR)
            while left > 0 and (part := source.recv(left)):
                left -= len(part)
        self._leave(conn)
        self._close(conn)

    def _close(self, conn: Any) -> None:
        conn.close()
        self.nr_conns -= 1


def _limited(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the first `MOST_PIECES` of *pieces*; if there are more, the request is refused."""
    for number, piece in enumerate(pieces):
        if number == MOST_PIECES:
            raise InvalidChunkSize(b"too many chunks")
        yield piece


class _Source:
    """A connection for gunicorn's parser in a greenlet, which waits in the main loop for data."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._loop = getcurrent().parent
        self._has_read = False

    def recv(self, size: int) -> bytes:
        """Return up to *size* bytes; after the first ones, others have their turn first."""
        while True:
            if self._has_read:
                self._loop.switch()
            self._has_read = True
            with contextlib.suppress(BlockingIOError):
                return self._sock.recv(size)
