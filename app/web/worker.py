"""gunicorn's threaded worker, for a port that anybody can reach: who sends nothing, or slowly, holds up no thread for long.

It is quicker, too: a connection that a request has been answered on, and that is not kept, is closed by the thread
that has answered, and the thread that accepts connections is not woken for it.
"""

import contextlib
import errno
import selectors
import socket
import threading
import time
from concurrent.futures import Future
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

#: How long a connection may take to send a request and to take the answer.
REQUEST_S = 4.0


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """Gives a connection to a thread when it has sent something, and cuts it off when it then dawdles."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._served_since_s: dict[TConn, float] = {}
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
        too_old_s = time.monotonic() - REQUEST_S
        for connection, since_s in list(self._served_since_s.items()):
            if since_s < too_old_s:
                with contextlib.suppress(OSError):  # it has closed meanwhile
                    connection.sock.shutdown(socket.SHUT_RDWR)

    def _serve(self, connection: TConn) -> None:
        self._served_since_s[connection] = time.monotonic()
        try:
            kept = self.handle(connection)
            if kept is False:
                connection.close(graceful=True)
        finally:
            del self._served_since_s[connection]
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
