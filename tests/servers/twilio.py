"""A Twilio on loopback: accepts texts, fetches their pictures and clips, and reports outcomes.

It can fail in all the ways of `tests.servers.tricks.Trick`. It checks what Twilio documents, and is
strict where Twilio documents nothing.
"""

import base64
import itertools
import json
import re
import socket
import struct
import threading
import urllib.request
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.error import URLError
from urllib.parse import parse_qs, urlencode, urlsplit

from app.benchmarks.background_server import BackgroundServer
from tests.servers.tricks import Trick

ACCOUNT = "AC0123456789abcdef0123456789abcdef"
TOKEN = "0123456789abcdef-stand-in"  # noqa: S105 (no real one)
FROM = "+15005550006"
OWNER = "+15005550010"
#: A message with all its media is smaller than this.
MEDIA_MAX = 5_000_000
_FIT = ("image/jpeg", "image/png", "image/gif", "video/mp4", "video/3gpp")
_STATUSES = {20003: 401, 20404: 404}


@dataclass(slots=True)
class Sms:
    """A text that was accepted. *media* are the fetched files: content type and bytes."""

    sid: str
    to: str
    sender: str
    body: str
    media: list[tuple[str, bytes]] = field(default_factory=list)
    outcome: str = "delivered"
    error: int | None = None
    looks: int = 0
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


class TwilioError(Exception):
    """A call is refused with one of Twilio's error numbers."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class TwilioServer(BackgroundServer):
    """One account. *texts* were accepted; *refused* are phone numbers that get an error number."""

    def __init__(self, port: int = 0) -> None:
        self.texts: list[Sms] = []
        self.refused: dict[str, int] = {}
        self.numbers = {FROM}
        self.token = TOKEN
        self.trial = False
        self.away = False
        #: The most texts on a page of the list.
        self.page_size = 1000
        #: How often a text is queued when it is asked for, before its outcome is known.
        self.undecided = 1
        #: The error numbers of the next texts, which get lost; other texts are delivered.
        self.losses: deque[int] = deque()
        self.calls: list[str] = []
        self._tricks: deque[Trick] = deque()
        self._always: Trick | None = None
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        super().__init__(partial(_TwilioCall, self), port)

    @property
    def url(self) -> str:
        """The value of `twilio.api_url` for this Twilio."""
        return f"http://127.0.0.1:{self.port}"

    def trick(self, *tricks: Trick) -> None:
        """Fail so for the next texts."""
        self._tricks.extend(tricks)

    def always(self, trick: Trick | None) -> None:
        """Fail so in every call that has no trick of its own; None ends that."""
        self._always = trick

    def arrived(self, to: str = OWNER) -> list[Sms]:
        """Return the texts that a person has received."""
        with self._lock:
            return [text for text in self.texts if text.to == to and text.outcome == "delivered"]

    def take_trick(self, method: str) -> Trick | None:
        """Return the failure of this call, None for a success."""
        return self._tricks.popleft() if method == "POST" and self._tricks else self._always

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than the server lives."""
        self.over.wait(seconds)

    def create(self, form: dict[str, list[str]]) -> dict[str, Any]:
        """Accept a text."""
        to, body, media = (
            form.get("To", [""])[0],
            form.get("Body", [""])[0],
            form.get("MediaUrl", []),
        )
        sender = form.get("From", form.get("MessagingServiceSid", [""]))[0]
        self._check(to, sender, body, media)
        prefix = "Sent from your Twilio trial account - " if self.trial else ""
        text = Sms(f"SM{next(self._numbers):032x}", to, sender, prefix + body)
        self._fetch(text, media)
        if self.losses and not text.error:
            text.outcome, text.error = "undelivered", self.losses.popleft()
        with self._lock:
            self.texts.append(text)
        return self._shown(text)

    def fetch(self, sid: str) -> dict[str, Any]:
        """Return the text *sid* with its outcome."""
        text = next((one for one in self.texts if one.sid == sid), None)
        if text is None:
            raise TwilioError(20404, "The requested resource was not found")
        text.looks += 1
        return self._shown(text)

    def newest(self, query: dict[str, list[str]]) -> dict[str, Any]:
        """Return a page of the texts, the newest first."""
        found = [text for text in reversed(self.texts) if query.get("To", [text.to])[0] == text.to]
        size, page = (
            min(int(query.get("PageSize", ["50"])[0]), self.page_size),
            int(query.get("Page", ["0"])[0]),
        )
        shown, left = found[page * size :][:size], found[(page + 1) * size :]
        more = urlencode(
            {
                "PageSize": size,
                "Page": page + 1,
                **{name: value[0] for name, value in query.items() if name == "To"},
            }
        )
        after = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json?{more}" if left else None
        return {
            "messages": [self._shown(text) for text in shown],
            "page": page,
            "page_size": size,
            "next_page_uri": after,
        }

    def _check(self, to: str, sender: str, body: str, media: list[str]) -> None:
        if not re.fullmatch(r"\+[1-9][0-9]{6,14}", to):
            raise TwilioError(21211, f"The 'To' number {to} is not a valid phone number.")
        if not sender:
            raise TwilioError(21603, "A 'From' phone number is required.")
        if sender not in self.numbers:
            raise TwilioError(
                21659,
                f"'From' {sender} is not a Twilio phone number or Short Code country mismatch",
            )
        if to in self.refused:
            raise TwilioError(self.refused[to], f"{to} cannot be texted.")
        if not body and not media:
            raise TwilioError(21602, "Message body is required.")
        if len(body) > 1600:
            raise TwilioError(
                21617, "The concatenated message body exceeds the 1600 character limit."
            )
        if len(media) > 10:
            raise TwilioError(21623, "Number of media files exceeds allowed limit.")
        if any(urlsplit(url).scheme not in ("http", "https") for url in media):
            raise TwilioError(21620, "Invalid media URL(s).")

    def _fetch(self, text: Sms, media: list[str]) -> None:
        """Fetch *media* as Twilio does: after it has accepted the text, and without a login."""
        for url in media:
            try:
                with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 (checked)
                    content, kind = answer.read(), answer.headers.get_content_type()
            except (URLError, OSError):
                text.outcome, text.error = "failed", 11200
                continue
            text.media.append((kind, content))
            if kind not in _FIT:
                text.outcome, text.error = "failed", 12300
        if sum(len(content) for _, content in text.media) + len(text.body) >= MEDIA_MAX:
            text.outcome, text.error = "failed", 11751

    def _shown(self, text: Sms) -> dict[str, Any]:
        decided = text.looks > self.undecided
        return {
            "sid": text.sid,
            "account_sid": ACCOUNT,
            "to": text.to,
            "from": text.sender,
            "body": text.body,
            "status": text.outcome if decided else "queued",
            "error_code": text.error if decided else None,
            "num_media": str(len(text.media)),
            "date_created": format_datetime(text.at),
            "date_sent": None,
            "direction": "outbound-api",
        }


class _TwilioCall(BaseHTTPRequestHandler):
    def __init__(self, twilio: TwilioServer, *args: Any) -> None:
        self._twilio = twilio
        super().__init__(*args)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        trick = self._twilio.take_trick(self.command)
        if self._twilio.away or (trick and not trick.after):
            self._play(trick or Trick(reset=True))
            return
        status, answer = self._answered(body)
        if trick:
            self._play(trick)
        else:
            self._send(status, answer)

    do_GET = do_POST

    def _answered(self, body: str) -> tuple[int, dict[str, Any]]:
        try:
            return (201 if self.command == "POST" else 200), self._done(body)
        except TwilioError as error:
            status = _STATUSES.get(error.code, 400)
            more = f"https://www.twilio.com/docs/errors/{error.code}"
            return status, {
                "code": error.code,
                "message": str(error),
                "more_info": more,
                "status": status,
            }

    def _done(self, body: str) -> dict[str, Any]:
        split = urlsplit(self.path)
        basic = base64.b64encode(f"{ACCOUNT}:{self._twilio.token}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {basic}":
            raise TwilioError(20003, "Authenticate")
        base = f"/2010-04-01/Accounts/{ACCOUNT}/Messages"
        self._twilio.calls.append(f"{self.command} {split.path.removeprefix(base)}")
        if self.command == "POST" and split.path == f"{base}.json":
            if self.headers.get_content_type() != "application/x-www-form-urlencoded":
                raise TwilioError(20001, "a form is expected")
            return self._twilio.create(parse_qs(body, strict_parsing=True))
        if split.path == f"{base}.json":
            return self._twilio.newest(parse_qs(split.query))
        if found := re.fullmatch(rf"{base}/(SM[0-9a-f]{{32}})\.json", split.path):
            return self._twilio.fetch(found[1])
        raise TwilioError(20404, "The requested resource was not found")

    def _play(self, trick: Trick) -> None:
        self._twilio.pause(trick.hang_s)
        if trick.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
        elif trick.error:
            link = "https://bucket.example.org/a.jpg?X-Amz-Signature=0a1b"
            text = f"error {trick.error} of {OWNER} with {link}"
            self._send(400, {"code": int(trick.error), "message": text, "status": 400})
        else:
            self._send(
                trick.status,
                {"code": 20429} if trick.status == 429 else None,
                trick.retry_after_s,
            )

    def finish(self) -> None:
        if self.connection.fileno() >= 0:
            super().finish()

    def _send(
        self, status: int, answer: dict[str, Any] | None, retry_after_s: int | None = None
    ) -> None:
        body = json.dumps(answer).encode() if answer is not None else b"<html>in trouble</html>"
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if answer is not None else "text/html")
        self.send_header("Content-Length", str(len(body)))
        if retry_after_s is not None:
            self.send_header("Retry-After", str(retry_after_s))
        self.end_headers()
        self.wfile.write(body)
