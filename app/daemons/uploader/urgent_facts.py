"""Waits for facts about events whose files are urgent, since messages with links to them are sent.

A thread of its own waits until Redis pushes a change of the stream. Redis keeps facts for this
program only while it wants them.
"""

from collections.abc import Callable

from app import protocol
from app.errors import StateUnavailable
from app.state import State
from app.worker import Worker

#: The longest wait for a change.
WAIT_S = 15.0


class UrgentFacts:
    """The facts in the Redis at *url* for *program*. *hurry* gets the id of each event.

    The uploader of every machine gets every fact, since no fact says whose disk has the files.
    """

    def __init__(self, url: str, program: str, hurry: Callable[[str], None]) -> None:
        self._state = State(url)
        self._changes = self._state.changes("events")
        self._facts = self._state.facts(f"{program}-{protocol.host_name()}", program)
        self._hurry = hurry
        self._worker: Worker | None = None
        self._is_away = False
        #: Whether the stream may keep facts for this program.
        self._may_be_kept = True

    def step(self, *, wanted: bool) -> None:
        """Read facts from now on if they are *wanted*. May raise `StateUnavailable`."""
        if self._worker:
            self._worker.check()
            if not wanted:
                self.ask_to_stop()
            if self._worker.has_ended():
                self._worker = None
        elif wanted:
            self._may_be_kept = True
            self._worker = Worker("urgent facts", self._read, wait=self._await_change)
            self._worker.start()
        elif self._may_be_kept:
            self._facts.leave()
            self._may_be_kept = False

    def ask_to_stop(self) -> None:
        """End the thread soon, also in the middle of its wait."""
        if self._worker:
            self._worker.ask_to_stop()
            self._changes.wake()

    def has_ended(self) -> bool:
        """Return whether no thread runs; closes the connections if so."""
        if self._worker and not self._worker.has_ended():
            return False
        self._changes.close()
        self._state.close()
        return True

    def _read(self) -> float:
        try:
            for entry, fact in self._facts.new(0.0):
                if fact.event:
                    self._hurry(fact.event)
                self._facts.acknowledge(entry)
        except StateUnavailable:  # the program's loop reports that
            self._is_away = True
        else:
            self._is_away = False
        return WAIT_S

    def _await_change(self, wait_s: float) -> None:
        self._changes.wait(wait_s, may_connect=not self._is_away)
