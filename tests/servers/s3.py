"""An S3 on loopback (moto's server), and a proxy before it with the faults of networks."""

import http.client
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from typing import Any, Self
from urllib.parse import urlsplit

import boto3
from pydantic import SecretStr

from app.uploads.base import S3Settings
from tests.servers.http_server import LoopbackServer
from tests.servers.ports import free_port
from tests.waiting import until

KEY_ID, SECRET = "AKIATESTTESTTEST0001", "a-secret-key-that-no-log-may-show"
_HOP = ("connection", "transfer-encoding", "keep-alive", "expect")


class S3Server:
    """moto's server as a process of its own.

    With *free_calls* it checks signatures and policies after so many calls.
    """

    def __init__(self, free_calls: int | None = None) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        environment = dict(os.environ)
        if free_calls is not None:
            environment["INITIAL_NO_AUTH_ACTION_COUNT"] = str(free_calls)
        command = [sys.executable, "-m", "moto.server", "-p", str(urlsplit(self.url).port)]
        nowhere = subprocess.DEVNULL
        self._process = subprocess.Popen(command, env=environment, stdout=nowhere, stderr=nowhere)
        until(self._answers, "the S3 server answers")
        self._client = self.client()
        self._buckets = 0

    def client(self, service: str = "s3", key_id: str = KEY_ID, secret: str = SECRET) -> Any:
        """Return a boto3 client for one of its services."""
        session = boto3.session.Session()
        return session.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
        )

    def bucket(self) -> "Bucket":
        """Return a new bucket, empty."""
        self._buckets += 1
        bucket = Bucket(self, f"house-{self._buckets}", self._client)
        bucket.client.create_bucket(Bucket=bucket.name)
        return bucket

    def _answers(self) -> bool:
        assert self._process.poll() is None, "the S3 server ended"
        connection = http.client.HTTPConnection("127.0.0.1", int(urlsplit(self.url).port or 0))
        try:
            connection.request("GET", "/moto-api/")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._client.close()


class Bucket:
    """A bucket and its content."""

    def __init__(self, server: S3Server, name: str, client: Any) -> None:
        self.name = name
        self.client = client
        self._server = server

    def settings(self, endpoint_url: str | None = None) -> S3Settings:
        """Return the settings of an uploader; *endpoint_url* may be a proxy's."""
        return S3Settings(
            self.name, endpoint_url or self._server.url, "us-east-1", KEY_ID, SecretStr(SECRET)
        )

    def yaml(self, endpoint_url: str | None = None) -> str:
        """Return the same as a section of config.yml."""
        keys = f"access_key_id: {KEY_ID}, secret_access_key: {SECRET}"
        return (
            f"s3: {{bucket: {self.name}, endpoint_url: '{endpoint_url or self._server.url}', "
            f"region: us-east-1, {keys}}}\n"
        )

    def keys(self) -> list[str]:
        """Return the keys of all its objects."""
        return sorted(
            one["Key"] for one in self.client.list_objects_v2(Bucket=self.name).get("Contents", [])
        )

    def content(self, key: str) -> bytes:
        """Return the bytes under *key*."""
        with self.client.get_object(Bucket=self.name, Key=key)["Body"] as body:
            content: bytes = body.read()
        return content

    def head(self, key: str) -> dict[str, Any]:
        """Return the store's metadata of *key*."""
        head: dict[str, Any] = self.client.head_object(
            Bucket=self.name, Key=key, ChecksumMode="ENABLED"
        )
        return head


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request that the proxy has received."""

    method: str
    path: str
    headers: dict[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault for the next *times* requests with *method* for a path that contains *about*.

    With *header*, it is only for requests that have a header whose name begins so.

    With *status*, the proxy answers itself, with *code* and *headers*. With *headers* alone, the
    store's answer gets them. *cut* ends the connection after half the "request", or instead of the
    "answer". *hang* holds the answer back until the proxy is released.
    """

    method: str = "PUT"
    about: str = ""
    times: int = 1
    header: str = ""
    status: int | None = None
    code: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    cut: str = ""
    hang: bool = False


class FaultyProxy(LoopbackServer):
    """A proxy before *server* with *faults*, which keeps what it has received."""

    def __init__(self, server: S3Server) -> None:
        super().__init__(_Handler)
        self.behind = urlsplit(server.url).netloc
        self.requests: list[ReceivedRequest] = []
        self.faults: list[Fault] = []
        self._lock = threading.Lock()

    def puts(self) -> list[str]:
        """Return the paths of all PUT requests, in order."""
        return [request.path for request in self.requests if request.method == "PUT"]

    def next_fault(self, request: ReceivedRequest) -> Fault | None:
        """Return the fault for *request*, None without one."""
        with self._lock:
            for number, one in enumerate(self.faults):
                has_header = any(name.startswith(one.header) for name in request.headers)
                if one.method == request.method and one.about in request.path and has_header:
                    self.faults[number : number + 1] = (
                        [replace(one, times=one.times - 1)] if one.times > 1 else []
                    )
                    return one
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyProxy

    def do_PUT(self) -> None:
        self._do()

    def do_GET(self) -> None:
        self._do()

    def do_HEAD(self) -> None:
        self._do()

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def _do(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = ReceivedRequest(self.command, self.path, headers)
        self.server.requests.append(request)
        fault = self.server.next_fault(request) or Fault()
        length = int(headers.get("content-length", 0))
        if fault.cut == "request":
            self.rfile.read(length // 2)
            self.close_connection = True
            return
        body = self.rfile.read(length)
        if fault.hang:
            self.server.released.wait(60)
        if fault.status is not None:
            error = f"<Code>{fault.code}</Code><Message>{SECRET} was wrong</Message>"
            content = f"<?xml version='1.0'?><Error>{error}</Error>".encode()
            headers = {"content-type": "application/xml", **fault.headers}
            self._answer(fault.status, headers, content)
            return
        status, answer, content = self._forward(headers, body)
        if fault.cut == "answer":
            self.close_connection = True
            return
        self._answer(status, answer | fault.headers, content)

    def _forward(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.server.behind, timeout=30)
        try:
            connection.request(self.command, self.path, body, _end_to_end(headers.items()))
            answer = connection.getresponse()
            return answer.status, _end_to_end(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        length = {} if self.command == "HEAD" else {"content-length": str(len(content))}
        for name, value in (headers | length).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _end_to_end(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the headers that a proxy passes on, with lower-case names."""
    return {name.lower(): value for name, value in headers if name.lower() not in _HOP}


@contextmanager
def faulty_proxy(server: S3Server, *faults: Fault) -> Iterator[FaultyProxy]:
    """Run a proxy before *server* with these faults."""
    with FaultyProxy(server) as proxy:
        proxy.faults.extend(faults)
        yield proxy
