"""A real Redis of a test's own."""

import contextlib
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

import psutil
import redis

from app.launcher.redis_server import find_redis_server

_START_S = 60.0
#: The options of a server that never has a child, which would write a log.
_PLAIN = ["--appendonly", "no"]


class RedisServer:
    """A Redis server on a unix socket in *folder*, whose path must be short: a socket's may have
    107 bytes.

    With *appendonly* every write is on disk before it is answered, so that what was written is
    there again after `kill` and `start`; without it every start is with an empty memory. *options*
    are more for its command line.
    """

    def __init__(self, folder: Path, *options: str, appendonly: bool = False) -> None:
        self.folder = folder
        self._socket = folder / "redis.sock"
        self._log = folder / "redis.log"
        durable = ["--appendonly", "yes", "--appendfsync", "always"] if appendonly else _PLAIN
        self._options = [*durable, *options]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What `redis.url` is set to for this server."""
        return f"unix://{self._socket}"

    @property
    def pid(self) -> int:
        """The process that runs now."""
        return self._running().pid

    def start(self) -> None:
        """Start, and return when it answers."""
        if self._process is not None:
            raise RuntimeError("it runs already")
        command: list[str | Path] = [
            find_redis_server(),
            "--port",
            "0",
            "--unixsocket",
            self._socket,
            "--dir",
            self.folder,
            "--save",
            "",
        ]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([*command, *self._options], stdout=log, stderr=log)
        deadline = time.monotonic() + _START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"the Redis server did not start:\n{self._log.read_text()}")
            time.sleep(0.005)

    def settle(self) -> None:
        """Let it be one that has got heartbeats for long, so that one that is missing was not sent.

        Its user is the default one, without a password.
        """
        with redis.Redis.from_url(self.url) as client:
            client.set("heartbeats_since", "1")

    def log(self) -> bytes:
        """What it has appended to its log of changes."""
        files = sorted(self.folder.rglob("*.aof"))
        return b"".join(file.read_bytes() for file in files)

    def kill(self) -> None:
        """End it as a power cut does (SIGKILL), with its children: one may be writing a log."""
        server = psutil.Process(self._running().pid)
        children = server.children() if self._options != _PLAIN else []
        for process in (server, *children):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._gone()
        psutil.wait_procs(children, _START_S)

    def stop(self) -> None:
        """End it gently (SIGTERM)."""
        self._running().terminate()
        self._gone()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("it does not run")
        return self._process

    def _gone(self) -> None:
        self._running().wait(_START_S)
        self._process = None

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as line:
            line.settimeout(_START_S)
            line.connect(os.fspath(self._socket))
            line.sendall(b"PING\r\n")
            return line.recv(16).startswith(b"+PONG")
        return False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.kill()
