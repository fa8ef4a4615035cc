"""A router's web server on loopback, and the faults that it can have.

Subclasses give its usual answers.
"""

import contextlib
import json
import socket
import ssl
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from tests.servers.certificate import Certificate

_LONGEST_S = 60.0
_DRIP_S = 0.05


@dataclass(frozen=True, slots=True)
class Phone:
    """A connected device, in a router's terms."""

    mac: str
    hostname: str = ""
    ip: str = ""
    active: bool = True


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the router."""

    method: str
    path: str
    query: dict[str, str]
    headers: Any
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        """The fields of the form in the body."""
        return dict(parse_qsl(self.body.decode()))

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies of the request."""
        pairs = [pair.strip().partition("=") for pair in self.headers.get("Cookie", "").split(";")]
        return {name: value for name, _, value in pairs if name}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the router."""

    body: bytes = b""
    status: int = 200
    kind: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


Fault = Callable[["_Handler"], None]


class RouterServer(ABC):
    """Listens on a port of its own. *phones* are connected; with *fault* its answers are wrong."""

    def __init__(self, certificate: Certificate | None = None) -> None:
        self.phones: list[Phone] = []
        self.asked: list[Request] = []
        self.fault: Fault | None = None
        self.ended = threading.Event()
        self._certificate = certificate
        self._server = _Server(self, certificate)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self.port = int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Its address."""
        return f"{'https' if self._certificate else 'http'}://127.0.0.1:{self.port}"

    def json(self, said: Any) -> bytes:
        """Return *said* as JSON in which the phones' names are not escaped, as some routers do."""
        text = json.dumps(said)
        for name in {phone.hostname for phone in self.phones if len(phone.hostname) < 100}:
            if json.dumps(name) != f'"{name}"':
                text = text.replace(json.dumps(name), f'"{name}"')
        return text.encode(errors="surrogateescape")

    @abstractmethod
    def reply(self, request: Request) -> Reply:
        """Return the usual answer to *request*."""

    def stop(self) -> None:
        """Stop listening."""
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
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
        """Print nothing: the tests let the client go away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""

    def handle(self) -> None:
        router = self.server.router
        if router.fault is deaf:
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
        if router.fault:
            router.fault(self)
        else:
            self.send(router.reply(request))
        self.close_connection = True

    def send(self, reply: Reply) -> None:
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
        """Wait, but not after the router has stopped; returns whether it still runs."""
        return not self.server.router.ended.wait(seconds)


PAGE = b"<!DOCTYPE html><html><head><title>Welcome</title></head><body>Please log in</body></html>"


def always(
    body: bytes, status: int = 200, kind: str = "application/json", *headers: tuple[str, str]
) -> Fault:
    """Return the fault of always giving this answer."""
    return lambda handler: handler.send(Reply(body, status, kind, headers))


def deaf(handler: _Handler) -> None:
    """Accepts the connection and sends nothing, not even the TLS handshake."""
    handler.wait()


def slow(handler: _Handler) -> None:
    """Never answers."""
    handler.wait()


def drips(handler: _Handler) -> None:
    """Answers one byte at a time, headers first, without end."""
    with contextlib.suppress(OSError):
        for byte in b"HTTP/1.1 200 OK\r\nX-Padding: " + b"x" * 60_000:
            handler.wfile.write(bytes([byte]))
            if not handler.wait(_DRIP_S):
                return


def drips_a_chunk_size(handler: _Handler) -> None:
    """Begins correctly, and then sends the size of a chunk one byte at a time."""
    with contextlib.suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while handler.wait(_DRIP_S):
            handler.wfile.write(b"0")


def continues(handler: _Handler) -> None:
    """Sends `100 Continue` again and again."""
    with contextlib.suppress(OSError):
        while handler.wait(_DRIP_S):
            handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def drips_its_list(handler: _Handler) -> None:
    """Begins correctly, and then continues one byte at a time, without end."""
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
    """Closes the connection without an answer."""
    handler.connection.shutdown(socket.SHUT_RDWR)


def speaks_no_http(handler: _Handler) -> None:
    """Sends something that is not HTTP."""
    handler.wfile.write(b"SSH-2.0-dropbear\r\n\r\n")


def malforms_a_header(handler: _Handler) -> None:
    """Answers correctly, but with a line among the headers that is none."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nno header\r\nContent-Length: 2\r\n\r\n[]")


#: The faults in which the client has to end the call.
SLOW_FAULTS: dict[str, Fault] = {
    "slow": slow,
    "deaf": deaf,
    "drip": drips,
    "drip in a chunk's size": drips_a_chunk_size,
    "drip after the headers": drips_its_list,
    "100 Continue": continues,
}
#: The faults of any router's web server.
FAULTS: dict[str, Fault] = {
    **SLOW_FAULTS,
    "broken off": breaks_off,
    "hung up": hangs_up,
    "not HTTP": speaks_no_http,
    "a page": always(PAGE, 200, "text/html"),
    "an error page": always(PAGE, 500, "text/html"),
    "busy": always(PAGE, 503, "text/html"),
    "empty": always(b""),
    "not a list": always(b'{"error": "busy"}'),
    "a number": always(b"7"),
    "half of JSON": always(b'[{"mac": "aa'),
    "too deep": always(b"[" * 900_000),
    "3 MiB": always(b"[" + b" " * (3 << 20) + b"]"),
    "packed": always(b"\x1f\x8b\x08\x00", 200, "application/json", ("Content-Encoding", "gzip")),
    "elsewhere": always(b"", 302, "text/html", ("Location", "/login.html")),
}
