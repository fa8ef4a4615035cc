"""A watcher that remembers every key, field and counter that a Redis has held."""

import json
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Self

import redis

from app.protocol import KEYS, Figure
from app.protocol.keys import CAMERA_HEARTBEAT, HEARTBEAT, Key

LOOK_EVERY_S = 0.05


@dataclass
class Seen:
    """What was seen: types and lives of keys, fields of hashes and entries, counters."""

    types: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    #: For each key, the longest life left in seconds; -1 for a key that does not expire.
    lives_s: dict[str, float] = field(default_factory=dict)
    fields: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    #: The values of each counter by the name of its program.
    counters: dict[tuple[str, str], list[Figure | dict[str, Figure]]] = field(
        default_factory=lambda: defaultdict(list)
    )


class RedisWatcher:
    """Looks at all that the server at *url* holds, again and again, until it is left."""

    def __init__(self, url: str, seen: Seen) -> None:
        self._redis: Any = redis.Redis.from_url(
            url, decode_responses=True, encoding_errors="replace"
        )
        self._seen = seen
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._frames: Any = self._redis.pubsub()  # type: ignore[no-untyped-call]
        self._frames.psubscribe("*")

    def look(self) -> None:
        """Remember all that Redis holds now."""
        while message := self._frames.get_message(ignore_subscribe_messages=True):
            self._seen.types[message["channel"]].add("channel")
            self._seen.lives_s[message["channel"]] = -1
        names = list(self._redis.scan_iter(count=1000))
        with self._redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.type(name)
                pipe.pttl(name)
            found = pipe.execute()
        for name, kind, life_ms in zip(names, found[::2], found[1::2], strict=True):
            if kind == "none":
                continue
            self._seen.types[name].add(kind)
            life_s = life_ms / 1000 if life_ms >= 0 else -1
            self._seen.lives_s[name] = max(life_s, self._seen.lives_s.get(name, -1))
            self._look_inside(name, kind)

    def _look_inside(self, name: str, kind: str) -> None:
        if kind == "hash":
            self._seen.fields[name] |= set(self._redis.hkeys(name))
        elif kind == "stream":
            for _, entry in self._redis.xrevrange(name, count=100):
                self._seen.fields[name] |= entry.keys()
        elif HEARTBEAT.matches(name) or CAMERA_HEARTBEAT.matches(name):
            for counter, value in json.loads(self._redis.get(name) or "{}")["counters"].items():
                self._seen.counters[name.split(":")[1], counter].append(value)

    def _run(self) -> None:
        while not self._over.wait(LOOK_EVERY_S):
            self.look()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._over.set()
        self._thread.join(10)
        if kind is None:
            self.look()
        self._frames.close()
        self._redis.close()


def rows_of(name: str) -> list[Key]:
    """Return the declarations that the key *name* matches."""
    return [key for key in KEYS if key.matches(name)]
