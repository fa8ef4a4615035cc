"""Keeps the steadiness of a subject in a note, so that the next run publishes nothing again."""

import logging

from app import protocol
from app.daemons.security_system.notes import Note, Notes
from app.errors import ProtocolError
from app.protocol import SteadinessRecord
from app.state.steadiness import Pace, Steadiness

_log = logging.getLogger(__name__)


class NotedSteadiness(Steadiness):
    """A `Steadiness` with its record in the note *name* of *notes*; *about* names it in the log."""

    def __init__(self, pace: Pace, notes: Notes, name: str, about: str) -> None:
        super().__init__(pace)
        self._notes = notes
        self._name = name
        self._about = about

    def open(self) -> None:
        """Take over the record of an earlier run; a damaged note is logged and ignored."""
        note = self._notes.read(self._name)
        if note is None:
            return
        try:
            self.record = protocol.decode(SteadinessRecord, note)
        except ProtocolError as error:
            _log.warning("the note about %s is ignored: %s", self._about, error)

    def note(self) -> Note:
        """Return the note for the next run; a notice is published with it."""
        return Note(self._name, protocol.encode(self.record))

    def keep(self) -> None:
        """Write the record for the next run, while there is nothing to publish."""
        self._notes.keep(*self.note())
