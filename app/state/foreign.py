"""Values under our keys that other programs or people have put there.

A value that cannot be read counts as missing, and is logged once. A value of another type under a
key that is to be written is set aside: it is renamed and kept for a week, and reported to the owner
once a day. So one wrong value never stops everything behind it.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar, cast

import redis

from app import protocol
from app.errors import ForeignValue, ProtocolError
from app.protocol import AnyRecord, Fact
from app.state import scripts
from app.state.connection import talking

#: The number of keys whose wrong values are remembered, so that each is logged once.
_REMEMBERED = 1000

_log = logging.getLogger(__name__)

Answer = TypeVar("Answer")


class Foreign:
    """The foreign values in the Redis of *server*. Any thread may use it."""

    def __init__(self, server: redis.Redis) -> None:
        self._set_aside = server.register_script(scripts.SET_ASIDE)
        self._logged: dict[str, str] = {}

    def ignored(self, key: str, why: object) -> None:
        """Log that the value of *key* is ignored; the same reason is logged once."""
        if self._logged.get(key) == str(why):
            return
        if len(self._logged) >= _REMEMBERED:
            self._logged.clear()
        self._logged[key] = str(why)
        _log.warning("%s in Redis is ignored: %s", key, why)

    def read(self, key: str, ask: Callable[[], Answer]) -> Answer | None:
        """Return the answer of *ask*; None when the value of *key* has a foreign type."""
        try:
            with talking():
                return ask()
        except ForeignValue as error:
            self.ignored(key, error)
            return None

    def decoded(self, key: str, kind: type[AnyRecord], raw: bytes | str | None) -> AnyRecord | None:
        """Return the record in *raw*, the value of *key*; None when there is none."""
        if raw is None:
            return None
        try:
            return protocol.decode(kind, raw)
        except ProtocolError as error:
            self.ignored(key, error)
            return None

    def write(self, keys: Iterable[str], ask: Callable[[], Answer]) -> tuple[Answer, list[str]]:
        """Return the answer of *ask*, which writes *keys*, and the keys that were set aside first.

        Raises `ForeignValue` when that is no cure. When nothing was set aside, another program has
        just done it.
        """
        try:
            with talking():
                return ask(), []
        except ForeignValue:
            moved = self.set_aside(keys)
        with talking():
            return ask(), moved

    def set_aside(self, keys: Iterable[str]) -> list[str]:
        """Rename each of our *keys* that has a foreign type; returns those that were renamed."""
        moved = []
        for key in keys:
            row = next((row for row in protocol.KEYS if row.matches(key)), None)
            if row is None:
                continue
            aside = protocol.set_aside_key(key)
            with talking():
                found = cast(
                    bytes | None,
                    self._set_aside(keys=[key, aside], args=[row.type, protocol.SET_ASIDE_LIFE_S]),
                )
            if found:
                _log.error(
                    "%s in Redis was a %s and not a %s, so something else writes there. It is kept "
                    "as %s for a week.",
                    *(key, found.decode(), row.type, aside),
                )
                moved.append(key)
        return moved


def report_of(key: str, now: datetime) -> Fact:
    """Return the fact that *key* was set aside: one a day for all keys of its row."""
    row = next(row for row in protocol.KEYS if row.matches(key))
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return Fact(
        protocol.derived_fact_id(day, f"set aside {row.name}"),
        "redis_trouble",
        now,
        f"Another program or a person has overwritten {key} in Redis. The foreign value was moved "
        f"to {protocol.set_aside_key(key)}, and everything continues. What was there before is "
        "lost. Give the suite a Redis of its own (redis.url).",
    )


def report_of_dropped(now: datetime) -> Fact:
    """Return the fact that facts were dropped: one a day while that lasts."""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return Fact(
        protocol.derived_fact_id(day, "facts dropped"),
        "redis_trouble",
        now,
        f"Since {now.astimezone():%H:%M} more events wait for delivery than Redis has room for. "
        "Some are dropped: ends of events first, and alerts last, the oldest first. The recordings "
        "stay on the cameras' disks. scripts/status.sh shows why alerts are not delivered.",
    )
