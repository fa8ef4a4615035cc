"""Announces changes, each exactly once, even if the program is killed in between.

A change is first recorded as pending, then published as a fact, then recorded as settled. The
fact's id follows from the record: after a kill the same fact is published again, and is on the
stream only once.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import AwareDatetime

from app import protocol
from app.protocol import Fact, FactKind
from app.state.store import State

#: A stored value with this beginning is a change that may not have been published yet. Running
#: houses have it in Redis.
PENDING = "to tell: "

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Announcement:
    """The fact to publish about a change, and *settled*, the value that is recorded afterwards."""

    kind: FactKind
    at: AwareDatetime
    text: str
    settled: str = ""
    camera: str | None = None


class Announcer:
    """Announces the changes of some subjects. Its methods may raise `StateUnavailable`.

    *record* stores the value of a subject in Redis. *describe* turns a subject and its change into
    an `Announcement`. *scope* makes ids differ where several programs have a subject with the same
    name.
    """

    def __init__(
        self,
        state: State,
        record: Callable[[str, str], None],
        describe: Callable[[str, str], Announcement],
        scope: str = "",
    ) -> None:
        self._state = state
        self._record = record
        self._describe = describe
        self._scope = scope

    def announce(self, subject: str, change: str) -> None:
        """Record *change* of *subject* as pending, and publish it."""
        pending = f"{PENDING}{change}"
        self._record(subject, pending)
        self.finish(subject, pending)

    def finish(self, subject: str, stored: str) -> str:
        """Publish the change in *stored* if it is pending; returns the settled value."""
        if not stored.startswith(PENDING):
            return stored
        announcement = self._describe(subject, stored.removeprefix(PENDING))
        _log.warning("%s", announcement.text)
        self._state.publish(
            Fact(
                protocol.derived_fact_id(announcement.at, f"{self._scope}{subject} {stored}"),
                announcement.kind,
                announcement.at,
                announcement.text,
                announcement.camera,
            )
        )
        self._record(subject, announcement.settled)
        return announcement.settled
