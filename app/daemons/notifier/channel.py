"""One queue of a channel: the order of its deliveries, their retries, and digests.

Every stage of a delivery is marked in Redis. A new alert is tried at once, whatever rests. After an
outage the newest alert is delivered by itself, and all others as one digest, if the notifier makes
digests.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Protocol

from app import protocol
from app.backoff import Backoff
from app.daemons.notifier.composer import Composer, NotYet, Skipped
from app.daemons.notifier.delivery_plan import QueueName, plan_for
from app.daemons.notifier.journal import DeliveryJournal
from app.daemons.notifier.progress import DeliveryProgress
from app.errors import DeliveryError, DeliveryRefused, ProtocolError, StateUnavailable
from app.notify import Digest, Message, Notifier
from app.notify.once import unconfirmed_since
from app.protocol import Fact, Stage
from app.worker import Worker

RETRY_MAX_S = 60.0
#: After this many failures a delivery goes after the others, since it may be at fault itself.
MOST_FAILURES = 10
#: After this many failures of one alert the next alert is tried. Its result shows whether the
#: channel or the first alert is at fault.
SUSPECT_FAILURES = 3
#: The rest of a channel while Redis is away, which does not count as a failure of the channel.
REDIS_RETRY_S = 1.0
#: The number of alerts in a digest, the newest, whose pictures it shows and whose clips follow it.
#: Slack accepts 50 blocks in a message, which is enough for 11.
SHOWN_IN_DIGEST = 10
#: Old facts wait until no other has arrived for so long: after an outage several programs publish
#: what they have kept, and all of that becomes one digest.
QUIET_S = 4.0
#: The longest time that old facts wait for others.
QUIET_MAX_S = 30.0
#: A step that lasts longer is late: a few calls with their deadlines, or a rendition of a clip and
#: its upload.
STEP_LIMITS_S: dict[QueueName, float] = {"alerts": 120.0, "clips": 3600.0}
#: The seconds between two checks whether the alert of a clip is delivered.
ALERT_LOOK_S = 0.5

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class PendingFact:
    """A fact that the channels in *remaining* have not delivered yet.

    *entries* are its ids on the stream. It has waited since *since_s* by the monotonic clock.
    *is_doubtful* says that it may have been delivered, and that Redis and the journal may have
    forgotten that.
    """

    entries: list[str]
    fact: Fact
    remaining: set[str]
    since_s: float = 0.0
    is_doubtful: bool = False


@dataclass(slots=True)
class Delivery:
    """The delivery of *pending* by one channel, due at *due_s* by the monotonic clock.

    *delivered* is True as soon as it has succeeded, even if its mark is not in Redis yet.
    *is_doubtful* says that it may have been delivered without any mark of that.
    """

    pending: PendingFact
    progress: DeliveryProgress
    delivered: bool = False
    due_s: float = 0.0
    failures: int = 0
    is_doubtful: bool = False

    @property
    def fact(self) -> Fact:
        return self.pending.fact


class ChannelOutbox(Protocol):
    """The outbox of all channels, as one channel uses it."""

    composer: Composer
    digest_after_s: float
    journal: DeliveryJournal | None

    def alert_of(self, event: str | None) -> PendingFact | None:
        """Return the alert that opened *event*; None when it is not pending here."""

    def is_known(self, error: DeliveryError, notifier: Notifier) -> bool:
        """Return whether a queue of *notifier* is in the trouble of *error* already."""

    def finish(self, pending: PendingFact, name: str) -> None:
        """Take *pending* off the channel *name*; acknowledge it when that was the last one."""

    def service_answers(self, notifier: Notifier) -> None:
        """End the rests of the queues of *notifier*: its service accepts messages again."""


class Channel:
    """Delivers the facts of *queue* by *notifier*.

    The outbox calls `enqueue` and `retry_now` and reads the figures. Everything else happens in the
    thread of its worker.
    """

    def __init__(self, notifier: Notifier, queue: QueueName, outbox: ChannelOutbox) -> None:
        self.notifier = notifier
        self.queue = queue
        self.name = notifier.name if queue == "alerts" else f"{notifier.name}_clips"
        self.error: DeliveryError | None = None
        self.digests = 0
        self.worker = Worker(f"channel {self.name}", self.step, STEP_LIMITS_S[queue])
        self._outbox = outbox
        self._composer = outbox.composer
        self._state = outbox.composer.state
        self._clock = outbox.composer.clock
        self._digest_after_s = outbox.digest_after_s
        self._makes_digests = notifier.makes_digests
        if queue == "clips":
            # A clip that belongs to an alert is never in a digest: it is delivered by itself, or
            # not at all.
            belong_to_alerts = notifier.clips_in_threads or "alert" in notifier.when
            self._makes_digests = notifier.makes_digests and not belong_to_alerts
            self._digest_after_s += outbox.composer.clips.patience.total_seconds()
        self._arrived: SimpleQueue[PendingFact] = SimpleQueue()
        self._deliveries: list[Delivery] = []
        self._newcomer: Delivery | None = None
        self._newest_delivered = False
        self._last_old_arrival_s = float("-inf")
        self._held_since_s: float | None = None
        self._digest: tuple[str, DeliveryProgress] | None = None
        self._backoff = Backoff(RETRY_MAX_S)
        self._rest_until_s = 0.0
        self._requested_rest_until_s = 0.0

    @property
    def waiting(self) -> int:
        """The number of facts that are not delivered yet."""
        return len(self._deliveries) + self._arrived.qsize()

    @property
    def trouble(self) -> str | None:
        """A sentence about the present trouble; None when there is none."""
        error = self.error
        return str(error) if error else None

    def enqueue(self, pending: PendingFact) -> None:
        """Add *pending* to the queue."""
        if self._is_old(pending.fact):
            self._last_old_arrival_s = self._clock.monotonic()
        self._arrived.put(pending)
        self.worker.wake()

    def retry_now(self) -> None:
        """End every rest, also one that the service has demanded."""
        self._requested_rest_until_s = 0.0
        self.end_rest()

    def end_rest(self) -> None:
        """End the rest after a failure."""
        self._rest_until_s = 0.0
        self.worker.wake()

    def step(self) -> float:
        """Deliver the next fact that is due; returns the seconds until another may be due."""
        self._accept_arrived()
        if not self._deliveries:
            # The last failed fact was skipped in the end, or another notifier has delivered it.
            self._clear_trouble()
            return float("inf")
        now_s = self._clock.monotonic()
        if self._requested_rest_until_s > now_s:
            return self._requested_rest_until_s - now_s
        due = [delivery for delivery in self._heads() if self._is_due(delivery, now_s)]
        if self._rest_until_s > now_s:
            due = [delivery for delivery in due if delivery is self._newcomer]
            if not due:
                return self._rest_until_s - now_s
        if not due:
            later_s = (one.due_s for one in self._deliveries if one.due_s > now_s)
            return min(later_s) - now_s
        first = self._next(due)
        return self._hold_s(first, now_s) or self._attempt(first)

    def _accept_arrived(self) -> None:
        while not self._arrived.empty():
            pending = self._arrived.get_nowait()
            progress = DeliveryProgress(self._state, self.name, pending.fact, self._outbox.journal)
            delivery = Delivery(pending, progress, is_doubtful=pending.is_doubtful)
            self._deliveries.append(delivery)
            self._make_all_due()
            is_new = pending.fact.kind != "clip_ready" and not self._is_old(pending.fact)
            if is_new and (self.error or self._is_after_outage()):
                self._newcomer = delivery

    def _next(self, due: Sequence[Delivery]) -> Delivery:
        """Return the delivery in *due* to try now.

        A new alert is tried first, once. A delivery that may be at fault itself goes last. The
        others go in their order; but after an outage the newest alert goes before them.
        """
        suspect = self._suspect()

        def rank(one: Delivery) -> tuple[bool, int, bool]:
            return one is not self._newcomer, one.failures // MOST_FAILURES, one is suspect

        best = min(map(rank, due))
        first = [one for one in due if rank(one) == best]
        if not self._is_after_outage():
            self._newest_delivered = False
        elif not self._newest_delivered:
            alerts = [one for one in first if protocol.opened_event(one.fact)]
            return max(alerts or first, key=lambda one: one.fact.at)
        return first[0]

    def _hold_s(self, first: Delivery, now_s: float) -> float:
        """Return the seconds that *first*, if it is old, still waits for others; 0 for none."""
        quiet_at_s = self._last_old_arrival_s + QUIET_S
        if not self._is_old(first.fact) or quiet_at_s <= now_s:
            self._held_since_s = None
            return 0.0
        self._held_since_s = now_s if self._held_since_s is None else self._held_since_s
        left_s = min(quiet_at_s, self._held_since_s + QUIET_MAX_S) - now_s
        return max(left_s, 0.0)

    def _attempt(self, first: Delivery) -> float:
        try:
            if self._deliver_next(first):
                self._succeeded(first)
        except StateUnavailable:
            return REDIS_RETRY_S
        except DeliveryError as error:
            return self._failed(first, error)
        except ProtocolError as error:
            # A mark in Redis is wrong: this delivery must not stop the others.
            return self._failed(first, DeliveryError(str(error)))
        return 0.0

    def _make_all_due(self) -> None:
        """Make every delivery due, so that all that are ready are delivered in their order."""
        for delivery in self._deliveries:
            delivery.due_s = 0.0

    def _suspect(self) -> Delivery | None:
        """Return the only alert that has failed, when it has failed often enough.

        It may be at fault itself; then it must not delay the others.
        """
        if self.queue != "alerts":
            return None
        failing = [delivery for delivery in self._deliveries if delivery.failures]
        if len(failing) == 1 and failing[0].failures >= SUSPECT_FAILURES:
            return failing[0]
        return None

    def _heads(self) -> Iterator[Delivery]:
        """Yield the deliveries that need not wait for another of the same event.

        The parts of a clip are delivered in order, but a part that has failed often delays no
        other. A fact without an event never waits.
        """
        seen = set()
        for delivery in self._deliveries:
            event = delivery.fact.event
            if event is None or event not in seen:
                yield delivery
            if delivery.failures < MOST_FAILURES:
                seen.add(event)

    def _is_due(self, delivery: Delivery, now_s: float) -> bool:
        """Return whether *delivery* may be tried; a clip waits for its alert."""
        if delivery.due_s > now_s:
            return False
        alert = self._alert_of(delivery) if self.queue == "clips" else None
        if alert and self.notifier.name in alert.remaining:
            delivery.due_s = now_s + ALERT_LOOK_S
            return False
        return True

    def _alert_of(self, delivery: Delivery) -> PendingFact | None:
        """Return the alert of the clip of *delivery*; None when that alert is not pending."""
        clip_of = plan_for(delivery.fact, self.notifier).clip_of
        if clip_of == "event":
            return self._outbox.alert_of(delivery.fact.event)
        return delivery.pending if clip_of == "fact" else None

    def _deliver_next(self, first: Delivery) -> bool:
        """Deliver *first*, or its digest; returns whether something was delivered."""
        first.progress.load()
        if first.is_doubtful:
            self._ask_about_doubtful()
        key = first.progress.get(Stage.DIGEST) or None if self._makes_digests else None
        if key is None and self._newest_delivered and first is not self._newcomer:
            key = self._begin_digest()
        if key is None or first.progress.delivered:
            return self._deliver(first)
        self._deliver_digest(key)
        return True

    def _deliver(self, delivery: Delivery) -> bool:
        """Deliver as a single message; if only its mark is missing, write the mark."""
        if not (delivery.delivered or delivery.progress.is_over):
            message = self._composer.compose(delivery.fact, self.notifier, self.queue)
            if isinstance(message, NotYet):
                delivery.due_s = self._clock.monotonic() + message.wait_s
                return False
            if isinstance(message, Skipped):
                return self._skip(delivery, message.why)
            if why := self.notifier.skip_reason(message):
                return self._skip(delivery, why)
            self.notifier.deliver(message, delivery.progress)
            self._composer.release(message)
            delivery.delivered = True
            _log.info("delivered by %s: %s", self.name, delivery.fact.text)
        self._finish(delivery)
        return True

    def _skip(self, delivery: Delivery, why: str) -> bool:
        delivery.progress.set(Stage.SKIPPED, why)
        _log.info("not delivered by %s, since %s: %s", self.name, why, delivery.fact.text)
        self._finish(delivery)
        return False

    def _finish(self, delivery: Delivery) -> None:
        if not delivery.progress.delivered:
            delivery.progress.set_delivered(self._clock.now().isoformat())
        self._outbox.finish(delivery.pending, self.name)
        self._deliveries.remove(delivery)

    def _is_old(self, fact: Fact) -> bool:
        """Return whether *fact* is old enough for a digest."""
        age_s = (self._clock.now() - fact.at).total_seconds()
        return self._makes_digests and age_s >= self._digest_after_s

    def _is_after_outage(self) -> bool:
        """Return whether several wait, and one for so long that they become a digest."""
        return len(self._deliveries) > 1 and any(self._is_old(one.fact) for one in self._deliveries)

    def _ask_about_doubtful(self) -> None:
        """Ask the service which of the doubtful deliveries it shows already."""
        doubtful = [one for one in self._deliveries if one.is_doubtful]
        for delivery in doubtful:
            delivery.progress.load()
        if self.queue == "alerts" or not self.notifier.clips_in_threads:
            self._ask_about([one for one in doubtful if _is_untouched(one)])
        for delivery in doubtful:
            delivery.is_doubtful = False

    def _ask_about(self, deliveries: Sequence[Delivery]) -> None:
        """Ask the service which of *deliveries* it shows; the others then count as not begun.

        Nothing changes where the service cannot be asked.
        """
        if not deliveries:
            return
        began = filter(None, (unconfirmed_since(one.progress) for one in deliveries))
        messages = [self._composer.without_clip(one.fact, with_picture=False) for one in deliveries]
        places = self.notifier.find_posted(messages, max(began, default=None))
        if places is None:
            return
        for delivery, message in zip(deliveries, messages, strict=True):
            place = places.get(message.key)
            if place and place.digest:
                delivery.progress.set(Stage.DIGEST, place.digest)
                self._digest_progress(place.digest).set(Stage.POSTED, place.posted)
            elif place:
                delivery.progress.set(Stage.POSTED, place.posted)
            elif delivery.progress.get(Stage.POSTING):
                delivery.progress.set(Stage.POSTING, "")

    def _begin_digest(self) -> str | None:
        """Mark all waiting deliveries as one digest; returns its key, None for fewer than two."""
        for delivery in self._deliveries:
            delivery.progress.load()
        self._ask_about([one for one in self._deliveries if one.progress.is_unconfirmed])
        members = [delivery for delivery in self._deliveries if _is_untouched(delivery)]
        if len(members) < 2:
            return None
        key = f"{protocol.new_fact_id(self._clock.now())}-digest"
        if not self.notifier.links_only:
            openers = [one for one in members if protocol.opened_event(one.fact)]
            for delivery in openers[-SHOWN_IN_DIGEST:]:
                delivery.progress.set(Stage.SHOWN, "yes")
        for delivery in members:
            delivery.progress.set(Stage.DIGEST, key)
        return key

    def _deliver_digest(self, key: str) -> None:
        for delivery in self._deliveries:
            delivery.progress.load()
        members = [one for one in self._deliveries if one.progress.get(Stage.DIGEST) == key]
        progress = self._digest_progress(key)
        members = self._named_members(members, progress)
        if not (progress.is_over or all(delivery.delivered for delivery in members)):
            self.notifier.deliver_digest(Digest(key, self._messages(members)), progress)
            self.digests += 1
            _log.info("delivered by %s: %d alerts as one digest", self.name, len(members))
        for delivery in members:
            delivery.delivered = True
        for delivery in members:
            self._finish(delivery)
        self._digest = None

    def _named_members(self, members: list[Delivery], progress: DeliveryProgress) -> list[Delivery]:
        """Return those of *members* that the digest with this *progress* has, or will have.

        Redis may have lost a fact when the digest was posted. It comes back later, with the mark of
        the digest; it is then delivered as if it had no such mark.
        """
        if not (progress.is_over or progress.is_unconfirmed):
            progress.set(Stage.MEMBERS, " ".join(one.fact.id for one in members))
        named = (progress.get(Stage.MEMBERS) or "").split()
        for late in members:
            if named and late.fact.id not in named:
                late.progress.set(Stage.DIGEST, "")
        return [one for one in members if one.progress.get(Stage.DIGEST)]

    def _digest_progress(self, key: str) -> DeliveryProgress:
        """Return the progress of the digest *key*, with the marks that are not in Redis yet."""
        if self._digest is None or self._digest[0] != key:
            progress = DeliveryProgress(self._state, self.name, key, self._outbox.journal)
            self._digest = key, progress
        self._digest[1].load()
        return self._digest[1]

    def _messages(self, members: Sequence[Delivery]) -> tuple[Message, ...]:
        return tuple(
            self._composer.without_clip(
                one.fact, with_picture=one.progress.get(Stage.SHOWN) is not None
            )
            for one in members
        )

    def _failed(self, delivery: Delivery, error: DeliveryError) -> float:
        """Begin a rest, longer each time unless *error* gives its length; returns the seconds."""
        if not self._outbox.is_known(error, self.notifier):
            level = logging.ERROR if isinstance(error, DeliveryRefused) else logging.WARNING
            _log.log(level, "%s; trying again", error)
        self.error = error
        now_s = self._clock.monotonic()
        if delivery is self._newcomer:
            self._newcomer = None
        if error.retry_after_s is None:
            delivery.failures += 1
        elif not isinstance(error, DeliveryRefused):
            self._requested_rest_until_s = now_s + error.retry_after_s
            self._rest_until_s = self._requested_rest_until_s
            return error.retry_after_s
        if self._rest_until_s <= now_s:
            # A new alert that was tried during a rest does not make the rest longer.
            grown_s = self._backoff.failed()
            rest_s = grown_s if error.retry_after_s is None else error.retry_after_s
            self._rest_until_s = now_s + rest_s
        return self._rest_until_s - now_s

    def _succeeded(self, delivery: Delivery) -> None:
        if self.error:
            _log.info("alerts reach %s again", self.notifier)
            self._outbox.service_answers(self.notifier)
        self._newest_delivered = self._is_after_outage()
        self._rest_until_s = 0.0
        self._clear_trouble()
        if delivery.failures:
            # The channel was at fault, not its deliveries: they go in their order again.
            for other in self._deliveries:
                other.failures = 0
        self._make_all_due()

    def _clear_trouble(self) -> None:
        self.error = None
        self._backoff.reset()


def _is_untouched(delivery: Delivery) -> bool:
    """Return whether certainly no message with *delivery* was posted."""
    progress = delivery.progress
    is_over = delivery.delivered or progress.is_over
    return not (is_over or progress.get(Stage.DIGEST) or progress.has_begun)
