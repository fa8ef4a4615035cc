"""Calls to supervisord, over its unix socket."""

import http.client
import os
import re
import socket
import xmlrpc.client
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from app.errors import SuiteError, SupervisorUnavailable

SOCKET = "supervisord.sock"
TIMEOUT_S = 3.0
_SHUTTING_DOWN = 6
#: The words of its log.
_BEGAN = b" INFO supervisord started with pid "
_SPAWNED = re.compile(rb" INFO spawned: '([a-z0-9_-]+)' with pid ")


@dataclass(frozen=True, slots=True)
class ProcessInfo:
    """A program as supervisord knows it.

    *pid* is 0 and *started_at* None while it does not run. *ended_s* is the Unix time when it last
    ended, 0 for never; *exit_status* says how, and is 0 while it runs.
    """

    name: str
    state: str
    pid: int
    started_at: datetime | None
    ended_s: int
    problem: str
    exit_status: int = 0


def supervised(run_dir: Path, timeout_s: float = TIMEOUT_S) -> dict[str, ProcessInfo]:
    """Return every program of the suite in *run_dir*, by name.

    Raises `SupervisorUnavailable` when supervisord does not answer within *timeout_s*.
    """
    with supervisord_of(run_dir, timeout_s) as server:
        infos = cast(list[dict[str, Any]], server.supervisor.getAllProcessInfo())
    return {info["name"]: _process_info(info) for info in infos}


def starts_in(log: bytes) -> dict[str, int]:
    """Return how often each program was started, by *log*, the end of supervisord's log.

    Starts by an earlier supervisord do not count.
    """
    _, began, present = log.rpartition(_BEGAN)
    starts: dict[str, int] = {}
    for name in _SPAWNED.findall(present if began else log):
        starts[name.decode()] = starts.get(name.decode(), 0) + 1
    return starts


def shut_down(run_dir: Path) -> None:
    """Ask supervisord to end every program and itself; that happens after this returns."""
    with supervisord_of(run_dir) as server:
        try:
            server.supervisor.shutdown()
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != _SHUTTING_DOWN:
                raise


def _process_info(info: dict[str, Any]) -> ProcessInfo:
    pid = info["pid"]
    started_at = datetime.fromtimestamp(info["start"], UTC) if pid else None
    return ProcessInfo(
        info["name"],
        info["statename"],
        pid,
        started_at,
        info["stop"],
        info["spawnerr"],
        info["exitstatus"],
    )


@contextmanager
def supervisord_of(
    run_dir: Path, timeout_s: float = TIMEOUT_S
) -> Iterator[xmlrpc.client.ServerProxy]:
    """Yield the supervisord of the suite in *run_dir*, to call its methods.

    Raises `SupervisorUnavailable` when it does not answer, `SuiteError` when it is another user's.
    """
    try:
        folder = os.open(run_dir, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError as error:
        raise SuiteError(
            f"{run_dir} is another user's; only that user can see and stop its programs"
        ) from error
    except OSError as error:
        raise SupervisorUnavailable(f"supervisord does not run: {error}") from error
    # This path is short enough for a socket, whatever the depth of the folder.
    transport = _UnixTransport(f"/proc/self/fd/{folder}/{SOCKET}", timeout_s)
    try:
        yield xmlrpc.client.ServerProxy("http://localhost", transport=transport)
    except (OSError, http.client.HTTPException, xmlrpc.client.Error) as error:
        raise SupervisorUnavailable(f"supervisord does not answer: {error}") from error
    finally:
        transport.close()
        os.close(folder)


class _UnixTransport(xmlrpc.client.Transport):
    """XML-RPC over the unix socket at *path*, with a timeout, unlike supervisor's own."""

    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__()
        self._path = path
        self._timeout_s = timeout_s

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        if self._connection[1] is None:
            self._connection = host, _UnixConnection(self._path, self._timeout_s)
        return cast(http.client.HTTPConnection, self._connection[1])


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path
        self._timeout_s = timeout_s

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self._timeout_s)
        self.sock.connect(self._path)
