"""The thread in which a server on loopback runs, beside a benchmark or a test."""

import threading
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from socketserver import BaseRequestHandler, TCPServer, ThreadingTCPServer
from typing import Self


class BackgroundServer:
    """Answers with what *handler* makes on *port*, or on a free one, inside a `with` block.

    Each connection has a thread of its own. *kind* is the server's, HTTP by default. *over* is set
    at the end of the block, so that a handler that waits can end.
    """

    def __init__(
        self,
        handler: Callable[..., BaseRequestHandler],
        port: int = 0,
        kind: type[ThreadingTCPServer | ThreadingHTTPServer] = ThreadingHTTPServer,
    ) -> None:
        self.over = threading.Event()
        self._server: TCPServer = kind(("127.0.0.1", port), handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
