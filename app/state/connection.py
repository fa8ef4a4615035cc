"""Connections to Redis with a time limit, and the failures of Redis as our own errors."""

import math
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, cast
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.errors import ForeignValue, ProtocolError, StateUnavailable

TIMEOUT_S = 5.0
#: Refusals that end with time or by an act at the server; any other is about one record, or a
#: mistake in our code. redis-py has no classes for the words in the first line, and none for the
#: others in the answer of a script by a server before 7.0.
_REFUSALS = frozenset(
    {"MISCONF", "BUSY", "UNBLOCKED", "NOREPLICAS", "NOQUORUM", "REDIRECT"}
    | {"OOM", "READONLY", "CLUSTERDOWN", "NOPERM", "TRYAGAIN"}
)
#: The classes for such refusals, from which redis-py strips the word, and for a server that does
#: not answer, or whose answer is not that of a Redis.
_AWAY = (
    redis.ConnectionError,
    redis.TimeoutError,
    redis.InvalidResponse,
    redis.exceptions.AskError,
    redis.exceptions.AuthenticationWrongNumberOfArgsError,
    redis.exceptions.ClusterCrossSlotError,
    redis.exceptions.ClusterError,
    redis.exceptions.ExecAbortError,
    redis.exceptions.NoPermissionError,
    redis.exceptions.NoScriptError,
    redis.exceptions.OutOfMemoryError,
    redis.exceptions.ReadOnlyError,
    redis.exceptions.TryAgainError,
)
_WORD = re.compile(r"[A-Z]{3,}")
# The monotonic time until which this thread waits for Redis.
_wait_until_s: ContextVar[float] = ContextVar("wait_until_s", default=math.inf)
_LEAST_WAIT_S = 0.01


class Connection(redis.connection.AbstractConnection):
    """A connection that ends every step, also of its greeting, within the time set by `within`."""

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        self._shorten_timeout()
        super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]

    def read_response(self, *args: Any, **kwargs: Any) -> Any:
        self._shorten_timeout()
        return super().read_response(*args, **kwargs)

    def fileno(self) -> int:
        """Return the descriptor of the open connection."""
        return cast(socket.socket, self._sock).fileno()

    def interrupt(self) -> None:
        """End a read in another thread, which gets a `StateUnavailable`."""
        connected = cast(socket.socket | None, self._sock)
        with suppress(OSError):
            if connected:
                # A TLS socket of Python's cannot be shut down while another thread reads from it.
                with socket.socket(fileno=os.dup(connected.fileno())) as same:
                    same.shutdown(socket.SHUT_RDWR)

    def _shorten_timeout(self) -> None:
        connected = cast(socket.socket | None, self._sock)
        if connected and self.socket_timeout:
            left_s = _wait_until_s.get() - time.monotonic()
            connected.settimeout(max(min(left_s, self.socket_timeout), _LEAST_WAIT_S))


class _Tcp(Connection, redis.Connection):
    pass


class _Tls(Connection, redis.SSLConnection):
    pass


class _Unix(Connection, redis.UnixDomainSocketConnection):
    pass


_CONNECTIONS = {"redis": _Tcp, "rediss": _Tls, "unix": _Unix}


@contextmanager
def within(patience_s: float) -> Iterator[None]:
    """Limit the wait of all calls in this context to *patience_s*, then `StateUnavailable`."""
    token = _wait_until_s.set(min(_wait_until_s.get(), time.monotonic() + patience_s))
    try:
        yield
    finally:
        _wait_until_s.reset(token)


@contextmanager
def talking() -> Iterator[None]:
    """Turn the failures of Redis into our own errors."""
    if time.monotonic() > _wait_until_s.get():
        raise StateUnavailable("Redis is too slow")
    try:
        yield
    except _AWAY as error:
        raise StateUnavailable(
            f"Redis is not reachable or not writable: {_reason(error)}"
        ) from error
    except redis.RedisError as error:
        # A server before 7.0 puts the word of a failed command in a script into the sentence.
        words = set(_WORD.findall(_reason(error)))
        if words & _REFUSALS:
            raise StateUnavailable(f"Redis refuses just now: {_reason(error)}") from error
        is_foreign = "WRONGTYPE" in words or "last possible ID" in _reason(error)
        kind = ForeignValue if is_foreign else ProtocolError
        raise kind(f"Redis says: {_reason(error)}") from error


@contextmanager
def permitted() -> Iterator[None]:
    """Turn a refusal by Redis's access rules into a `ProtocolError`."""
    try:
        yield
    except redis.exceptions.NoPermissionError as error:
        raise ProtocolError(f"Redis denies that to this user: {_reason(error)}") from error


def _reason(error: redis.RedisError) -> str:
    """Return the server's words; an error of a pipeline quotes the whole command before them."""
    return str(error).rpartition("caused error: ")[2]


def connect(
    url: str, timeout_s: float, on_connect: Callable[[Connection], None] | None = None
) -> redis.Redis:
    """Return a client of the server at *url* that never sends a command twice by itself.

    *on_connect* gets each new connection; it must call `Connection.on_connect`.
    """
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=min(timeout_s, 2.0),
        socket_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
        # Otherwise each connection reads the version of redis-py from the disk, to send it.
        driver_info=None,
        redis_connect_func=on_connect,
        connection_class=_CONNECTIONS[urlsplit(url).scheme],
    )
