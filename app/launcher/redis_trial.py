"""Finds out by trial which part of a log Redis loads.

Redis is the only judge of a log: a damaged command may have the right form.
"""

import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.errors import SuiteError
from app.launcher.redis_log import Log

_LOAD_S = 300.0
_LOOK_EVERY_S = 0.02
_SOCKET_TIMEOUT_S = 2.0
_REFUSED = 1
_CRASHES = (-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGFPE, -signal.SIGILL)
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a log: its first *count* commands, and its base if *base*."""

    count: int
    base: bool


class Trial:
    """Loads logs with *server*, a Redis with *databases*, in the folder *view*."""

    def __init__(self, server: Path, view: Path, databases: int) -> None:
        self._server = server
        self._view = view
        self._databases = databases

    def largest(self, log: Log, write: Callable[[Log, Path, int, bool], None]) -> Part:
        """Return the largest part of *log* that Redis loads; *write* makes the view of a part.

        Raises `SuiteError` when Redis does not even start with an empty log: then it is not the log
        that is at fault.
        """

        def loads(count: int, *, base: bool) -> bool:
            write(log, self._view, count, base)
            return self.loads()

        if loads(log.count, base=True):
            return Part(log.count, True)
        if not loads(0, base=False):
            raise SuiteError("Redis does not start, even with an empty log")
        base = log.base is not None and loads(0, base=True)
        if not base and log.base is not None and loads(log.count, base=False):
            return Part(log.count, False)
        least, most = 0, log.count
        while least + 1 < most:
            middle = (least + most) // 2
            least, most = (middle, most) if loads(middle, base=base) else (least, middle)
        return Part(least, base)

    def loads(self) -> bool:
        """Return whether Redis loads the log in the view.

        Raises `SuiteError` when Redis is killed or takes too long.
        """
        with self._running() as (process, address):
            deadline_s = time.monotonic() + _LOAD_S
            while not _is_loaded(address):
                code = process.poll()
                if code == _REFUSED or code in _CRASHES:
                    return False
                if code is not None or time.monotonic() > deadline_s:
                    raise SuiteError(f"Redis did not finish loading its log (exit code {code})")
                time.sleep(_LOOK_EVERY_S)
        return True

    @contextmanager
    def _running(self) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
        address = self._view / "trial.sock"
        options = {
            **{"port": "0", "unixsocket": "trial.sock", "dir": str(self._view), "save": ""},
            **{"appendonly": "yes", "aof-load-truncated": "no", "appendfsync": "no"},
            **{"auto-aof-rewrite-percentage": "0", "databases": str(self._databases)},
            "loglevel": "warning",
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        process = subprocess.Popen(  # noqa: S603
            [self._server, *words],
            cwd=self._view,
            stdin=subprocess.DEVNULL,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 (this process has no threads)
        )
        try:
            yield process, address
        finally:
            process.kill()
            process.wait()
            address.unlink(missing_ok=True)


def _is_loaded(address: Path) -> bool:
    try:
        folder = os.open(address.parent, os.O_RDONLY)
    except OSError:
        return False
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(_SOCKET_TIMEOUT_S)
            # This path is short enough for a socket, whatever the depth of the folder.
            client.connect(f"/proc/self/fd/{folder}/{address.name}")
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
    except OSError:
        return False
    finally:
        os.close(folder)


def _end_with_parent() -> None:
    """Let the kernel end this process with its parent, whatever ends that."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
