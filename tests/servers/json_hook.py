"""A JSON hook on loopback: the service of Apprise's json:// URLs."""

import base64
import json
from collections import deque
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any

from app.benchmarks.background_server import BackgroundServer

_LOGIN = base64.b64encode(b"anna:hush-hush").decode()


@dataclass(frozen=True, slots=True)
class Received:
    """A message: its text, and each file with its name, type and content."""

    title: str
    message: str
    type: str
    files: tuple[tuple[str, str, bytes], ...]


class JsonHook(BackgroundServer):
    """Accepts messages with the user and password of its URL, and keeps them in *received*.

    *statuses* are its next answers in place of 200; a message answered with 5xx is accepted all
    the same. While it *hangs*, it does not answer until it is closed. Unless it *takes_files*, it
    refuses messages with files.
    """

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.statuses: deque[int] = deque()
        self.hangs = False
        self.takes_files = True
        super().__init__(partial(_HookCall, self))

    def url(self, path: str = "hooks/secret-path", password: str = "hush-hush") -> str:  # noqa: S107 (no real one)
        """Return the URL for Apprise."""
        return f"json://anna:{password}@127.0.0.1:{self.port}/{path}"

    def take(self, body: dict[str, Any]) -> None:
        files = tuple(
            (one["filename"], one["mimetype"], base64.b64decode(one["base64"]))
            for one in body["attachments"]
        )
        self.received.append(Received(body["title"], body["message"], body["type"], files))


class _HookCall(BaseHTTPRequestHandler):
    def __init__(self, hook: JsonHook, *args: Any) -> None:
        self._hook = hook
        super().__init__(*args)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self._hook.hangs:
            self._hook.over.wait()
            return
        status = self._hook.statuses.popleft() if self._hook.statuses else 200
        if self.headers.get("Authorization") != f"Basic {_LOGIN}":
            status = 401
        elif body["attachments"] and not self._hook.takes_files:
            status = 413
        elif status == 200 or status >= 500:
            self._hook.take(body)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
