"""A router's web server on loopback, and what can be wrong with one. What it says when all is well
is for its kinds to say.
"""

import contextlib
import socket
import ssl
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from tests.servers.certificate import Certificate

_LONGEST_S = 60.0
_DRIP_S = 0.05


@dataclass(frozen=True, slots=True)
class Phone:
    """What is connected, in the words of a router."""

    mac: str
    hostname: str = ""
    ip: str = ""
    active: bool = True


@dataclass(frozen=True, slots=True)
class Request:
    """What the router was asked."""

    method: str
    path: str
    query: dict[str, str]
    headers: Any
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        """The fields of the form that was sent."""
        return dict(parse_qsl(self.body.decode()))

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that were sent."""
        pairs = [pair.strip().partition("=") for pair in self.headers.get("Cookie", "").split(";")]
        return {name: value for name, _, value in pairs if name}


@dataclass(frozen=True, slots=True)
class Reply:
    """What it answers."""

    body: bytes = b""
    status: int = 200
    kind: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


Mood = Callable[["_Handler"], None]


class RouterServer(ABC):
    """Listens on a port of its own. With *mood* it answers nothing as it should; *phones* are what
    is connected.
    """

    def __init__(self, certificate: Certificate | None = None) -> None:
        self.phones: list[Phone] = []
        self.asked: list[Request] = []
        self.mood: Mood | None = None
        self.ended = threading.Event()
        self._certificate = certificate
        self._server = _Server(self, certificate)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self.port = int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{'https' if self._certificate else 'http'}://127.0.0.1:{self.port}"

    @abstractmethod
    def reply(self, request: Request) -> Reply:
        """What it says to *request* when all is well."""

    def stop(self) -> None:
        """Be down: nobody listens any more."""
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self.ended.is_set():
            self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, router: RouterServer, certificate: Certificate | None) -> None:
        self.router = router
        self._tls: ssl.SSLContext | None = None
        if certificate:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate.path)
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self._tls:
            connection = self._tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: that the other side goes away is what is tried here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def handle(self) -> None:
        router = self.server.router
        if router.mood is deaf:
            deaf(self)
            return
        if isinstance(self.connection, ssl.SSLSocket):
            self.connection.do_handshake()
        super().handle()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        router = self.server.router
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = Request(
            self.command, parts.path, dict(parse_qsl(parts.query)), self.headers, body
        )
        router.asked.append(request)
        if router.mood:
            router.mood(self)
        else:
            self.say(router.reply(request))
        self.close_connection = True

    def say(self, reply: Reply) -> None:
        """Send *reply*."""
        self.send_response(reply.status)
        for name, value in (
            ("Content-Type", reply.kind),
            ("Content-Length", str(len(reply.body))),
            *reply.headers,
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    def wait(self, seconds: float = _LONGEST_S) -> bool:
        """Wait, but no longer than the router is there; returns whether it still is."""
        return not self.server.router.ended.wait(seconds)


PAGE = b"<!DOCTYPE html><html><head><title>Welcome</title></head><body>Please log in</body></html>"


def says(
    body: bytes, status: int = 200, kind: str = "application/json", *headers: tuple[str, str]
) -> Mood:
    """Always answers so."""
    return lambda handler: handler.say(Reply(body, status, kind, headers))


def deaf(handler: _Handler) -> None:
    """Takes the connection and says nothing, not even what TLS begins with."""
    handler.wait()


def slow(handler: _Handler) -> None:
    """Never answers."""
    handler.wait()


def drips(handler: _Handler) -> None:
    """Answers a byte at a time, headers first, for ever."""
    with contextlib.suppress(OSError):
        for byte in b"HTTP/1.1 200 OK\r\nX-Padding: " + b"x" * 60_000:
            handler.wfile.write(bytes([byte]))
            if not handler.wait(_DRIP_S):
                return


def drips_a_chunk_size(handler: _Handler) -> None:
    """Begins as it should, and then sends the size of a chunk a byte at a time."""
    with contextlib.suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while handler.wait(_DRIP_S):
            handler.wfile.write(b"0")


def continues(handler: _Handler) -> None:
    """Says again and again that it is about to answer."""
    with contextlib.suppress(OSError):
        while handler.wait(_DRIP_S):
            handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def drips_its_list(handler: _Handler) -> None:
    """Begins as it should, and then goes on a byte at a time, for ever."""
    with contextlib.suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
        while handler.wait(_DRIP_S):
            handler.wfile.write(b" ")


def breaks_off(handler: _Handler) -> None:
    """Promises more than it sends."""
    handler.wfile.write(
        b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n[{"mac": '
    )


def hangs_up(handler: _Handler) -> None:
    """Closes the connection without a word."""
    handler.connection.shutdown(socket.SHUT_RDWR)


def babbles(handler: _Handler) -> None:
    """Speaks, but no HTTP."""
    handler.wfile.write(b"SSH-2.0-dropbear\r\n\r\n")


#: All that can be wrong with any router's web server, and is over when it is.
MOODS: dict[str, Mood] = {
    "slow": slow,
    "drip": drips,
    "drip in a chunk's size": drips_a_chunk_size,
    "drip after the headers": drips_its_list,
    "100 Continue": continues,
    "deaf": deaf,
    "broken off": breaks_off,
    "hung up": hangs_up,
    "not HTTP": babbles,
    "a page": says(PAGE, 200, "text/html"),
    "an error page": says(PAGE, 500, "text/html"),
    "busy": says(PAGE, 503, "text/html"),
    "empty": says(b""),
    "not a list": says(b'{"error": "busy"}'),
    "a number": says(b"7"),
    "half of JSON": says(b'[{"mac": "aa'),
    "deeper than anybody reads": says(b"[" * 900_000),
    "3 MiB": says(b"[" + b" " * (3 << 20) + b"]"),
    "packed": says(b"\x1f\x8b\x08\x00", 200, "application/json", ("Content-Encoding", "gzip")),
    "elsewhere": says(b"", 302, "text/html", ("Location", "/login.html")),
}
