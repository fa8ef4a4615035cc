"""Streams, read by groups of readers."""

import logging
from collections.abc import Callable, Iterator
from typing import Any, Generic, cast

import redis

from app import protocol
from app.errors import ProtocolError
from app.protocol import AnyRecord
from app.state.connection import talking

_log = logging.getLogger(__name__)

#: How long a fact may lie with a reader that has died before another takes it over.
TAKE_OVER_AFTER_MS = 60_000
#: How many entries of a stream are read at once.
_BATCH = 100


class Reader(Generic[AnyRecord]):
    """One of a group of readers that share a stream of *kind* among them; each entry is somebody's
    until it is acknowledged.
    """

    def __init__(
        self, server: redis.Redis, stream: str, kind: type[AnyRecord], group: str, reader: str
    ) -> None:
        self._redis = server
        self._stream = stream
        self._kind = kind
        self._group = group
        self._reader = reader

    def unfinished(self, after: str = "0") -> list[tuple[str, AnyRecord]]:
        """What this reader was given and has not acknowledged, and what a reader that died has
        left: the oldest 100 *after* an entry.
        """

        def ask() -> list[tuple[bytes, dict[bytes, bytes]]]:
            self._redis.xautoclaim(
                self._stream,
                self._group,
                self._reader,
                TAKE_OVER_AFTER_MS,
                after,
                count=_BATCH,
                justid=True,
            )
            return self._read(after, None)

        return self._batch(ask)

    def all_unfinished(self) -> Iterator[tuple[str, AnyRecord]]:
        """All of `unfinished`, oldest first."""
        after = "0"
        while found := self.unfinished(after):
            yield from found
            after = found[-1][0]

    def new(self, wait_s: float) -> list[tuple[str, AnyRecord]]:
        """What nobody has been given yet, after at most *wait_s* (up to 4) seconds of waiting for
        it.
        """
        return self._batch(lambda: self._read(">", round(wait_s * 1000)))

    def acknowledge(self, entry: str) -> None:
        """The *entry* needs no more care."""
        with talking():
            self._redis.xack(self._stream, self._group, entry)

    def _read(self, start: str, block_ms: int | None) -> list[tuple[bytes, dict[bytes, bytes]]]:
        found = cast(
            Any,
            self._redis.xreadgroup(
                self._group,
                self._reader,
                {self._stream: start},
                count=_BATCH,
                block=block_ms or None,
            ),
        )
        streams = found.items() if isinstance(found, dict) else found or []
        entries: list[tuple[bytes, dict[bytes, bytes]]] = []
        for _, rows in streams:
            entries.extend(rows)
        return entries

    def _in_group(
        self, ask: Callable[[], list[tuple[bytes, dict[bytes, bytes]]]]
    ) -> list[tuple[bytes, dict[bytes, bytes]]]:
        with talking():
            try:
                return ask()
            except redis.ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
                self._redis.xgroup_create(self._stream, self._group, id="0", mkstream=True)
                return ask()

    def _batch(
        self, ask: Callable[[], list[tuple[bytes, dict[bytes, bytes]]]]
    ) -> list[tuple[str, AnyRecord]]:
        """What *ask* finds, without what cannot be read; only the last batch is empty."""
        while True:
            entries = self._in_group(ask)
            records = self._records(entries)
            if records or len(entries) < _BATCH:
                return records

    def _records(
        self, entries: list[tuple[bytes, dict[bytes, bytes]]]
    ) -> list[tuple[str, AnyRecord]]:
        records = []
        for name, stored in entries:
            record = decoded(
                self._kind, (stored or {}).get(self._kind.__name__.lower().encode()), self._stream
            )
            if record is None:
                self.acknowledge(name.decode())
            else:
                records.append((name.decode(), record))
        return records


def decoded(kind: type[AnyRecord], raw: bytes | None, stream: str) -> AnyRecord | None:
    try:
        if raw is None:
            raise ProtocolError(f"an entry without a {kind.__name__.lower()}")
        return protocol.decode(kind, raw)
    except ProtocolError as error:
        _log.warning("dropped from the stream %s: %s", stream, error)
        return None
