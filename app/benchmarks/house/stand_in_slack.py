"""A Slack that accepts everything at once, and records when a message came.

It answers what the notifier asks for, and checks nothing. Its own time is measured too, so that
what is left of a message's delay is ours.
"""

import itertools
import json
import threading
import time
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl

from app.benchmarks.background_server import BackgroundServer

CHANNEL = "C0BENCH001"


@dataclass(frozen=True, slots=True)
class Post:
    """A message with the *key* of its fact, which came *at_s* (wall time)."""

    key: str
    at_s: float


class StandInSlack(BackgroundServer):
    """Accepts messages and files; *posts* are the messages so far."""

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self._busy: list[tuple[float, float]] = []
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        super().__init__(partial(_SlackCall, self))
        self.url = f"http://127.0.0.1:{self.port}"

    def own_time_s(self, from_s: float, until_s: float) -> float:
        """Return for how long it was busy between two wall times."""
        with self._lock:
            spans = [(max(begin, from_s), min(end, until_s)) for begin, end in self._busy]
        return sum(max(end - begin, 0.0) for begin, end in spans)

    def call(self, method: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to a call of the Web API."""
        number = next(self._numbers)
        match method:
            case "files.getUploadURLExternal":
                return {"upload_url": f"{self.url}/upload/{number}", "file_id": f"F{number:010d}"}
            case "files.info":
                shares = {"public": {CHANNEL: [{"ts": f"{number}.0"}]}}
                mimetype = "video/mp4"
                return {"file": {"id": fields["file"], "mimetype": mimetype, "shares": shares}}
            case "chat.postMessage":
                self._record(fields)
                return {"ts": f"{time.time():.6f}", "channel": CHANNEL}
            case "conversations.history" | "conversations.replies":
                return {"messages": [{"ts": fields.get("latest", "")}], "has_more": False}
        return {}

    def was_busy(self, begin_s: float, end_s: float) -> None:
        """Record that a request took the time between two wall times."""
        with self._lock:
            self._busy.append((begin_s, end_s))

    def _record(self, fields: dict[str, Any]) -> None:
        metadata = fields.get("metadata") or "{}"
        found = json.loads(metadata) if isinstance(metadata, str) else metadata
        key = found.get("event_payload", {}).get("key", "")
        with self._lock:
            self.posts.append(Post(key, time.time()))


class _SlackCall(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, slack: StandInSlack, *args: Any) -> None:
        self._slack = slack
        super().__init__(*args)

    def do_POST(self) -> None:
        began_s = time.time()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kind, _, method = self.path.strip("/").partition("/")
        answer = {"ok": True}
        if kind == "api":
            answer |= self._slack.call(method, _fields(self.headers.get("Content-Type", ""), body))
        encoded = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)
        self._slack.was_busy(began_s, time.time())

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def _fields(content_type: str, body: bytes) -> dict[str, Any]:
    if content_type.startswith("application/json"):
        found: dict[str, Any] = json.loads(body)
        return found
    return dict(parse_qsl(body.decode()))
