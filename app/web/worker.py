"""gunicorn's threaded worker, for a port that anybody can reach: who sends nothing, or slowly, holds up no thread for long."""

import contextlib
import errno
import selectors
import socket
import time
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

    def accept(self, listener: socket.socket) -> None:
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return
        self.nr_conns += 1
        connection = TConn(self.cfg, client, address, listener.getsockname())
        connection.set_timeout()
        self.pending_conns.append(connection)
        self.poller.register(client, selectors.EVENT_READ, partial(self.on_pending_socket_readable, connection))

    def handle(self, conn: TConn) -> Any:
        self._served_since_s[conn] = time.monotonic()
        try:
            return super().handle(conn)
        finally:
            del self._served_since_s[conn]

    def murder_pending(self) -> None:
        super().murder_pending()
        too_old_s = time.monotonic() - REQUEST_S
        for connection, since_s in list(self._served_since_s.items()):
            if since_s < too_old_s:
                with contextlib.suppress(OSError):  # it has closed meanwhile
                    connection.sock.shutdown(socket.SHUT_RDWR)
