"""A server on loopback for one file, which cuts, lies and stalls as a test says."""

import hashlib
import re
from http.server import BaseHTTPRequestHandler
from typing import Literal

from app.people.published import PublishedFile
from tests.servers.http_server import LoopbackServer

Fault = Literal[
    "cut",
    "end",
    "gone",
    "html",
    "long",
    "no range",
    "other range",
    "pointer",
    "refuse",
    "silent",
    "stall",
    "unavailable",
    "wrong",
]
#: The bytes of the body that arrive before a cut or a stall.
PART = 65_536
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 3659407\n"
PAGE = b"<!DOCTYPE html><title>Please log in</title>"


class FileServer(LoopbackServer):
    """Serves *content* with ranges. Each request takes the next of *faults*; then all is well.

    *asked* has the range of each request, or None.
    """

    def __init__(self, content: bytes, *faults: Fault) -> None:
        super().__init__(_Handler)
        self.content = content
        self.faults = list(faults)
        self.asked: list[str | None] = []

    def published(self, *others: str, sized: bool = True) -> PublishedFile:
        """Return the file as if this server were its address, before *others*."""
        digest = hashlib.sha256(self.content).hexdigest()
        size = len(self.content) if sized else None
        return PublishedFile("model.onnx", (f"{self.url}/model.onnx", *others), size, digest)


class _Handler(BaseHTTPRequestHandler):
    server: FileServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        fault = self.server.faults.pop(0) if self.server.faults else None
        content, start = self.server.content, int(re.sub(r"\D", "", asked)) if asked else 0
        if fault == "html":
            self._send(200, PAGE, ("Content-Type", "text/html; charset=utf-8"))
        elif fault == "pointer":
            self._send(200, POINTER)
        elif fault == "gone":
            self._send(404, b"404: Not Found")
        elif fault == "unavailable":
            self._send(503, b"")
        elif fault == "silent":
            self.server.released.wait(60)
            self.close_connection = True
        elif fault == "refuse":
            self.close_connection = True
        elif fault == "wrong":
            self._send_part(content[::-1], start)
        elif fault == "long":
            self._send(200, content + b"more")
        elif fault == "other range":
            self._send_part(content, start + 10 if asked else 0)
        elif fault == "no range" or not asked:
            self._send(200, content, fault=fault)
        elif start >= len(content):
            self._send(416, b"", ("Content-Range", f"bytes */{len(content)}"))
        else:
            self._send_part(content, start, fault)

    def _send_part(self, content: bytes, start: int, fault: Fault | None = None) -> None:
        total = len(content)
        header = ("Content-Range", f"bytes {start}-{total - 1}/{total}")
        self._send(206 if start else 200, content[start:], header, fault=fault)

    def _send(
        self, status: int, body: bytes, *headers: tuple[str, str], fault: Fault | None = None
    ) -> None:
        self.send_response(status)
        if fault != "end":  # without a length, the end of the connection is the end of the body
            self.send_header("Content-Length", str(len(body)))
        for header in headers:
            self.send_header(*header)
        self.end_headers()
        short = fault in {"cut", "stall", "end"}
        self.wfile.write(body[:PART] if short else body)
        self.wfile.flush()
        if fault == "stall":
            self.server.released.wait(60)
        self.close_connection = short

    def log_message(self, *_: object) -> None:
        """Write nothing."""
