"""What a program tells the house of lasting troubles: once when one begins, and once when it is
over.

What was told is noted in Redis, so that a restart neither forgets nor repeats. As with heartbeats a
change is noted first ("to tell") and then told under an id that follows from the note: a kill in
between repeats the same fact.
"""

import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime

from app import protocol
from app.clock import Clock
from app.protocol import Fact, FactKind
from app.state import State

#: What is noted is noted anew so often, lest Redis forget it.
RENEW_EVERY_S = 3600.0
_TO_TELL = "to tell: "
_BEGUN = "begun"
_OVER = "over"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Topic:
    """Something that can be in trouble: its *name*, and what is told when the trouble begins and
    ends.
    """

    name: str
    begun: FactKind
    over: FactKind
    over_text: str


class Notices:
    """The troubles of the program *owner* on this machine. `set` returns at once; `step` tells, and
    may raise `StateUnavailable`.

    One thread uses it.
    """

    def __init__(self, owner: str, state: State, clock: Clock) -> None:
        self._owner = f"{owner}-{protocol.host_name()}"
        self._state = state
        self._clock = clock
        self._now: dict[str, tuple[Topic, str | None]] = {}
        # What this run has told, in case Redis forgets.
        self._told: dict[str, str] = {}
        self._judge_at_s = 0.0

    def set(self, topic: Topic, trouble: str | None) -> None:
        """How *topic* is now: *trouble* is a sentence for the owner, None when all is well."""
        known = self._now.get(topic.name)
        self._now[topic.name] = topic, trouble
        if known is None or (known[1] is None) != (trouble is None):
            self._judge_at_s = 0.0

    def step(self) -> None:
        """Tell what has changed."""
        now_s = self._clock.monotonic()
        if not self._now or now_s < self._judge_at_s:
            return
        noted = self._state.delivery_marks(self._owner)
        for topic, trouble in self._now.values():
            self._judge(topic, trouble, noted.get(topic.name) or self._told.get(topic.name, _OVER))
        self._judge_at_s = now_s + RENEW_EVERY_S

    def _judge(self, topic: Topic, trouble: str | None, noted: str) -> None:
        if noted.startswith(_TO_TELL):
            noted = self._tell(topic, noted)
        wanted = _OVER if trouble is None else _BEGUN
        if noted != wanted:
            text = topic.over_text if trouble is None else trouble
            note = f"{_TO_TELL}{wanted} {self._clock.now().isoformat()} {text}"
            self._note(topic, note)
            self._tell(topic, note)
        elif wanted == _BEGUN:
            self._note(topic, _BEGUN)

    def _tell(self, topic: Topic, note: str) -> str:
        """Publish what *note* says, and note that it is told; returns that."""
        word, at, text = note.removeprefix(_TO_TELL).split(" ", 2)
        kind = topic.begun if word == _BEGUN else topic.over
        digest = hashlib.sha256(f"{self._owner} {topic.name} {note}".encode()).hexdigest()[:16]
        moment = datetime.fromisoformat(at)
        _log.warning("%s", text)
        self._state.publish(
            Fact(f"{protocol.event_id(moment, 'house')}-{digest}", kind, moment, text)
        )
        self._told[topic.name] = word
        self._note(topic, word)
        return word

    def _note(self, topic: Topic, noted: str) -> None:
        self._state.mark_delivery(self._owner, {topic.name: noted})
