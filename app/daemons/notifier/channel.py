"""One way to the owner: what it has still to tell, in order, and how long it rests after a failure.

What has been told is marked in Redis, stage by stage. What piled up for long goes as one digest by
those ways that make digests. A way has two of these: one for what is told at once, and one for what
comes with a film.
"""

import logging
import queue
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from app import protocol
from app.daemons.notifier.composer import Lane, Later, LeftOut, Letters
from app.daemons.notifier.progress import Marks
from app.errors import DeliveryError, DeliveryRefused, StateUnavailable
from app.notify import Digest, Message, Notifier
from app.protocol import Fact
from app.worker import Worker

RETRY_MAX_S = 60.0
#: How often one message fails, for no reason that is known to be the way's, before others that wait
#: have their turn.
TRIES = 10
#: How often an alert fails before the next one's try tells whether it is the way's fault or its
#: own.
DOUBTS = 3
#: How long a way rests when Redis is away, which is the notifier's trouble and not the way's.
REDIS_RETRY_S = 1.0
#: How many of a digest's newest are shown: their pictures come with it, and their films after it.
SHOWN_IN_DIGEST = 4
#: How often it is looked whether the alert is told that a film belongs to.
ALERT_LOOK_S = 0.5

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Alert:
    """A fact that is to be told by the ways in *left*."""

    entry: str
    fact: Fact
    left: set[str]


@dataclass(slots=True)
class Parcel:
    """An alert as one way has it to tell, from *due_s* on, which has failed so often.

    *told* says that it was told, perhaps without its mark.
    """

    alert: Alert
    marks: Marks
    told: bool = False
    due_s: float = 0.0
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Desk:
    """What every way works with.

    *done* is told what a way is done with, and by which; *opener* knows the alert of an event that
    is still to be told here, and *is_said* whether some way is in this very trouble already.
    """

    letters: Letters
    digest_after_s: float
    done: Callable[[Alert, str], None]
    opener: Callable[[str | None], Alert | None]
    is_said: Callable[[str], bool]


class Way:
    """What *notifier* has to tell, of one *lane*.

    Its owner calls `add`, `hurry` and the figures; all else happens in its thread.
    """

    def __init__(self, notifier: Notifier, lane: Lane, desk: Desk) -> None:
        self.notifier = notifier
        self.lane = lane
        self.name = notifier.name if lane == "alerts" else f"{notifier.name}_clips"
        self.trouble: str | None = None
        self.digests = 0
        self.worker = Worker(f"way {self.name}", self.step)
        self._letters = desk.letters
        self._state = desk.letters.state
        self._clock = desk.letters.clock
        self._done = desk.done
        self._opener = desk.opener
        self._is_said = desk.is_said
        # Films that belong to alerts belong into no digest: they come singly, or not at all.
        self._makes_digests = notifier.makes_digests and (
            lane == "alerts" or not (notifier.clips_in_threads or "alert" in notifier.when)
        )
        self._digest_after_s = desk.digest_after_s + (
            desk.letters.films.patience.total_seconds() if lane == "clips" else 0.0
        )
        self._arrived: queue.SimpleQueue[Alert] = queue.SimpleQueue()
        self._parcels: list[Parcel] = []
        self._digest: tuple[str, Marks] | None = None
        self._failures = 0
        self._rest_until_s = 0.0
        self._asked_until_s = 0.0

    @property
    def waiting(self) -> int:
        """How many it has still to tell."""
        return len(self._parcels) + self._arrived.qsize()

    def add(self, alert: Alert) -> None:
        """Tell *alert* too."""
        self._arrived.put(alert)
        self.worker.wake()

    def hurry(self) -> None:
        """Rest no longer."""
        self._rest_until_s = 0.0
        self.worker.wake()

    def step(self) -> float:
        """Tell what is due; returns the seconds until something may be."""
        while not self._arrived.empty():
            alert = self._arrived.get_nowait()
            self._parcels.append(Parcel(alert, Marks(self._state, self.name, alert.fact)))
            self._look_anew()
            if self._doubted():
                self._rest_until_s = min(self._rest_until_s, self._asked_until_s)
        if not self._parcels:
            self.trouble, self._failures = (
                None,
                0,
            )  # what failed was left out in the end, or told by another
            return float("inf")
        now_s = self._clock.monotonic()
        if self._rest_until_s > now_s:
            return self._rest_until_s - now_s
        due = [parcel for parcel in self._heads() if self._is_due(parcel, now_s)]
        if not due:
            return min(parcel.due_s for parcel in self._parcels if parcel.due_s > now_s) - now_s
        doubted = self._doubted()
        first = min(due, key=lambda parcel: (parcel.failures // TRIES, parcel is doubted))
        try:
            told = self._tell_next(first)
        except StateUnavailable:
            return REDIS_RETRY_S
        except DeliveryError as error:
            return self._failed(first, error)
        if told:
            self._succeeded(first)
            self._look_anew()
        return 0.0

    def _look_anew(self) -> None:
        """Look again at all that wait for something: what is there by now comes in its order, not
        as it was last looked at.
        """
        for parcel in self._parcels:
            parcel.due_s = 0.0

    def _doubted(self) -> Parcel | None:
        """The one alert that fails and fails while no other has: perhaps for its own sake, so that
        it must not delay the others.
        """
        failing = [parcel for parcel in self._parcels if parcel.failures]
        return (
            failing[0]
            if self.lane == "alerts" and len(failing) == 1 and failing[0].failures >= DOUBTS
            else None
        )

    def _heads(self) -> Iterator[Parcel]:
        """The first of each event, since the parts of a film come in order, unless it fails and
        fails.

        What belongs to no event waits for nothing.
        """
        seen = set()
        for parcel in self._parcels:
            event = parcel.alert.fact.event
            if event is None or event not in seen:
                yield parcel
            if parcel.failures < TRIES:
                seen.add(event)

    def _is_due(self, parcel: Parcel, now_s: float) -> bool:
        """Whether it is *parcel*'s time; a film waits until the alert that it belongs to was told,
        if it is to be told here.
        """
        if parcel.due_s > now_s:
            return False
        fact = parcel.alert.fact
        before = self._opener(fact.event) if fact.kind == "clip_ready" else parcel.alert
        if self.lane == "clips" and before is not None and self.notifier.name in before.left:
            parcel.due_s = now_s + ALERT_LOOK_S
        return parcel.due_s <= now_s

    def _tell_next(self, first: Parcel) -> bool:
        """Tell *first*, or the digest that it belongs to; returns whether something was told."""
        first.marks.load()
        key = first.marks.get("digest") if self._makes_digests else None
        if key is None and self._is_late(first):
            key = self._begin_digest()
        if key is None or first.marks.delivered:
            return self._tell(first)
        self._tell_digest(key)
        return True

    def _tell(self, parcel: Parcel) -> bool:
        """Tell *parcel*, unless its marks say that somebody has. When only the mark fails, only
        that is done again.
        """
        if not (parcel.told or parcel.marks.delivered):
            message = self._letters.compose(parcel.alert.fact, self.notifier, self.lane)
            if isinstance(message, Later):
                parcel.due_s = self._clock.monotonic() + message.wait_s
                return False
            why = (
                message.why if isinstance(message, LeftOut) else self.notifier.skip_reason(message)
            )
            if isinstance(message, LeftOut) or why:
                return self._leave_out(parcel, why or "")
            self.notifier.deliver(message, parcel.marks)
            self._letters.let_go(message)
            parcel.told = True
            _log.info("told by %s: %s", self.name, parcel.alert.fact.text)
        self._finish(parcel)
        return True

    def _leave_out(self, parcel: Parcel, why: str) -> bool:
        parcel.marks.set("skipped", why)
        _log.info("not told by %s, since %s: %s", self.name, why, parcel.alert.fact.text)
        self._finish(parcel)
        return False

    def _finish(self, parcel: Parcel) -> None:
        if not parcel.marks.delivered:
            parcel.marks.set_delivered(self._clock.now().isoformat())
        self._done(parcel.alert, self.name)
        self._parcels.remove(parcel)

    def _is_late(self, parcel: Parcel) -> bool:
        """Whether what waits is to come as a digest: several, the first of them old and not half
        told already.
        """
        old_s = (self._clock.now() - parcel.alert.fact.at).total_seconds()
        return (
            self._makes_digests
            and len(self._parcels) > 1
            and old_s >= self._digest_after_s
            and not parcel.marks.is_begun
        )

    def _begin_digest(self) -> str | None:
        """Note on all that wait that they belong to one digest; returns its key, None when there
        are not several.
        """
        for parcel in self._parcels:
            parcel.marks.load()
        members = [
            one
            for one in self._parcels
            if not (
                one.told or one.marks.delivered or one.marks.get("digest") or one.marks.is_begun
            )
        ]
        if len(members) < 2:
            return None
        key = f"{protocol.new_fact_id(self._clock.now())}-digest"
        events = (
            []
            if self.notifier.links_only
            else [parcel for parcel in members if protocol.opened_event(parcel.alert.fact)]
        )
        for parcel in events[-SHOWN_IN_DIGEST:]:
            parcel.marks.set("shown", "yes")
        for parcel in members:
            parcel.marks.set("digest", key)
        return key

    def _tell_digest(self, key: str) -> None:
        for parcel in self._parcels:
            parcel.marks.load()
        members = [parcel for parcel in self._parcels if parcel.marks.get("digest") == key]
        if not all(parcel.told for parcel in members):
            if self._digest is None or self._digest[0] != key:
                self._digest = key, Marks(self._state, self.name, key)
            self._digest[1].load()
            self.notifier.deliver_digest(Digest(key, self._messages(members)), self._digest[1])
            self.digests += 1
            _log.info("told by %s: %d alerts as one digest", self.name, len(members))
        for parcel in members:
            parcel.told = True
        for parcel in members:
            self._finish(parcel)
        self._digest = None

    def _messages(self, members: Sequence[Parcel]) -> tuple[Message, ...]:
        return tuple(
            self._letters.line(one.alert.fact, with_picture=one.marks.get("shown") is not None)
            for one in members
        )

    def _failed(self, parcel: Parcel, error: DeliveryError) -> float:
        """Rest, for longer each time unless it is known for how long; returns the seconds."""
        parcel.failures += error.retry_after_s is None
        if not self._is_said(str(error)):
            level = logging.ERROR if isinstance(error, DeliveryRefused) else logging.WARNING
            _log.log(level, "%s; trying again", error)
        self.trouble = str(error)
        rest_s = (
            min(2.0 ** min(self._failures, 10), RETRY_MAX_S)
            if error.retry_after_s is None
            else error.retry_after_s
        )
        self._rest_until_s = self._clock.monotonic() + rest_s
        if error.retry_after_s is not None:
            self._asked_until_s = self._rest_until_s
        self._failures += 1
        return rest_s

    def _succeeded(self, parcel: Parcel) -> None:
        if self.trouble:
            _log.info("alerts go through %s again", self.notifier)
        self.trouble = None
        self._failures = 0
        if (
            parcel.failures
        ):  # what failed for a while was the way, so that the others come in their order
            for other in self._parcels:
                other.failures = 0
