"""The heartbeats of the programs, and the marks about them."""

from collections.abc import Iterable
from typing import cast

from app import protocol
from app.protocol import Heartbeat
from app.state import scripts
from app.state.base_state import BaseState
from app.state.connection import TIMEOUT_S, talking
from app.state.views import read_heartbeats, word_of


class HeartbeatState(BaseState):
    """The part of the state about the programs."""

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        super().__init__(url, timeout_s)
        self._store_heartbeat = self._redis.register_script(scripts.HEARTBEAT)

    def send_heartbeat(self, key: str, heartbeat: Heartbeat) -> None:
        """Store the heartbeat of a program under *key*."""
        self.exchange_heartbeat(key, heartbeat, key)

    def exchange_heartbeat(self, key: str, heartbeat: Heartbeat, other: str) -> Heartbeat | None:
        """Store the heartbeat of a program under *key*, and return the one under *other*.

        All in one round trip. Returns None when there is no other heartbeat.
        """
        keys = [key, "heartbeats", "heartbeats_since", *([other] if other != key else [])]
        words: list[str | int] = [protocol.encode(heartbeat), protocol.HEARTBEAT_LIFE_S]
        raw = self._write(
            keys[1:3], lambda: cast(bytes | None, self._store_heartbeat(keys=keys, args=words))
        )
        return read_heartbeats(self._foreign, {other: raw}).get(other) if raw else None

    def heartbeats(self) -> dict[str, Heartbeat]:
        """Return all heartbeats by their keys; any other value is logged and left out."""
        found = self._foreign.read(
            "heartbeats", lambda: cast(set[bytes], self._redis.smembers("heartbeats"))
        )
        keys = sorted(filter(protocol.is_heartbeat_key, map(word_of, found or ())))
        if not keys:
            return {}
        with talking():
            raws = cast(list[bytes | None], self._redis.mget(keys))
        return read_heartbeats(
            self._foreign,
            {key: raw for key, raw in zip(keys, raws, strict=True) if raw is not None},
        )

    def heartbeat_ages_s(self, keys: Iterable[str]) -> dict[str, float]:
        """Return the age in seconds of each heartbeat in *keys* that exists."""
        names = list(keys)
        with talking(), self._redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.pttl(name)
            left_ms = cast(list[int], pipe.execute())
        return {
            name: protocol.HEARTBEAT_LIFE_S - left / 1000
            for name, left in zip(names, left_ms, strict=True)
            if left >= 0
        }

    def heartbeat_marks(self) -> dict[str, str]:
        """Return the mark of each heartbeat that was ever sent."""
        marks = self._hash("hearts")
        return {key: mark for key, mark in marks.items() if protocol.is_heartbeat_key(key)}

    def mark_heartbeat(self, key: str, mark: str) -> None:
        """Write the *mark* of the heartbeat *key*."""
        self._write(["hearts"], lambda: self._redis.hset("hearts", key, mark))
