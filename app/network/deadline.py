"""A deadline for a whole call to another machine, whichever library makes the call.

The libraries count their time limits for each read. A service that sends one byte a second held
the delivery of alerts for minutes. A `Deadline` covers everything in its block: each address of the
host, the TLS handshake, the headers, the body, redirects, and retries by the library. Only the
search for the addresses of a host name is not covered: the system's resolver has limits of its own.

Python reports every connection of a socket to audit hooks. So a block knows the sockets that its
thread connects, also below slack_sdk, requests, Apprise or boto3. When the time is up they are shut
down, which ends a read or a write at once, and no more may be connected.
"""

import contextlib
import os
import socket
import sys
import threading
from types import TracebackType
from typing import Any, Self

#: The time for a call that sends and receives little.
CALL_S = 20.0
#: The slowest upload that is waited for.
SLOWEST_BYTES_PER_S = 20_000
#: A socket that was about to be connected when the time was up is shut down after this time.
_AGAIN_S = 0.2


def upload_s(size_bytes: int) -> float:
    """Return the time for a call that sends *size_bytes*."""
    return CALL_S + size_bytes / SLOWEST_BYTES_PER_S


class Deadline:
    """Ends every call in its block after *seconds*, by a `TimeoutError` after the block.

    A connection that is kept open for the next call must be opened and used within deadlines of the
    same thread; one that was opened before is passed as *connected*. Never talk to Redis in the
    block: its connection would be shut down too.
    """

    def __init__(self, seconds: float, connected: socket.socket | None = None) -> None:
        self.passed = False
        self._seconds = seconds
        self._connected = connected
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="deadline", daemon=True)
        self._sockets: set[_Socket] = set()

    def __enter__(self) -> Self:
        _install_hook()
        self._sockets = _thread.sockets
        self._sockets -= {known for known in self._sockets if not _is_open(known)}
        if self._connected:
            self._sockets.add(_identity(self._connected))
        _thread.deadlines.append(self)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _thread.deadlines.remove(self)
        self._over.set()
        self._thread.join()
        if self.passed and (error is None or isinstance(error, Exception)):
            raise TimeoutError(f"no complete answer within {self._seconds:g} s") from None

    def _watch(self) -> None:
        """Wait, in a thread of its own, for the end of the block; end the calls when it is late."""
        wait_s = self._seconds
        while not self._over.wait(wait_s):
            self.passed = True
            for known in tuple(self._sockets):
                _shut_down(known)
            wait_s = _AGAIN_S


#: The number of an open file, and its inode, which no other socket ever has: numbers are used
#: again, and TLS puts a connected socket into another object.
_Socket = tuple[int, int]


class _Thread(threading.local):
    """The deadlines of this thread that are not over, and the sockets that it has connected."""

    def __init__(self) -> None:
        self.deadlines: list[Deadline] = []
        self.sockets: set[_Socket] = set()


_thread = _Thread()
_hook_lock = threading.Lock()
_hooks: list[object] = []


def _install_hook() -> None:
    """Begin to listen for connections, once in each process: a hook stays until its end."""
    with _hook_lock:
        if not _hooks:
            sys.addaudithook(_on_audit)
            _hooks.append(_on_audit)


def _on_audit(event: str, args: tuple[Any, ...]) -> None:
    if event != "socket.connect" or not _thread.deadlines:
        return
    if any(deadline.passed for deadline in _thread.deadlines):
        raise TimeoutError("the time for this call is over")
    _thread.sockets.add(_identity(args[0]))


def _identity(sock: socket.socket) -> _Socket:
    return sock.fileno(), os.fstat(sock.fileno()).st_ino


def _is_open(known: _Socket) -> bool:
    number, inode = known
    try:
        return os.fstat(number).st_ino == inode
    except OSError:
        return False


def _shut_down(known: _Socket) -> None:
    """Shut the socket *known* down if it is still open; its owner may close it at any time."""
    number, inode = known
    with contextlib.suppress(OSError):
        duplicate = socket.socket(fileno=os.dup(number))
        try:
            if os.fstat(duplicate.fileno()).st_ino == inode:
                duplicate.shutdown(socket.SHUT_RDWR)
        finally:
            duplicate.close()
