"""gunicorn's threaded worker, for a port that anybody can reach: who sends nothing, or slowly, holds up no thread for long.

It is quicker, too: a connection that a request has been answered on, and that is not kept, is closed by the thread
that has answered, and the thread that accepts connections is not woken for it.
"""

import contextlib
import errno
import io
import selectors
import socket
import threading
import time
from concurrent.futures import Future
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from app.web.slack import LONGEST_BODY

#: How long a connection may take to send a request once it has begun to, and then to have it answered and take the answer.
READ_S = 1.5
ANSWER_S = 5.0
_LOOK_S = 0.25


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """Gives a connection to a thread when it has sent something, and cuts it off when it then dawdles."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._until_s: dict[TConn, float] = {}
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
        connection = TConn(self.cfg, client, address, listener.getsockname())
        if _has_sent(client):
            connection.data_ready = True
            self.enqueue_req(connection)
        else:
            connection.set_timeout()
            self.pending_conns.append(connection)
            self.poller.register(client, selectors.EVENT_READ, partial(self.on_pending_socket_readable, connection))

    def enqueue_req(self, conn: TConn) -> None:
        self.tpool.submit(self._serve, conn)

    def murder_pending(self) -> None:
        super().murder_pending()
        with self._count:
            self.nr_conns -= self._closed
            self._closed = 0
        now_s = time.monotonic()
        for connection, until_s in list(self._until_s.items()):
            if until_s < now_s:
                with contextlib.suppress(OSError):  # it has closed meanwhile
                    connection.sock.shutdown(socket.SHUT_RDWR)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        super().wait_for_and_dispatch_events(min(timeout, _LOOK_S) if self._until_s else timeout)

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Read the whole body, as far as it is of use, while the time for that runs; the rest, if any, is read past afterwards."""
        unread = req.body
        req.body = io.BytesIO(unread.read(LONGEST_BODY + 1))
        self._until_s[conn] = time.monotonic() + ANSWER_S
        try:
            return super().handle_request(req, conn)
        finally:
            req.body = unread

    def _serve(self, connection: TConn) -> None:
        self._until_s[connection] = time.monotonic() + READ_S
        try:
            kept = self.handle(connection)
            if kept is False:
                connection.close(graceful=True)
        finally:
            del self._until_s[connection]
        if kept is False:
            with self._count:
                self._closed += 1
        else:
            done: Future[Any] = Future()
            done.set_result(kept)
            self.method_queue.defer(self.finish_request, connection, done)


def _has_sent(client: socket.socket) -> bool:
    """Whether *client*, which does not block, has sent something or closed."""
    try:
        client.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:  # it has gone, as whoever reads from it will see
        return True
    return True
