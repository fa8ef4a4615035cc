"""Reads the facts that programs have published."""

import json
from typing import Any

import redis


def facts(raw: redis.Redis, kind: str | None = None) -> list[dict[str, Any]]:
    """Return the facts on the stream, of one *kind* if it is given, oldest first."""
    entries: Any = raw.xrange("events")
    found = [json.loads(stored[b"fact"]) for _, stored in entries]
    return [one for one in found if kind in (None, one["kind"])]
