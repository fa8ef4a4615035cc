"""A Dropbox on loopback: its tokens and its uploads, with the checks of the real one and what can
go wrong there.
"""

import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs

APP_KEY, APP_SECRET = "appkey123", "app-secret-that-no-log-may-show"
REFRESH_TOKEN, CODE = "refresh-token-that-no-log-may-show", "code-from-the-page"
_PATH = re.compile(r"(/(.|[\r\n])*)|(ns:[0-9]+(/.*)?)|(id:.*)")
_BLOCK = 4 * 2**20
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server says instead of doing what it is asked."""

    status: int
    error: Any = None
    content_type: str = _JSON
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False

    @property
    def content(self) -> bytes:
        return (
            self.error.encode() if isinstance(self.error, str) else json.dumps(self.error).encode()
        )


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that is there."""

    content: bytes
    rev: int


def tagged(tag: str, **more: Any) -> dict[str, Any]:
    """An error as Dropbox words it."""
    return {"error_summary": f"{tag}/...", "error": {".tag": tag, **more}}


def unwritable(reason: str) -> Answer:
    """A path that is not written to, and why."""
    return Answer(409, tagged("path", reason={".tag": reason}, upload_session_id="x"))


class DropboxServer(ThreadingHTTPServer):
    """Knows one app and one account. What is in `answers` is said to the next uploads in their
    stead.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.files: dict[str, Kept] = {}
        self.uploads: list[str] = []
        self.answers: list[Answer] = []
        self.linked = True
        self.scopes = "files.content.write"
        self.tokens = 0
        self.let_go = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)

    @property
    def yaml(self) -> str:
        """The section of config.yml that leads here."""
        keys = f"app_key: {APP_KEY}, app_secret: {APP_SECRET}, refresh_token: {REFRESH_TOKEN}"
        return f"dropbox: {{{keys}, base_path: cameras/front, api_url: '{self.url}'}}\n"

    def expire(self) -> None:
        """Let the access token that was given last be worth nothing any more."""
        self.tokens += 1

    def token(self, asked: dict[str, str]) -> Answer:
        """What is said to somebody who asks for a token."""
        if (asked.get("client_id"), asked.get("client_secret")) != (APP_KEY, APP_SECRET):
            return Answer(400, {"error": "invalid_client: Invalid client_id or client_secret"})
        kind = asked.get("grant_type")
        if kind == "refresh_token" and self.linked and asked.get("refresh_token") == REFRESH_TOKEN:
            more = {}
        elif kind == "authorization_code" and asked.get("code") == CODE:
            more = {"refresh_token": REFRESH_TOKEN, "account_id": "dbid:1", "uid": "1"}
        else:
            return Answer(
                400,
                {
                    "error": "invalid_grant",
                    "error_description": "refresh token is invalid or revoked",
                },
            )
        self.tokens += 1
        said = {
            "access_token": f"token-{self.tokens}",
            "expires_in": 14400,
            "token_type": "bearer",
            "scope": self.scopes,
        }
        return Answer(200, said | more)

    def upload(self, asked: dict[str, Any], headers: dict[str, str], content: bytes) -> Answer:
        """What is said to an upload: a file's facts, or what is wrong."""
        path = str(asked["path"])
        if refused := self._unauthorised(headers) or self._malformed(path, headers):
            return refused
        if asked.get("content_hash") not in (None, content_hash(content)):
            return Answer(409, tagged("content_hash_mismatch"))
        kept = self.files.get(path.lower())
        if (
            kept
            and asked["mode"] != "overwrite"
            and asked["mode"] != {".tag": "overwrite"}
            and kept.content != content
        ):
            return unwritable("conflict")
        if kept is None or kept.content != content:
            self.files[path.lower()] = Kept(content, kept.rev + 1 if kept else 1)
        return Answer(200, self._facts(path))

    def _unauthorised(self, headers: dict[str, str]) -> Answer | None:
        if headers.get("authorization") != f"Bearer token-{self.tokens}":
            return Answer(401, tagged("expired_access_token"))
        if "files.content.write" not in self.scopes:
            return Answer(401, tagged("missing_scope", required_scope="files.content.write"))
        return None

    def _malformed(self, path: str, headers: dict[str, str]) -> Answer | None:
        if headers.get("content-type") != "application/octet-stream":
            return Answer(
                400,
                'Error in call to API function "files/upload": Bad HTTP "Content-Type" header',
                "text/plain",
            )
        if not _PATH.fullmatch(path):
            return Answer(
                400,
                f'Error in call to API function "files/upload": path: {path!r} did not match pattern',
                "text/plain",
            )
        return None

    def _facts(self, path: str) -> dict[str, Any]:
        kept = self.files[path.lower()]
        at = "2026-11-20T10:15:00Z"
        return {
            "name": path.rpartition("/")[2],
            "id": "id:a4ayc_80_OEAAAAAAAAAXw",
            "client_modified": at,
            "server_modified": at,
            "rev": f"{kept.rev:09x}",
            "size": len(kept.content),
            "path_lower": path.lower(),
            "path_display": path,
            "content_hash": content_hash(kept.content),
            "is_downloadable": True,
        }

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is nobody's fault."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go.set()
        self.shutdown()
        self.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: DropboxServer

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if self.path == "/oauth2/token":
            asked = {name: values[0] for name, values in parse_qs(content.decode()).items()}
            self._answer(self.server.token(asked))
        elif self.path == "/2/files/upload":
            asked = json.loads(headers["dropbox-api-arg"])
            self.server.uploads.append(asked["path"])
            answer = (
                self.server.answers.pop(0)
                if self.server.answers
                else self.server.upload(asked, headers, content)
            )
            if answer.hang:
                self.server.let_go.wait(60)
            self._answer(answer)
        else:
            self._answer(Answer(404, "no such route", "text/plain"))

    def _answer(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in {
            "Content-Type": answer.content_type,
            "Content-Length": str(len(answer.content)),
            **answer.headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.content)


def content_hash(content: bytes) -> str:
    """As Dropbox's page for developers defines it."""
    whole = hashlib.sha256()
    for start in range(0, len(content), _BLOCK):
        whole.update(hashlib.sha256(content[start : start + _BLOCK]).digest())
    return whole.hexdigest()
