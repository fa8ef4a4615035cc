"""A server on loopback that answers one byte at a time, without end."""

import contextlib
import socket
import threading
import time
from typing import Self

_PARTS = {
    "status": b"HTTP/1.1 200 " + b"O" * 10_000,
    "headers": b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 10_000,
    "continue": b"HTTP/1.1 100 Continue\r\n\r\n" * 1000,
    "body": b'HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n{"ok": "' + b"x" * 8000,
    "body without length": b'HTTP/1.0 200 OK\r\n\r\n{"ok": "' + b"x" * 8000,
    "chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 8000,
    "greeting": b"220-" + b"x" * 8000,
    "handshake": b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb" + b"x" * 8000,
}
#: The parts of an answer by HTTP that may come slowly.
HTTP_PARTS = tuple(_PARTS)[:-2]


class DripServer:
    """Sends the *slow* part of an answer byte by byte, one every *every_s*, and the rest at once.

    After *good* whole answers, which are JSON, on connections that stay open.
    """

    def __init__(self, slow: str = "headers", every_s: float = 0.05, good: int = 0) -> None:
        self.connections = 0
        self._answer = _PARTS[slow]
        self._every_s = every_s
        self._good = good
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._begin(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _begin(self, serve: object, *args: object) -> None:
        thread = threading.Thread(target=serve, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                self._begin(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        client.settimeout(0.1)
        with client, contextlib.suppress(OSError):
            while self._good:
                if self._heard(client):
                    self._good -= 1
                    body = b'{"ok": true}'
                    client.sendall(
                        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
                    )
            if not self._answer.startswith(b"220"):
                while not self._heard(client):
                    pass
            for place in range(len(self._answer)):
                if self._over.wait(self._every_s):
                    return
                client.sendall(self._answer[place : place + 1])

    def _heard(self, client: socket.socket) -> bool:
        """Return whether something arrived; a client that hung up is an `OSError`."""
        try:
            arrived = client.recv(65536)
        except TimeoutError:
            if self._over.is_set():
                raise ConnectionAbortedError from None
            return False
        if not arrived:
            raise ConnectionAbortedError
        time.sleep(0.01)
        return True
