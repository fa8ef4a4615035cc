"""Alerts about lasting troubles of a program: when one begins, is over, or comes and goes.

Each announcement is recorded in Redis, so a restart neither forgets nor repeats it.
"""

from dataclasses import dataclass
from datetime import datetime

from app import protocol
from app.clock import Clock
from app.protocol import FactKind, SteadinessRecord
from app.state import State
from app.state.announcer import Announcement
from app.state.steadiness import Notice, Pace
from app.state.steady_announcer import OldMarks, SteadyAnnouncer
from app.times import format_time

#: The seconds after which a lasting trouble is recorded again: Redis drops a record after seven
#: days.
RENEW_EVERY_S = 3600.0
#: A trouble has lasted already when it is set here: it follows from several tries or checks.
PACE = Pace(down_after_s=0.0, up_after_s=3.0)
_BEGUN = "begun"


@dataclass(frozen=True, slots=True)
class TroubleKind:
    """A kind of trouble: its *name*, and the facts when the trouble begins and ends.

    *comes_and_goes* is the beginning of a sentence about a trouble that does.
    """

    name: str
    begun: FactKind
    over: FactKind
    over_text: str
    comes_and_goes: str


class TroubleAlerts:
    """The troubles of the program *program* on this machine. One thread uses it.

    *pace* says how long a trouble and its end must last until they are published.
    `set` returns at once. `step` publishes, and may raise `StateUnavailable`.
    """

    def __init__(self, program: str, state: State, clock: Clock, pace: Pace = PACE) -> None:
        self._subject = f"{program}-{protocol.host_name()}"
        self._state = state
        self._clock = clock
        self._pace = pace
        self._announcer = SteadyAnnouncer(
            state,
            clock,
            self._record,
            self._describe,
            old=OldMarks(_old_record, self._describe_old),
            scope=f"{self._subject} ",
        )
        self._current: dict[str, tuple[TroubleKind, str | None]] = {}
        self._renew_at_s = clock.monotonic() + RENEW_EVERY_S

    def set(self, kind: TroubleKind, trouble: str | None) -> None:
        """Set the *trouble* of *kind* now: a sentence for the owner, None when all is well."""
        self._current[kind.name] = kind, trouble

    def step(self) -> None:
        """Publish the changes since the last step."""
        if not all(map(self._announcer.knows, self._current)):
            self._restore()
        is_due = self._clock.monotonic() >= self._renew_at_s
        for name, (_, trouble) in self._current.items():
            self._announcer.observe(name, is_down=trouble is not None)
            if is_due and trouble is not None:
                self._announcer.renew(name)
        if is_due:
            self._renew_at_s = self._clock.monotonic() + RENEW_EVERY_S

    def _restore(self) -> None:
        stored = self._state.delivery_marks(self._subject)
        for name in self._current:
            if not self._announcer.knows(name):
                self._announcer.restore(name, stored.get(name), self._pace)

    def _describe(self, name: str, notice: Notice) -> Announcement:
        kind, trouble = self._current[name]
        fact_kind = kind.begun if notice.is_bad else kind.over
        return Announcement(fact_kind, notice.at, _text(kind, trouble, notice))

    def _describe_old(self, name: str, change: str) -> Announcement:
        kind, _ = self._current[name]
        word, at, text = change.split(" ", 2)
        fact_kind = kind.begun if word == _BEGUN else kind.over
        return Announcement(fact_kind, datetime.fromisoformat(at), text, settled=word)

    def _record(self, name: str, value: str) -> None:
        self._state.mark_delivery(self._subject, {name: value})


def _text(kind: TroubleKind, trouble: str | None, notice: Notice) -> str:
    match notice.kind:
        case "down":
            return trouble or kind.over_text
        case "unsteady":
            present = trouble or kind.over_text
            return f"{kind.comes_and_goes}: {notice.frequency('in trouble', 'well')}. {present}"
        case "steady":
            return f"{kind.over_text} (since {format_time(notice.since, notice.at)})"
        case _:
            return kind.over_text


def _old_record(stored: str) -> SteadinessRecord:
    if stored == _BEGUN:
        return SteadinessRecord("down", is_down=True, losses=1)
    return SteadinessRecord()
