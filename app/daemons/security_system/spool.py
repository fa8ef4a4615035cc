"""The facts that wait for Redis: in order, and on disk until Redis certainly has them.

Redis syncs its log to disk once a second. So a power cut can lose what Redis accepted in the last
moments. A fact therefore stays here for `SETTLE_S` after it was published, and is published again
if Redis is lost meanwhile. `State.publish` makes the second time harmless.
"""

import fcntl
import json
import logging
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from app import protocol
from app.daemons.security_system.notes import Note
from app.errors import WorldError
from app.files import put_in_place, remove_unfinished, write_atomic
from app.protocol import EventRecord, Fact
from app.recording.event_folder import SnapshotPair

SETTLE_S = 3.0
#: The folder for facts that Redis refuses because of their own content.
REFUSED = "refused"
#: The number of publications that keep their pictures in memory when the disk accepts none.
PICTURES_IN_MEMORY = 20

#: The errors of a text that is no publication.
BROKEN = (ValueError, KeyError, TypeError, RecursionError)
#: The names of facts; the folder has notes of other parts too.
_FACTS = "[0-9]" * 10 + ".json"

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Publication:
    """A fact on its way to Redis, with the *record* and *pictures* of its event, if it has one.

    The fact is written to disk at once, and *news* is logged then. It goes to Redis when it is
    *complete*: *drawn* is set, which means that *pictures* and *after* are known, and so are all
    events in *after*. When that takes too long, it goes without them. *spent* is a file to remove
    as soon as the fact is on disk; if it stayed, another run would publish the fact again. *path*
    is the fact's file in the spool, None while there is none. *pictures* is None again when the
    pictures are in the event's folder. The *note* says that the fact is published. It is in the
    same file as the fact, so a kill between two writes cannot make the next run publish the fact
    again.
    """

    fact: Fact
    record: EventRecord | None = None
    pictures: SnapshotPair | None = None
    spent: Path | None = None
    after: tuple[threading.Event, ...] = ()
    drawn: threading.Event | None = None
    news: str = ""
    complete: bool = True
    path: Path | None = None
    note: Note | None = None


class Spool:
    """The publications of one camera that Redis may not have, kept in *folder*.

    One thread calls `add`, and another hands over and settles.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._waiting: deque[Publication] = deque()
        self._settling: deque[tuple[float, Publication]] = deque()
        self._next_number = 0
        self._lock: IO[str] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def lock(self) -> None:
        """Lock the folder against other programs; `WorldError` when another program uses it."""
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
        """Unlock the folder for other programs."""
        if self._lock:
            self._lock.close()
            self._lock = None

    def load(self) -> list[Publication]:
        """Take over the facts that an earlier run has left, and return them."""
        self._keep_whole()
        remove_unfinished(self.folder)
        for path in sorted(self.folder.glob(_FACTS)):
            self._next_number = int(path.stem) + 1
            publication = _read(path)
            if publication:
                self._waiting.append(publication)
        return list(self._waiting)

    def add(self, publication: Publication) -> None:
        """Put *publication* at the end.

        Raises `OSError` when the disk refuses it; the fact then waits in memory.
        """
        self._waiting.append(publication)
        path = self.folder / f"{self._next_number:010d}.json"
        self._next_number += 1
        try:
            write_atomic(path, encoded(publication).encode())
        except OSError:
            self._forget_old_pictures()
            raise
        publication.path = path

    def first(self) -> Publication | None:
        """Return the next publication for Redis; None when there is none, or it is incomplete."""
        return self._waiting[0] if self._waiting and self._waiting[0].complete else None

    def handed_over(self, now_s: float) -> None:
        """Record that Redis has the first publication since *now_s*, of a monotonic clock."""
        self._settling.append((now_s, self._waiting.popleft()))

    def refuse(self) -> Path:
        """Take the first publication away, and return the file that keeps it.

        `OSError` when the disk refuses that file; the publication then stays where it is.
        """
        publication = self._waiting[0]
        kept = self.folder / REFUSED / f"{publication.fact.id}.json"
        kept.parent.mkdir(exist_ok=True)
        if publication.path:
            publication.path.replace(kept)
        else:
            write_atomic(kept, encoded(publication).encode())
        self._waiting.popleft()
        return kept

    def redis_went_away(self) -> None:
        """Put the publications of the last moments back in front of the others."""
        while self._settling:
            self._waiting.appendleft(self._settling.pop()[1])

    def settle(self, now_s: float) -> None:
        """Remove the publications that Redis has had for `SETTLE_S`.

        `OSError` when a file cannot be removed, which does no harm.
        """
        while self._settling and now_s - self._settling[0][0] >= SETTLE_S:
            path = self._settling[0][1].path
            if path:
                path.unlink(missing_ok=True)
            self._settling.popleft()

    def _keep_whole(self) -> None:
        """Keep the facts that a killed program had written, but not yet renamed."""
        for unfinished in self.folder.glob(".*.json.part"):
            with suppress(OSError, *BROKEN):
                decoded(unfinished.read_text(encoding="utf-8"))
                put_in_place(unfinished, self.folder / unfinished.name[1 : -len(".part")])

    def _forget_old_pictures(self) -> None:
        in_memory = [one for one in tuple(self._waiting) if one.path is None and one.pictures]
        for publication in in_memory[:-PICTURES_IN_MEMORY]:
            publication.pictures = None


def encoded(publication: Publication) -> str:
    """Return the fact, the record and the note of *publication* as JSON."""
    record = protocol.encode_event(publication.record) if publication.record else None
    stored = {"fact": protocol.encode(publication.fact), "record": record}
    return json.dumps(stored | ({"note": publication.note} if publication.note else {}))


def decoded(stored: str) -> Publication:
    """Return the publication that `encoded` made *stored* of; one of `BROKEN` when it did not."""
    found = json.loads(stored)
    record = protocol.decode_event(found["record"]) if found["record"] else None
    note = _note(*found["note"]) if found.get("note") else None
    return Publication(protocol.decode(Fact, found["fact"]), record, note=note)


def _note(name: str, text: str) -> Note:
    """Return a note that was stored; `ValueError` when its name is no name of a file."""
    if Path(name).name != name or not isinstance(text, str):
        raise ValueError(f"{name!r} is no name of a note")
    return Note(name, text)


def _read(path: Path) -> Publication | None:
    try:
        return replace(decoded(path.read_text(encoding="utf-8")), path=path)
    except (OSError, *BROKEN) as error:
        _log.error("%s is not a waiting fact and is left as it is: %s", path, error)
        return None
