"""Waits for changes of keys, whoever makes them. Redis pushes the changes, so nobody has to poll.

Redis's client tracking in broadcast mode sends the name of each changed key over the connection
that asked for it. It needs Redis 6.0, and no setting of the server.
"""

import logging
import math
import os
import select
import time
import weakref
from typing import Any

import redis

#: The time between two looks: at most, should a push be lost; and where Redis pushes nothing.
LOOK_S, POLL_S = 5.0, 0.4
#: The least time between two connections, and the time until a Redis that refuses is asked again.
RETRY_S, REFUSED_RETRY_S = 5.0, 60.0
#: The silence after which the connection is tested, and the longest wait for its answer.
SILENCE_S, ANSWER_S = 15.0, 5.0

_log = logging.getLogger(__name__)


class Changes:
    """The changes of the keys that begin with one of *prefixes*.

    One thread calls `wait` and `close`, and looks at the keys; any thread may call `wake`.
    """

    def __init__(self, server: redis.Redis, prefixes: tuple[str, ...]) -> None:
        # redis-py has no types for its connections.
        self._pool: Any = server.connection_pool
        self._connection: Any = None
        self._words = [word for prefix in _separate(prefixes) for word in ("PREFIX", prefix)]
        self._connected_s = self._heard_s = self._asked_s = self._look_at_s = 0.0
        self._connect_at_s = 0.0
        self._refusal: str | None = None
        self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        weakref.finalize(self, os.close, self._wake_fd)

    @property
    def are_pushed(self) -> bool:
        """Return whether Redis pushes the changes now; otherwise the caller polls."""
        return self._connection is not None

    def wait(self, timeout_s: float = LOOK_S, *, may_connect: bool = True) -> bool:
        """Wait for a change, the next look, `wake`, or *timeout_s*; return whether to look now.

        It is time to look after a change, after each connection, since what changed before it is
        not pushed, and after `LOOK_S`; while Redis pushes nothing, after `POLL_S`. *may_connect* is
        False while Redis is away: then the caller's own look notices its return.
        """
        until_s = time.monotonic() + timeout_s
        try:
            if self._connection is None and may_connect and time.monotonic() >= self._connect_at_s:
                self._connect()
            elif self._connection is not None:
                self._test()
            must_look = self._wait_until(min(until_s, self._look_at_s))
        except redis.RedisError as error:
            self._lost(error)
            must_look = True
        now_s = time.monotonic()
        if must_look or now_s >= self._look_at_s:
            self._look_at_s = now_s + (LOOK_S if self._connection else POLL_S)
            return True
        return False

    def wake(self) -> None:
        """End the present wait, or else the next one."""
        os.eventfd_write(self._wake_fd, 1)

    def close(self) -> None:
        """Close the connection; the next `wait` connects again."""
        connection, self._connection = self._connection, None
        if connection:
            connection.disconnect()
            self._pool.release(connection)

    def _connect(self) -> None:
        """Ask Redis to push the changes."""
        self._connected_s = self._heard_s = time.monotonic()
        self._connection = self._pool.get_connection()
        self._connection.send_command("CLIENT", "TRACKING", "ON", "BCAST", *self._words)
        self._connection.read_response()
        self._look_at_s = 0.0
        if self._refusal:
            _log.info("Redis pushes changes now")
            self._refusal = None

    def _lost(self, error: redis.RedisError) -> None:
        """Poll from now on, and plan the next connection."""
        self.close()
        if not isinstance(error, redis.ResponseError):
            self._connect_at_s = self._connected_s + RETRY_S
            return
        self._connect_at_s = time.monotonic() + REFUSED_RETRY_S
        if self._refusal != str(error):
            self._refusal = str(error)
            _log.warning(
                "Redis pushes no changes to this user, so they are polled every %g s, which costs "
                "more; the user needs the right +client|tracking: %s",
                POLL_S,
                error,
            )

    def _test(self) -> None:
        """Ask a silent connection for an answer; `redis.TimeoutError` when it gives none."""
        now_s = time.monotonic()
        if self._asked_s <= self._heard_s:
            if now_s - self._heard_s >= SILENCE_S:
                self._connection.send_command("PING")
                self._asked_s = now_s
        elif now_s - self._asked_s >= ANSWER_S:
            raise redis.TimeoutError("Redis does not answer")

    def _wait_until(self, until_s: float) -> bool:
        """Wait for a change, `wake`, or the time *until_s*; return whether there was a change."""
        poll = select.poll()
        poll.register(self._wake_fd, select.POLLIN)
        if self._connection:
            poll.register(self._connection, select.POLLIN)
        while not self._has_changed():
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                return False
            ready = poll.poll(math.ceil(left_s * 1000))
            if any(fd == self._wake_fd for fd, _ in ready):
                os.eventfd_read(self._wake_fd)
                return self._has_changed()
        return True

    def _has_changed(self) -> bool:
        """Read all that Redis has sent; return whether a change is among it."""
        has_changed = False
        while self._connection and self._connection.can_read(0):
            self._heard_s = time.monotonic()
            # Nothing but the answer to PING is no push.
            if self._connection.read_response(push_request=True) != b"PONG":
                has_changed = True
        return has_changed


def _separate(prefixes: tuple[str, ...]) -> list[str]:
    """Return *prefixes* without those that begin with another: Redis refuses them."""
    kept: list[str] = []
    for prefix in sorted(prefixes):
        if not (kept and prefix.startswith(kept[-1])):
            kept.append(prefix)
    return kept
