"""gunicorn's threaded worker, for a port that anybody can reach: who sends nothing, or slowly,
holds up no thread.

A connection is given to a thread when its whole request is there. It is quicker, too: a connection
that is not kept is closed by the thread that has answered on it, and the thread that accepts
connections is not woken for that.
"""

import contextlib
import errno
import io
import re
import selectors
import socket
import threading
import time
from concurrent.futures import Future
from functools import partial
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import TConn, ThreadWorker

from app.web.slack.app import LONGEST_BODY

#: How long a connection may take to send a request once it has begun to, and then to have it
#: answered and take the answer.
READ_S = 2.0
ANSWER_S = 5.0
#: How often it is looked whether more has come of the requests that are not whole.
_LOOK_S = 0.02
#: How long is waited for a sender to close whose request was not read to its end.
_LINGER_S = 0.5
_LONGEST_HEAD = 16_384
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)


class Connection(TConn):  # type: ignore[misc]
    """A connection. *until_s* ends its patience; *whole* says that the request was read to its
    end.
    """

    until_s = 0.0
    whole = False


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """Waits for whole requests, without a thread, and cuts off who dawdles."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._coming: list[Connection] = []
        self._served: set[Connection] = set()
        self._count = threading.Lock()
        self._closed = 0

    def accept(self, listener: socket.socket) -> None:
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return
        self.nr_conns += 1
        connection = Connection(self.cfg, client, address, listener.getsockname())
        if _seen(client, 1) is None:
            connection.set_timeout()
            self.pending_conns.append(connection)
            self.poller.register(
                client, selectors.EVENT_READ, partial(self.on_pending_socket_readable, connection)
            )
        else:
            self.enqueue_req(connection)

    def enqueue_req(self, conn: Connection) -> None:
        """Have the request on *conn* answered once it is whole; something of it has come."""
        conn.until_s = time.monotonic() + READ_S
        if not self._answer_if_whole(conn):
            self._coming.append(conn)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        super().wait_for_and_dispatch_events(min(timeout, _LOOK_S) if self._coming else timeout)
        self._coming = [
            connection
            for connection in self._coming
            if not self._answer_if_whole(connection) and not self._gave_up(connection)
        ]

    def murder_pending(self) -> None:
        super().murder_pending()
        with self._count:
            self.nr_conns -= self._closed
            self._closed = 0
        now_s = time.monotonic()
        for connection in list(self._served):
            if connection.until_s < now_s:
                with contextlib.suppress(OSError):  # it has closed meanwhile
                    connection.sock.shutdown(socket.SHUT_RDWR)

    def handle_request(self, req: Any, conn: Connection) -> Any:
        """Read the whole body, as far as it is of use, before it is answered."""
        unread = req.body
        body = unread.read(LONGEST_BODY + 1)
        conn.whole = len(body) <= LONGEST_BODY
        req.body = io.BytesIO(body)
        if not conn.whole:
            req.force_close()
        try:
            return super().handle_request(req, conn)
        finally:
            req.body = unread

    def _answer_if_whole(self, connection: Connection) -> bool:
        if not _read_ahead(connection) and not _is_whole(
            _seen(connection.sock, _LONGEST_HEAD + LONGEST_BODY)
        ):
            return False
        connection.until_s = time.monotonic() + ANSWER_S
        connection.data_ready = True
        self.tpool.submit(self._serve, connection)
        return True

    def _gave_up(self, connection: Connection) -> bool:
        if connection.until_s > time.monotonic():
            return False
        self.nr_conns -= 1
        connection.close()
        return True

    def _serve(self, connection: Connection) -> None:
        self._served.add(connection)
        try:
            kept = self.handle(connection)
            if kept is False and connection.whole:
                connection.close()
            elif kept is False:
                util.close_graceful(connection.sock, _LINGER_S)
        finally:
            self._served.discard(connection)
        if kept is False:
            with self._count:
                self._closed += 1
        else:
            done: Future[Any] = Future()
            done.set_result(kept)
            self.method_queue.defer(self.finish_request, connection, done)


def _read_ahead(connection: Connection) -> bool:
    """Whether the beginning of the next request was read together with the last one."""
    return connection.parser is not None and bool(connection.parser.unreader.buf.getvalue())


def _seen(client: socket.socket, most: int) -> bytes | None:
    """What *client* has sent and nobody has read yet, up to *most* bytes; None for nothing, b""
    when it has gone.
    """
    try:
        return client.recv(most, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def _is_whole(sent: bytes | None) -> bool:
    """Whether no more is to be waited for before *sent* is read: it is a whole request, is too long
    for one, or the sender has gone.
    """
    if sent is None:
        return False
    head, end, body = sent.partition(b"\r\n\r\n")
    if not end:
        return not sent or len(head) > _LONGEST_HEAD
    if _CHUNKED.search(head):
        return body.endswith(b"0\r\n\r\n") or len(body) > LONGEST_BODY
    length = _LENGTH.search(head + b"\r\n")
    return len(body) >= min(int(length[1][:12]) if length else 0, LONGEST_BODY + 1)
