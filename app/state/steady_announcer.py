"""Announces the losses and returns of subjects: rarely, each once, and the next run knows it.

`Steadiness` decides what is announced. Its record is kept in Redis as the mark of the subject.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from app import protocol
from app.clock import Clock
from app.errors import ProtocolError
from app.protocol import SteadinessRecord
from app.state.announcer import PENDING, Announcement, Announcer
from app.state.steadiness import Notice, Pace, Steadiness
from app.state.store import State

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OldMarks:
    """The marks of earlier versions, which running houses have.

    *record* returns the steadiness in a settled mark. *describe* returns the announcement in a
    pending one. Both raise `ValueError` for what is none.
    """

    record: Callable[[str], SteadinessRecord]
    describe: Callable[[str, str], Announcement]


class SteadyAnnouncer:
    """Announces the changes of subjects on *clock*.

    *record* stores the mark of a subject in Redis. *describe* returns the announcement of a notice
    about a subject, with nothing settled. *scope* is that of `Announcer`. Methods may raise
    `StateUnavailable`; what they had to announce is announced by the next call.
    """

    def __init__(
        self,
        state: State,
        clock: Clock,
        record: Callable[[str, str], None],
        describe: Callable[[str, Notice], Announcement],
        *,
        old: OldMarks,
        scope: str = "",
    ) -> None:
        self._clock = clock
        self._record = record
        self._describe = describe
        self._old = old
        self._announcer = Announcer(state, record, self._announcement, scope)
        self._known: dict[str, Steadiness] = {}
        self._recorded_losses: dict[str, int] = {}
        self._unpublished: dict[str, str] = {}

    def knows(self, subject: str) -> bool:
        """Return whether `restore` was called for *subject*."""
        return subject in self._known

    def restore(self, subject: str, stored: str | None, pace: Pace) -> None:
        """Follow *subject* with *pace* from its mark *stored* on; announce what is pending."""
        if stored and stored.startswith(PENDING):
            try:
                stored = self._announcer.finish(subject, stored)
            except ProtocolError as error:
                _log.error("a change of %s is not announced: %s", subject, error)
                stored = None
        known = Steadiness(pace, self._record_in(subject, stored))
        self._known[subject] = known
        self._recorded_losses[subject] = known.record.losses

    def observe(self, subject: str, is_down: bool, since: datetime | None = None) -> None:
        """Record that *subject* is down or not, *since* then; announce what follows from it."""
        if subject in self._unpublished:
            self._publish(subject)
        known = self._known[subject]
        notice = known.observe(is_down, self._clock.now(), self._clock.monotonic(), since)
        if notice:
            announcement = self._settling(self._describe(subject, notice), known.record)
            self._unpublished[subject] = _AS_JSON.dump_json(announcement).decode()
            self._publish(subject)
        elif known.record.losses != self._recorded_losses[subject]:
            self.renew(subject)

    def renew(self, subject: str) -> None:
        """Write the mark of *subject* again."""
        record = self._known[subject].record
        self._record(subject, protocol.encode(record))
        self._recorded_losses[subject] = record.losses

    def pause(self) -> None:
        """Let no time count until the next observation of each subject."""
        for known in self._known.values():
            known.pause()

    def _publish(self, subject: str) -> None:
        self._announcer.announce(subject, self._unpublished[subject])
        del self._unpublished[subject]
        self._recorded_losses[subject] = self._known[subject].record.losses

    def _settling(self, announcement: Announcement, record: SteadinessRecord) -> Announcement:
        return replace(announcement, settled=protocol.encode(record))

    def _announcement(self, subject: str, change: str) -> Announcement:
        """Return the announcement in the pending *change*; `ProtocolError` when there is none."""
        try:
            if change.startswith("{"):
                return _AS_JSON.validate_json(change)
            old = self._old.describe(subject, change)
            return self._settling(old, self._old.record(old.settled))
        except ValidationError as error:
            raise ProtocolError(protocol.reasons(error)) from None
        except ValueError as error:
            raise ProtocolError(str(error)) from None

    def _record_in(self, subject: str, stored: str | None) -> SteadinessRecord:
        if stored is None:
            return SteadinessRecord()
        try:
            if stored.startswith("{"):
                return protocol.decode(SteadinessRecord, stored)
            return self._old.record(stored)
        except ValueError as error:
            _log.warning("what was known of %s is ignored: %s", subject, error)
            return SteadinessRecord()


_AS_JSON = TypeAdapter(Announcement)
