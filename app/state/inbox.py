"""Facts and requests for one reader, which waits for both in one call."""

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import redis

from app.protocol import Fact, Request
from app.state.connection import Connection, connect
from app.state.streams import BATCH, Reader, Write, rows_by_stream


class Arrivals(NamedTuple):
    """New entries of the two streams, each with its id."""

    facts: list[tuple[str, Fact]]
    requests: list[tuple[str, Request]]


class Inbox:
    """The streams of facts and requests for *reader* of *group*, on a connection of its own.

    *wait_s* is the longest wait of `new`. *timeout_s* is added to it for a server that hangs.
    *write* is as in `Reader`. Only `interrupt` may be called by another thread.
    """

    def __init__(
        self, url: str, group: str, reader: str, *, wait_s: float, timeout_s: float, write: Write
    ) -> None:
        self._connection: Connection | None = None
        self._redis = connect(url, wait_s + timeout_s, self._connected)
        self._wait_ms = round(wait_s * 1000)
        self._group = group
        self._reader = reader
        self._write = write
        self.facts = Reader(self._redis, "events", Fact, group=group, reader=reader, write=write)
        self.requests = Reader(
            self._redis, "requests", Request, group=group, reader=reader, write=write
        )

    def new(self) -> Arrivals:
        """Return entries that no reader has yet, up to 100 of each stream; wait for the first."""
        found = rows_by_stream(self._write(["events", "requests"], self._in_groups(self._ask)))
        return Arrivals(
            self.facts.records(found.get(b"events", [])),
            self.requests.records(found.get(b"requests", [])),
        )

    def interrupt(self) -> None:
        """End a wait in another thread, which gets a `StateUnavailable`."""
        if self._connection:
            self._connection.interrupt()

    def close(self) -> None:
        """Close the connection."""
        self._redis.close()

    def _connected(self, connection: Connection) -> None:
        self._connection = connection
        connection.on_connect()  # type: ignore[no-untyped-call]

    def _ask(self) -> Any:
        return self._redis.xreadgroup(
            self._group,
            self._reader,
            cast(Any, {"events": ">", "requests": ">"}),
            count=BATCH,
            block=self._wait_ms,
        )

    def _in_groups(self, ask: Callable[[], Any]) -> Callable[[], Any]:
        """Return *ask* with the groups made before it, if one is missing."""

        def ask_or_join() -> Any:
            try:
                return ask()
            except redis.ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
                self.facts.join()
                self.requests.join()
                return ask()

        return ask_or_join
