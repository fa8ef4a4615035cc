"""The outbox: each way to the owner has its own queue and thread, so that one that hangs or rests delays no other.

What a way has told is marked in Redis, stage by stage; a fact is acknowledged when every way has told it. What
piled up for long goes as one digest by those ways that make digests.
"""

import logging
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from app import protocol
from app.clock import Clock
from app.errors import DeliveryError, DeliveryRefused, ProtocolError, StateUnavailable
from app.notify import Digest, Message, Notifier
from app.protocol import Fact
from app.state import State
from app.worker import Worker

RETRY_MAX_S = 60.0
#: How long a way rests when Redis is away, which is the notifier's trouble and not the way's.
REDIS_RETRY_S = 1.0
#: How many of a digest's newest come with their pictures.
PICTURES_IN_DIGEST = 4

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Alert:
    """A fact that is to be told by the ways in *left*."""

    entry: str
    fact: Fact
    left: set[str]


class Marks:
    """How far the delivery of *told* (a fact, or the id of something else) by the way *name* has come.

    What Redis did not take is kept here and written with the next mark, or by `load`.
    """

    def __init__(self, state: State, name: str, told: Fact | str) -> None:
        self._state = state
        self._name = name
        self._told = told
        self._known: dict[str, str] = {}
        self._unsaved: dict[str, str] = {}

    def load(self) -> None:
        """Take in what is in Redis by now."""
        self._save()
        self._known = self._state.delivery_marks(self._told)

    @property
    def delivered(self) -> bool:
        return delivered_mark(self._name) in self._known | self._unsaved

    def set_delivered(self, when: str) -> None:
        self._mark(delivered_mark(self._name), when)

    def get(self, stage: str) -> str | None:
        return (self._known | self._unsaved).get(f"{self._name}:{stage}")

    def set(self, stage: str, value: str) -> None:
        self._mark(f"{self._name}:{stage}", value)

    def _mark(self, mark: str, value: str) -> None:
        self._unsaved[mark] = value
        self._save()

    def _save(self) -> None:
        if self._unsaved:
            self._state.mark_delivery(self._told, self._unsaved)
            self._known |= self._unsaved
            self._unsaved = {}


@dataclass(slots=True)
class Parcel:
    """An alert as one way has it to tell. *told* says that it was, perhaps without its mark."""

    alert: Alert
    marks: Marks
    told: bool = field(default=False)


class Way:
    """One way to the owner: what it has still to tell, in order, and how long it rests after a failure.

    Its owner calls `add`, `hurry` and the figures; all else happens in its thread.
    """

    def __init__(self, notifier: Notifier, state: State, clock: Clock, digest_after_s: float, done: Callable[[Alert, str], None]) -> None:
        self.notifier = notifier
        self.name = notifier.name
        self.trouble: str | None = None
        self.digests = 0
        self.worker = Worker(f"way {self.name}", self.step)
        self._state = state
        self._clock = clock
        self._digest_after_s = digest_after_s
        self._done = done
        self._arrived: queue.SimpleQueue[Alert] = queue.SimpleQueue()
        self._parcels: list[Parcel] = []
        self._digest: tuple[str, Marks] | None = None
        self._failures = 0
        self._rest_until_s = 0.0

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
        rest_s = self._rest_until_s - self._clock.monotonic()
        if not self._parcels:
            return float("inf")
        if rest_s > 0:
            return rest_s
        try:
            self._tell_next()
        except StateUnavailable:
            return REDIS_RETRY_S
        except DeliveryError as error:
            return self._failed(error)
        self._succeeded()
        return 0.0

    def _tell_next(self) -> None:
        first = self._parcels[0]
        first.marks.load()
        key = first.marks.get("digest") if self.notifier.digests else None
        if key is None and self._is_late(first):
            key = self._begin_digest()
        if key is None or first.marks.delivered:
            self._tell(first)
        else:
            self._tell_digest(key)

    def _tell(self, parcel: Parcel) -> None:
        """Tell *parcel*, unless its marks say that somebody has. When only the mark fails, only that is done again."""
        if not (parcel.told or parcel.marks.delivered):
            self.notifier.deliver(self._message(parcel.alert.fact), parcel.marks)
            parcel.told = True
            _log.info("told by %s: %s", self.name, parcel.alert.fact.text)
        self._finish(parcel)

    def _finish(self, parcel: Parcel) -> None:
        if not parcel.marks.delivered:
            parcel.marks.set_delivered(self._clock.now().isoformat())
        self._done(parcel.alert, self.name)
        self._parcels.remove(parcel)

    def _is_late(self, parcel: Parcel) -> bool:
        """Whether what waits is to come as a digest: several, the first of them old and not half told already."""
        old_s = (self._clock.now() - parcel.alert.fact.at).total_seconds()
        return self.notifier.digests and len(self._parcels) > 1 and old_s >= self._digest_after_s and not _is_begun(parcel)

    def _begin_digest(self) -> str | None:
        """Note on all that wait that they belong to one digest; returns its key, None when there are not several."""
        for parcel in self._parcels[1:]:
            parcel.marks.load()
        members = [one for one in self._parcels if not (one.told or one.marks.delivered or one.marks.get("digest") or _is_begun(one))]
        if len(members) < 2:
            return None
        key = f"{protocol.new_fact_id(self._clock.now())}-digest"
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
        facts = [parcel.alert.fact for parcel in members]
        pictured = {fact.id for fact in [fact for fact in facts if protocol.opened_event(fact)][-PICTURES_IN_DIGEST:]}
        return tuple(self._message(fact, with_picture=fact.id in pictured) for fact in facts)

    def _message(self, fact: Fact, with_picture: bool = True) -> Message:
        event = protocol.opened_event(fact)
        picture = self._state.snapshot(fact.event) if fact.event and with_picture else None
        message = Message(event or fact.id, fact.at, fact.text, fact.camera, picture, event)
        return replace(message, score=self._score(event)) if event else message

    def _score(self, event: str) -> float | None:
        try:
            record = self._state.event(event)
        except ProtocolError as error:
            _log.warning("%s is told without its score: %s", event, error)
            return None
        return record.score if record else None

    def _failed(self, error: DeliveryError) -> float:
        """Rest, for longer each time unless it is known for how long; returns the seconds."""
        if self.trouble != str(error):
            level = logging.ERROR if isinstance(error, DeliveryRefused) else logging.WARNING
            _log.log(level, "%s; trying again", error)
        self.trouble = str(error)
        rest_s = min(2.0 ** min(self._failures, 10), RETRY_MAX_S) if error.retry_after_s is None else error.retry_after_s
        self._rest_until_s = self._clock.monotonic() + rest_s
        self._failures += 1
        return rest_s

    def _succeeded(self) -> None:
        if self.trouble:
            _log.info("alerts go through %s again", self.notifier)
        self.trouble = None
        self._failures = 0


class Outbox:
    """Every way to the owner, and what each has still to tell."""

    def __init__(
        self, notifiers: Iterable[Notifier], state: State, clock: Clock, digest_after_s: float, acknowledge: Callable[[str], None]
    ) -> None:
        self.ways = [Way(notifier, state, clock, digest_after_s, self._done) for notifier in notifiers]
        self.delivered = 0
        self._acknowledge = acknowledge
        self._waiting: dict[str, Alert] = {}
        self._lock = threading.Lock()

    @property
    def names(self) -> set[str]:
        return {way.name for way in self.ways}

    @property
    def waiting(self) -> int:
        """How many alerts some way has still to tell."""
        return len(self._waiting)

    @property
    def trouble(self) -> str | None:
        """What is wrong with the ways, None when nothing is."""
        return "; ".join(way.trouble for way in self.ways if way.trouble) or None

    def __contains__(self, entry: str) -> bool:
        return entry in self._waiting

    def start(self) -> None:
        for way in self.ways:
            way.worker.start()

    def check(self) -> None:
        """Raise `RuntimeError` when the thread of a way has died of a mistake."""
        for way in self.ways:
            way.worker.check()

    def add(self, entry: str, fact: Fact, left: set[str]) -> None:
        """Tell *fact* by the ways in *left*."""
        alert = Alert(entry, fact, set(left))
        with self._lock:
            self._waiting[entry] = alert
        for way in self.ways:
            if way.name in left:
                way.add(alert)

    def hurry(self) -> None:
        """Let no way rest any longer: what it failed for may be mended."""
        for way in self.ways:
            way.hurry()

    def ask_to_stop(self) -> None:
        """Begin to tell nothing more."""
        for way in self.ways:
            way.worker.ask_to_stop()

    def has_ended(self) -> bool:
        """Whether every way is at rest; lets go of those that are."""
        ended = [way for way in self.ways if way.worker.has_ended()]
        for way in ended:
            way.notifier.close()
        return len(ended) == len(self.ways)

    def _done(self, alert: Alert, name: str) -> None:
        """The way *name* has told *alert*; when it was the last, the fact is acknowledged."""
        with self._lock:
            if alert.left == {name}:
                self._acknowledge(alert.entry)
                del self._waiting[alert.entry]
                self.delivered += 1
            alert.left.discard(name)


def delivered_mark(name: str) -> str:
    """The mark that says that the way *name* has told it."""
    return f"delivered:{name}"


def _is_begun(parcel: Parcel) -> bool:
    """Whether it may be on its way as a message of its own."""
    return bool(parcel.marks.get("posting") or parcel.marks.get("posted"))
