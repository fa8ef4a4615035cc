"""What waits for Redis: facts in their order, on disk as soon as they happen, until it is certain
that Redis has them.

Redis syncs its log to disk once a second, so what it has taken in the last moments can be lost with
the power. A fact therefore stays here for `SETTLE_S` after it was handed over, and is handed over
again if Redis goes away meanwhile; `State.publish` makes the second time harmless.
"""

import fcntl
import json
import logging
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from app import protocol
from app.errors import WorldError
from app.files import remove_unfinished, write_atomic
from app.protocol import EventRecord, Fact

SETTLE_S = 3.0
#: How many pictures are kept in memory when the disk takes none.
PICTURES_IN_MEMORY = 20

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Waiting:
    """A fact on its way to Redis. *path* is its file, None when the disk did not take it."""

    fact: Fact
    record: EventRecord | None
    snapshot: bytes | None
    path: Path | None


class Spool:
    """The facts of one camera that Redis may not have yet, kept in *folder*. One thread uses it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._waiting: deque[Waiting] = deque()
        self._settling: deque[tuple[float, Waiting]] = deque()
        self._next_number = 0
        self._lock: IO[str] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def lock(self) -> None:
        """Keep others out of the folder while this one runs; `WorldError` when somebody is in
        it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = (self.folder / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.unlock()
            raise WorldError(
                f"another program uses {self.folder} already: is this camera's security system "
                "running twice?"
            ) from None

    def unlock(self) -> None:
        """Let others in."""
        if self._lock:
            self._lock.close()
            self._lock = None

    def load(self) -> list[Waiting]:
        """Take up what an earlier run has left, and return it."""
        remove_unfinished(self.folder)
        for path in sorted(self.folder.glob("*.json")):
            self._next_number = int(path.stem) + 1 if path.stem.isdecimal() else self._next_number
            waiting = _read(path)
            if waiting:
                self._waiting.append(waiting)
        return list(self._waiting)

    def add(self, fact: Fact, record: EventRecord | None, snapshot: bytes | None) -> None:
        """Put *fact* at the end. A disk that takes nothing is an `OSError`, and the fact waits in
        memory.
        """
        waiting = Waiting(fact, record, snapshot, None)
        self._waiting.append(waiting)
        path = self.folder / f"{self._next_number:010d}.json"
        self._next_number += 1
        try:
            write_atomic(path, _written(waiting).encode())
        except OSError:
            self._forget_old_pictures()
            raise
        waiting.path = path

    def first(self) -> Waiting | None:
        """What is to be handed over next."""
        return self._waiting[0] if self._waiting else None

    def handed_over(self, now_s: float) -> None:
        """Redis has taken the first one, at *now_s* of a monotonic clock."""
        self._settling.append((now_s, self._waiting.popleft()))

    def redis_went_away(self) -> None:
        """What was handed over only just now must be handed over again, before the rest."""
        while self._settling:
            self._waiting.appendleft(self._settling.pop()[1])

    def settle(self, now_s: float) -> None:
        """Forget what Redis has had for long enough. An `OSError` when a file cannot be removed,
        which does no harm.
        """
        while self._settling and now_s - self._settling[0][0] >= SETTLE_S:
            path = self._settling[0][1].path
            if path:
                path.unlink(missing_ok=True)
            self._settling.popleft()

    def _forget_old_pictures(self) -> None:
        in_memory = [
            waiting for waiting in self._waiting if waiting.path is None and waiting.snapshot
        ]
        for waiting in in_memory[:-PICTURES_IN_MEMORY]:
            waiting.snapshot = None


def _written(waiting: Waiting) -> str:
    record = protocol.encode_event(waiting.record) if waiting.record else None
    return json.dumps({"fact": protocol.encode(waiting.fact), "record": record})


def _read(path: Path) -> Waiting | None:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        record = protocol.decode_event(stored["record"]) if stored["record"] else None
        return Waiting(protocol.decode(Fact, stored["fact"]), record, None, path)
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.error("%s is not a waiting fact and is left alone: %s", path, error)
        return None
