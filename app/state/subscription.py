"""Messages that are published on channels, as they come; only a subscriber gets them."""

import time
from typing import Any, cast

import redis

from app.errors import ProtocolError, StateUnavailable
from app.state.connection import talking


class Subscription:
    """A subscription to *channels*, at least one, with a connection of its own; for one thread.

    It misses nothing from the moment when it is made. *patience_s* is the longest time in seconds
    for a message that has begun to arrive. When Redis goes away, `read` raises `StateUnavailable`;
    the next `read` connects and subscribes again, and what was published in between is lost.
    """

    def __init__(self, server: redis.Redis, channels: tuple[str, ...], patience_s: float) -> None:
        self._server = cast(Any, server)
        self._channels = tuple(dict.fromkeys(channels))
        self._patience_s = patience_s
        self._pubsub: Any = None
        self._subscribe()

    def read(self, timeout_s: float) -> tuple[str, bytes] | None:
        """Return the channel and the data of the next message; None after *timeout_s* seconds."""
        until_s = time.monotonic() + timeout_s
        if self._pubsub is None:
            self._subscribe()
        try:
            while (message := self._next(until_s - time.monotonic())) is not None:
                if message["type"] == "message":
                    return message["channel"].decode(), message["data"]
        except (StateUnavailable, ProtocolError):
            self.close()
            raise
        return None

    def close(self) -> None:
        """End the subscription."""
        pubsub, self._pubsub = self._pubsub, None
        if pubsub:
            pubsub.close()

    def _subscribe(self) -> None:
        self._pubsub = self._server.pubsub()
        try:
            with talking():
                self._pubsub.subscribe(*self._channels)
                self._await_confirmations()
        except (StateUnavailable, ProtocolError):
            self.close()
            raise

    def _await_confirmations(self) -> None:
        confirmed = 0
        while confirmed < len(self._channels):
            message = self._next(self._patience_s)
            if message is None:
                raise redis.TimeoutError("no confirmation of the subscription")
            confirmed += message["type"] == "subscribe"

    def _next(self, wait_s: float) -> dict[str, Any] | None:
        """Return the next message or confirmation; None when none begins in *wait_s* seconds."""
        with talking():
            if not self._pubsub.connection.can_read(max(wait_s, 0.0)):
                return None
            found = self._pubsub.get_message(timeout=self._patience_s)
        return cast(dict[str, Any], found or {"type": "none"})
