"""What a program has told the house."""

import json
from typing import Any

import redis


def facts(raw: redis.Redis, kind: str | None = None) -> list[dict[str, Any]]:
    """The facts on the stream, of one *kind* if that is given, oldest first."""
    entries: Any = raw.xrange("events")
    told = [json.loads(stored[b"fact"]) for _, stored in entries]
    return [one for one in told if kind in (None, one["kind"])]
