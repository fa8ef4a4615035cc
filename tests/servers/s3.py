"""An S3 on loopback, moto's server, and a proxy before it that misbehaves as networks and stores
do.
"""

import http.client
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import boto3
from pydantic import SecretStr

from app.uploads.base import S3Settings
from tests.servers.ports import free_port
from tests.waiting import until

KEY_ID, SECRET = "AKIATESTTESTTEST0001", "a-secret-key-that-no-log-may-show"
_HOP = ("connection", "transfer-encoding", "keep-alive", "expect")


class S3Server:
    """moto's server as a process of its own. With *free_calls* it checks signatures and policies
    after so many calls.
    """

    def __init__(self, free_calls: int | None = None) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        more = {} if free_calls is None else {"INITIAL_NO_AUTH_ACTION_COUNT": str(free_calls)}
        command = [sys.executable, "-m", "moto.server", "-p", str(urlsplit(self.url).port)]
        nowhere = subprocess.DEVNULL
        self._process = subprocess.Popen(
            command, env={**os.environ, **more}, stdout=nowhere, stderr=nowhere
        )
        until(self._answers, "the S3 server answers")
        self._client = self.client()
        self._buckets = 0

    def client(self, service: str = "s3", key_id: str = KEY_ID, secret: str = SECRET) -> Any:
        """A boto3 client for one of its services."""
        session = boto3.session.Session()
        return session.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
        )

    def bucket(self) -> "Bucket":
        """A new bucket, empty."""
        self._buckets += 1
        bucket = Bucket(self, f"house-{self._buckets}", self._client)
        bucket.client.create_bucket(Bucket=bucket.name)
        return bucket

    def _answers(self) -> bool:
        assert self._process.poll() is None, "the S3 server ended"
        line = http.client.HTTPConnection("127.0.0.1", int(urlsplit(self.url).port or 0))
        try:
            line.request("GET", "/moto-api/")
            return line.getresponse().status == 200
        except OSError:
            return False
        finally:
            line.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._client.close()


class Bucket:
    """A bucket, and what is in it."""

    def __init__(self, server: S3Server, name: str, client: Any) -> None:
        self.name = name
        self.client = client
        self._server = server

    def settings(self, endpoint_url: str | None = None) -> S3Settings:
        """What an uploader is configured with; *endpoint_url* may be a proxy's."""
        return S3Settings(
            self.name, endpoint_url or self._server.url, "us-east-1", KEY_ID, SecretStr(SECRET)
        )

    def yaml(self, endpoint_url: str | None = None) -> str:
        """The same as a section of config.yml."""
        keys = f"access_key_id: {KEY_ID}, secret_access_key: {SECRET}"
        return (
            f"s3: {{bucket: {self.name}, endpoint_url: '{endpoint_url or self._server.url}', "
            f"region: us-east-1, {keys}}}\n"
        )

    def keys(self) -> list[str]:
        """The keys of all that is in it."""
        return sorted(
            one["Key"] for one in self.client.list_objects_v2(Bucket=self.name).get("Contents", [])
        )

    def content(self, key: str) -> bytes:
        """What is under *key*."""
        with self.client.get_object(Bucket=self.name, Key=key)["Body"] as body:
            content: bytes = body.read()
        return content

    def facts(self, key: str) -> dict[str, Any]:
        """What the store says of *key*."""
        facts: dict[str, Any] = self.client.head_object(
            Bucket=self.name, Key=key, ChecksumMode="ENABLED"
        )
        return facts


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that came to the proxy."""

    method: str
    path: str
    headers: dict[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Mischief:
    """What the proxy does to a request with *method* for a path that contains *about*, *times*
    times over.

    *status* with *body* is answered in the store's stead, with *headers*; with *headers* alone the
    store's answer gets them. *cut* ends the connection: after half the "request", or instead of the
    "answer". *hang* answers only when let go.
    """

    method: str = "PUT"
    about: str = ""
    times: int = 1
    status: int | None = None
    code: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    cut: str = ""
    hang: bool = False


class CrookedProxy(ThreadingHTTPServer):
    """A proxy before *server* that does *mischief*, and notes what was asked."""

    daemon_threads = True

    def __init__(self, server: S3Server) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = urlsplit(server.url).netloc
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.asked: list[Asked] = []
        self.mischief: list[Mischief] = []
        self.let_go = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)

    def puts(self) -> list[str]:
        """The paths of what was put, in their order."""
        return [asked.path for asked in self.asked if asked.method == "PUT"]

    def take(self, method: str, path: str) -> Mischief | None:
        """What to do to this request."""
        with self._lock:
            for number, one in enumerate(self.mischief):
                if one.method == method and one.about in path:
                    self.mischief[number : number + 1] = (
                        [replace(one, times=one.times - 1)] if one.times > 1 else []
                    )
                    return one
        return None

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
    server: CrookedProxy

    def do_PUT(self) -> None:
        self._do()

    def do_GET(self) -> None:
        self._do()

    def do_HEAD(self) -> None:
        self._do()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _do(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append(Asked(self.command, self.path, headers))
        mischief = self.server.take(self.command, self.path) or Mischief()
        length = int(headers.get("content-length", 0))
        if mischief.cut == "request":
            self.rfile.read(length // 2)
            self.close_connection = True
            return
        body = self.rfile.read(length)
        if mischief.hang:
            self.server.let_go.wait(60)
        if mischief.status is not None:
            said = f"<?xml version='1.0'?><Error><Code>{mischief.code}</Code><Message>{SECRET} was wrong</Message></Error>".encode()
            self._answer(
                mischief.status, {"content-type": "application/xml", **mischief.headers}, said
            )
            return
        status, answer, content = self._ask(headers, body)
        if mischief.cut == "answer":
            self.close_connection = True
            return
        self._answer(status, answer | mischief.headers, content)

    def _ask(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        line = http.client.HTTPConnection(self.server.behind, timeout=30)
        try:
            line.request(
                self.command,
                self.path,
                body,
                {name: value for name, value in headers.items() if name not in _HOP},
            )
            answer = line.getresponse()
            return (
                answer.status,
                {
                    name.lower(): value
                    for name, value in answer.getheaders()
                    if name.lower() not in _HOP
                },
                answer.read(),
            )
        finally:
            line.close()

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        length = {} if self.command == "HEAD" else {"content-length": str(len(content))}
        for name, value in (headers | length).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


@contextmanager
def crooked(server: S3Server, *mischief: Mischief) -> Iterator[CrookedProxy]:
    """A proxy before *server* with *mischief* in mind."""
    with CrookedProxy(server) as proxy:
        proxy.mischief.extend(mischief)
        yield proxy


def written(path: Path, content: bytes) -> Path:
    """A file with *content*."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
