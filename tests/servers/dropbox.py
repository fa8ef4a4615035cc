"""A Dropbox on loopback: tokens and uploads, with the checks and the faults of the real one."""

import hashlib
import json
import re
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs

from tests.servers.http_server import LoopbackServer

APP_KEY, APP_SECRET = "appkey123", "app-secret-that-no-log-may-show"
REFRESH_TOKEN, CODE = "refresh-token-that-no-log-may-show", "code-from-the-page"
_PATH = re.compile(r"(/(.|[\r\n])*)|(ns:[0-9]+(/.*)?)|(id:.*)")
_BLOCK = 4 * 2**20
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the server. With *hang* it comes only when the server is released."""

    status: int
    error: Any = None
    content_type: str = _JSON
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False

    @property
    def content(self) -> bytes:
        text = self.error if isinstance(self.error, str) else json.dumps(self.error)
        return text.encode()


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A stored file, and the number of its versions."""

    content: bytes
    rev: int


def tagged_error(tag: str, **more: Any) -> dict[str, Any]:
    """Return an error in Dropbox's words."""
    return {"error_summary": f"{tag}/...", "error": {".tag": tag, **more}}


def unwritable(reason: str) -> Answer:
    """Return the answer for a path that is not written to, with the *reason*."""
    return Answer(409, tagged_error("path", reason={".tag": reason}, upload_session_id="x"))


class DropboxServer(LoopbackServer):
    """A Dropbox with one app and one account. The next uploads get `answers` instead, if any."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.files: dict[str, StoredFile] = {}
        self.uploads: list[str] = []
        self.answers: list[Answer] = []
        self.linked = True
        self.scopes = "files.content.write"
        self.tokens = 0

    @property
    def yaml(self) -> str:
        """The section of config.yml for this server."""
        keys = f"app_key: {APP_KEY}, app_secret: {APP_SECRET}, refresh_token: {REFRESH_TOKEN}"
        return f"dropbox: {{{keys}, base_path: cameras/front, api_url: '{self.url}'}}\n"

    def expire(self) -> None:
        """Make the newest access token invalid."""
        self.tokens += 1

    def token(self, arguments: dict[str, str]) -> Answer:
        """Return the answer to a request for a token."""
        if (arguments.get("client_id"), arguments.get("client_secret")) != (APP_KEY, APP_SECRET):
            return Answer(400, {"error": "invalid_client: Invalid client_id or client_secret"})
        kind = arguments.get("grant_type")
        if (
            kind == "refresh_token"
            and self.linked
            and arguments.get("refresh_token") == REFRESH_TOKEN
        ):
            more = {}
        elif kind == "authorization_code" and arguments.get("code") == CODE:
            more = {"refresh_token": REFRESH_TOKEN, "account_id": "dbid:1", "uid": "1"}
        else:
            error = {
                "error": "invalid_grant",
                "error_description": "refresh token is invalid or revoked",
            }
            return Answer(400, error)
        self.tokens += 1
        answer = {
            "access_token": f"token-{self.tokens}",
            "expires_in": 14400,
            "token_type": "bearer",
            "scope": self.scopes,
        }
        return Answer(200, answer | more)

    def upload(self, arguments: dict[str, Any], headers: dict[str, str], content: bytes) -> Answer:
        """Return the answer to an upload: the file's metadata, or an error."""
        path = str(arguments["path"])
        if refusal := self._unauthorised(headers) or self._malformed(path, headers):
            return refusal
        if arguments.get("content_hash") not in (None, content_hash(content)):
            return Answer(409, tagged_error("content_hash_mismatch"))
        stored = self.files.get(path.lower())
        overwrites = arguments["mode"] in ("overwrite", {".tag": "overwrite"})
        if stored and not overwrites and stored.content != content:
            return unwritable("conflict")
        if stored is None or stored.content != content:
            self.files[path.lower()] = StoredFile(content, stored.rev + 1 if stored else 1)
        return Answer(200, self._metadata(path))

    def _unauthorised(self, headers: dict[str, str]) -> Answer | None:
        if headers.get("authorization") != f"Bearer token-{self.tokens}":
            return Answer(401, tagged_error("expired_access_token"))
        if "files.content.write" not in self.scopes:
            return Answer(401, tagged_error("missing_scope", required_scope="files.content.write"))
        return None

    def _malformed(self, path: str, headers: dict[str, str]) -> Answer | None:
        error = 'Error in call to API function "files/upload": '
        if headers.get("content-type") != "application/octet-stream":
            return Answer(400, f'{error}Bad HTTP "Content-Type" header', "text/plain")
        if not _PATH.fullmatch(path):
            return Answer(400, f"{error}path: {path!r} did not match pattern", "text/plain")
        return None

    def _metadata(self, path: str) -> dict[str, Any]:
        stored = self.files[path.lower()]
        at = "2026-11-20T10:15:00Z"
        return {
            "name": path.rpartition("/")[2],
            "id": "id:a4ayc_80_OEAAAAAAAAAXw",
            "client_modified": at,
            "server_modified": at,
            "rev": f"{stored.rev:09x}",
            "size": len(stored.content),
            "path_lower": path.lower(),
            "path_display": path,
            "content_hash": content_hash(stored.content),
            "is_downloadable": True,
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: DropboxServer

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if self.path == "/oauth2/token":
            arguments = {name: values[0] for name, values in parse_qs(content.decode()).items()}
            self._answer(self.server.token(arguments))
        elif self.path == "/2/files/upload":
            arguments = json.loads(headers["dropbox-api-arg"])
            self.server.uploads.append(arguments["path"])
            answers = self.server.answers
            answer = answers.pop(0) if answers else self.server.upload(arguments, headers, content)
            if answer.hang:
                self.server.released.wait(60)
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
    """Return the hash that Dropbox's page for developers defines."""
    whole = hashlib.sha256()
    for start in range(0, len(content), _BLOCK):
        whole.update(hashlib.sha256(content[start : start + _BLOCK]).digest())
    return whole.hexdigest()
