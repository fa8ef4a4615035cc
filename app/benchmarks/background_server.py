"""The thread in which a server on loopback runs, beside a benchmark or a test."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseRequestHandler, TCPServer, ThreadingTCPServer
from typing import Self


class BackgroundServer:
    """Answers with *handler* on *port*, or on a free one, inside a `with` block.

    Each connection has a thread of its own. *over* is set at the end of the block, so that a
    handler that waits can end.
    """

    def __init__(self, handler: type[BaseRequestHandler], port: int = 0) -> None:
        is_http = issubclass(handler, BaseHTTPRequestHandler)
        kind = ThreadingHTTPServer if is_http else ThreadingTCPServer
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
