"""Streams, read by groups of readers."""

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, cast

import redis

from app import protocol
from app.errors import ProtocolError
from app.protocol import AnyRecord

_log = logging.getLogger(__name__)

#: The age at which a reader takes over an entry from a reader that has died.
TAKE_OVER_AFTER_MS = 60_000
#: Entries of a stream that are read at once.
BATCH = 100

Entries = list[tuple[bytes, dict[bytes, bytes]]]
#: Calls a function that writes the given keys, and returns its answer.
Write = Callable[[Iterable[str], Callable[[], Any]], Any]


class Reader(Generic[AnyRecord]):
    """One reader of a *group* that shares a stream of *kind*.

    Each entry belongs to one reader until that reader acknowledges it. *write* calls a function,
    after it has set aside what is no stream.
    """

    def __init__(
        self,
        server: redis.Redis,
        stream: str,
        kind: type[AnyRecord],
        *,
        group: str,
        reader: str,
        write: Write,
    ) -> None:
        self._redis = server
        self._write = write
        self._stream = stream
        self._kind = kind
        self._group = group
        self._reader = reader

    def unfinished(self, after: str = "0") -> list[tuple[str, AnyRecord]]:
        """Return entries that this reader has not acknowledged, and those of readers that died.

        At most the 100 oldest after the entry *after* are returned.
        """

        def ask() -> Entries:
            self._redis.xautoclaim(
                self._stream,
                self._group,
                self._reader,
                TAKE_OVER_AFTER_MS,
                after,
                count=BATCH,
                justid=True,
            )
            return self._read(after, None)

        return self._batch(ask)

    def all_unfinished(self) -> Iterator[tuple[str, AnyRecord]]:
        """Yield all of `unfinished`, the oldest first."""
        after = "0"
        while found := self.unfinished(after):
            yield from found
            after = found[-1][0]

    def new(self, wait_s: float) -> list[tuple[str, AnyRecord]]:
        """Return entries that no reader has yet; wait up to *wait_s*, at most 3 s, for one."""
        return self._batch(lambda: self._read(">", round(wait_s * 1000)))

    def acknowledge(self, *entries: str) -> None:
        """Acknowledge *entries*: the group is done with them."""
        self._write([self._stream], lambda: self._redis.xack(self._stream, self._group, *entries))

    def leave(self) -> None:
        """Take the group off the stream, which then keeps nothing for it."""

        def destroy() -> None:
            try:
                self._redis.xgroup_destroy(self._stream, self._group)
            except redis.ResponseError as error:
                if "key to exist" not in str(error):
                    raise

        self._write([self._stream], destroy)

    def _read(self, start: str, block_ms: int | None) -> Entries:
        found = cast(
            Any,
            self._redis.xreadgroup(
                self._group,
                self._reader,
                {self._stream: start},
                count=BATCH,
                block=block_ms or None,
            ),
        )
        return [entry for rows in rows_by_stream(found).values() for entry in rows]

    def join(self) -> None:
        """Make the group; another reader may do that at the same moment."""
        try:
            self._redis.xgroup_create(self._stream, self._group, id="0", mkstream=True)
        except redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    def records(self, entries: Entries) -> list[tuple[str, AnyRecord]]:
        """Return the readable *entries*; the others are acknowledged."""
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

    def _in_group(self, ask: Callable[[], Entries]) -> Entries:
        def ask_or_join() -> Entries:
            try:
                return ask()
            except redis.ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
                self.join()
                return ask()

        return cast(Entries, self._write([self._stream], ask_or_join))

    def _batch(self, ask: Callable[[], Entries]) -> list[tuple[str, AnyRecord]]:
        """Return the readable entries that *ask* finds; only the last batch is empty."""
        while True:
            entries = self._in_group(ask)
            records = self.records(entries)
            if records or len(entries) < BATCH:
                return records


def rows_by_stream(found: Any) -> dict[bytes, Entries]:
    """Return the entries of each stream in *found*, the answer to XREADGROUP."""
    streams = found.items() if isinstance(found, dict) else found or []
    entries: dict[bytes, Entries] = {}
    for stream, rows in streams:
        entries[stream] = list(rows)
    return entries


def decoded(kind: type[AnyRecord], raw: bytes | None, stream: str) -> AnyRecord | None:
    try:
        if raw is None:
            raise ProtocolError(f"an entry without a {kind.__name__.lower()}")
        return protocol.decode(kind, raw)
    except ProtocolError as error:
        _log.warning("dropped from the stream %s: %s", stream, error)
        return None


def is_before(one: str, other: str) -> bool:
    """Return whether the entry *one* of a stream is older than the entry *other*."""
    return _parts(one) < _parts(other)


def _parts(entry: str) -> tuple[int, int]:
    milliseconds, _, number = entry.partition("-")
    return int(milliseconds), int(number)
