"""Alerts about lasting troubles of a program: one when a trouble begins, and one when it is over.

Each announcement is recorded in Redis, so a restart neither forgets nor repeats it.
"""

from dataclasses import dataclass
from datetime import datetime

from app import protocol
from app.clock import Clock
from app.protocol import FactKind
from app.state import State
from app.state.announcer import Announcement, Announcer

#: The seconds after which a lasting trouble is recorded again: Redis drops a record after seven
#: days.
RENEW_EVERY_S = 3600.0
_BEGUN = "begun"
_OVER = "over"


@dataclass(frozen=True, slots=True)
class TroubleKind:
    """A kind of trouble: its *name*, and the facts when the trouble begins and ends."""

    name: str
    begun: FactKind
    over: FactKind
    over_text: str


class TroubleAlerts:
    """The troubles of the program *program* on this machine. One thread uses it.

    `set` returns at once. `step` publishes, and may raise `StateUnavailable`.
    """

    def __init__(self, program: str, state: State, clock: Clock) -> None:
        self._subject = f"{program}-{protocol.host_name()}"
        self._state = state
        self._clock = clock
        self._announcer = Announcer(state, self._record, self._describe, f"{self._subject} ")
        self._current: dict[str, tuple[TroubleKind, str | None]] = {}
        self._judge_at_s = 0.0

    def set(self, kind: TroubleKind, trouble: str | None) -> None:
        """Set the *trouble* of *kind* now: a sentence for the owner, None when all is well."""
        known = self._current.get(kind.name)
        self._current[kind.name] = kind, trouble
        if known is None or (known[1] is None) != (trouble is None):
            self._judge_at_s = 0.0

    def step(self) -> None:
        """Publish the changes since the last step."""
        now_s = self._clock.monotonic()
        if not self._current or now_s < self._judge_at_s:
            return
        stored = self._state.delivery_marks(self._subject)
        for kind, trouble in self._current.values():
            known = stored.get(kind.name) or self._announcer.last_settled(kind.name) or _OVER
            self._judge(kind, trouble, known)
        self._judge_at_s = now_s + RENEW_EVERY_S

    def _judge(self, kind: TroubleKind, trouble: str | None, stored: str) -> None:
        settled = self._announcer.finish(kind.name, stored)
        wanted = _OVER if trouble is None else _BEGUN
        if settled != wanted:
            text = kind.over_text if trouble is None else trouble
            self._announcer.announce(kind.name, f"{wanted} {self._clock.now().isoformat()} {text}")
        elif wanted == _BEGUN:
            self._record(kind.name, _BEGUN)

    def _describe(self, name: str, change: str) -> Announcement:
        kind, _ = self._current[name]
        word, at, text = change.split(" ", 2)
        fact_kind = kind.begun if word == _BEGUN else kind.over
        return Announcement(fact_kind, datetime.fromisoformat(at), text, settled=word)

    def _record(self, name: str, value: str) -> None:
        self._state.mark_delivery(self._subject, {name: value})
