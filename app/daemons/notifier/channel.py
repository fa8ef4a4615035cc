"""One queue of a channel: a thread that delivers its facts one after another.

Every stage of a delivery is marked in Redis. `DeliveryQueue` decides which goes next, and `Rest`
when nothing is tried after a failure. After an outage the newest alert is delivered by itself, and
all others as one digest (`Digests`), if the notifier makes digests.
"""

import logging
from collections.abc import Sequence
from queue import SimpleQueue
from typing import Protocol

from app.daemons.notifier.composer import Composer, NotYet, Skipped
from app.daemons.notifier.delivery_plan import QueueName, plan_for
from app.daemons.notifier.delivery_queue import Delivery, DeliveryQueue, PendingFact
from app.daemons.notifier.digests import Digests
from app.daemons.notifier.journal import DeliveryJournal
from app.daemons.notifier.posted_lookup import PostedLookup
from app.daemons.notifier.progress import DeliveryProgress, load_all, set_all_delivered
from app.daemons.notifier.rest import Rest
from app.errors import DeliveryError, DeliveryRefused, ProtocolError, StateUnavailable
from app.notify import Message, Notifier
from app.protocol import Fact, Stage
from app.worker import Worker

#: The rest of a channel while Redis is away, which does not count as a failure of the channel.
REDIS_RETRY_S = 1.0
#: A step that lasts longer is late: a few calls with their deadlines, or a rendition of a clip and
#: its upload.
STEP_LIMITS_S: dict[QueueName, float] = {"alerts": 120.0, "clips": 3600.0}

_log = logging.getLogger(__name__)


class ChannelOutbox(Protocol):
    """The outbox of all channels, as one channel uses it."""

    composer: Composer
    digest_after_s: float
    journal: DeliveryJournal | None

    def alert_of(self, event: str | None) -> PendingFact | None:
        """Return the alert that opened *event*; None when it is not pending here."""

    def is_known(self, error: DeliveryError, notifier: Notifier) -> bool:
        """Return whether a queue of *notifier* is in the trouble of *error* already."""

    def finish(self, finished: Sequence[PendingFact], name: str) -> None:
        """Take *finished* off the channel *name*; acknowledge those of which it was the last."""

    def trouble_changed(self) -> None:
        """Take note that the trouble of a channel has begun or ended."""

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
        self.worker = Worker(f"channel {self.name}", self.step, STEP_LIMITS_S[queue])
        self._outbox = outbox
        self._composer = outbox.composer
        self._clock = outbox.composer.clock
        self._makes_digests = _makes_digests(notifier, queue)
        self._arrived: SimpleQueue[PendingFact] = SimpleQueue()
        self._deliveries = DeliveryQueue(queue, self._clock, self._digest_after_s())
        self._rest = Rest()
        self._digests = Digests(notifier, self.name, self._composer, self._progress)
        self._lookup = PostedLookup(notifier, self._composer, self._digests)

    @property
    def digests(self) -> int:
        """The number of digests that were delivered."""
        return self._digests.count

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
        self._deliveries.expect(pending.fact)
        self._arrived.put(pending)
        self.worker.wake()

    def retry_now(self) -> None:
        """End every rest, also one that the service has demanded."""
        self._rest.end_all()
        self.worker.wake()

    def end_rest(self) -> None:
        """End the rest after a failure."""
        self._rest.end()
        self.worker.wake()

    def step(self) -> float:
        """Deliver the next fact that is due; returns the seconds until another may be due."""
        self._accept_arrived()
        if not self._deliveries:
            # The last failed fact was skipped in the end, or another notifier has delivered it.
            self._clear_trouble()
            return float("inf")
        now_s = self._clock.monotonic()
        if demanded_s := self._rest.demanded_left_s(now_s):
            return demanded_s
        due = [one for one in self._deliveries.due(now_s) if not self._waits_for_alert(one)]
        if rest_s := self._rest.left_s(now_s):
            due = [one for one in due if self._deliveries.is_newcomer(one)]
            if not due:
                return rest_s
        if not due:
            return self._deliveries.next_due_s(now_s) - now_s
        first = self._deliveries.first(due)
        return self._deliveries.hold_s(first, now_s) or self._attempt(first, due)

    def _digest_after_s(self) -> float | None:
        """Return the age, in seconds, from which on a fact is old enough for a digest."""
        if not self._makes_digests:
            return None
        patience_s = self._composer.clips.patience.total_seconds() if self.queue == "clips" else 0.0
        return self._outbox.digest_after_s + patience_s

    def _progress(self, subject: Fact | str) -> DeliveryProgress:
        return DeliveryProgress(self._composer.state, self.name, subject, self._outbox.journal)

    def _accept_arrived(self) -> None:
        arrived = []
        while not self._arrived.empty():
            pending = self._arrived.get_nowait()
            progress = self._progress(pending.fact)
            arrived.append(Delivery(pending, progress, is_doubtful=pending.is_doubtful))
        if arrived:
            self._deliveries.add(arrived, in_trouble=self.error is not None)

    def _waits_for_alert(self, delivery: Delivery) -> bool:
        """Return whether *delivery* is a clip whose alert this notifier has not delivered yet.

        The outbox wakes this thread when that is delivered.
        """
        alert = self._alert_of(delivery) if self.queue == "clips" else None
        return alert is not None and self.notifier.name in alert.remaining

    def _alert_of(self, delivery: Delivery) -> PendingFact | None:
        """Return the alert of the clip of *delivery*; None when that alert is not pending."""
        clip_of = plan_for(delivery.fact, self.notifier).clip_of
        if clip_of == "event":
            return self._outbox.alert_of(delivery.fact.event)
        return delivery.pending if clip_of == "fact" else None

    def _attempt(self, first: Delivery, due: Sequence[Delivery]) -> float:
        try:
            if self._deliver_group(first, due) or self._deliver_next(first):
                self._succeeded(first)
        except StateUnavailable:
            return REDIS_RETRY_S
        except DeliveryError as error:
            return self._failed(first, error)
        except ProtocolError as error:
            # A mark in Redis is wrong: this delivery must not stop the others.
            return self._failed(first, DeliveryError(str(error)))
        return 0.0

    def _deliver_group(self, first: Delivery, due: Sequence[Delivery]) -> bool:
        """Deliver *first* with others in *due* by one call; returns False if that cannot be done.

        Each is marked after the call. A kill before that repeats the call, which shows nothing
        twice. After a failure each is delivered by itself, which shows the one at fault.
        """
        most = 1 if self.error or self.queue == "clips" else self.notifier.group_size
        group = self._deliveries.group(first, due, most)
        if len(group) < 2:
            return False
        load_all([one.progress for one in group])
        self._ask_about_doubtful()
        messages: list[Message] = []
        for delivery in group:
            message = self._compose(delivery)
            is_over = delivery.delivered or delivery.progress.is_over
            if is_over or not isinstance(message, Message) or self.notifier.skip_reason(message):
                break
            messages.append(message)
        if not messages:
            return False
        try:
            self.notifier.deliver_group(messages)
        except DeliveryError:
            return False
        delivered = group[: len(messages)]
        for delivery in delivered:
            self._delivered(delivery)
        self._finish(delivered)
        return True

    def _deliver_next(self, first: Delivery) -> bool:
        """Deliver *first*, or its digest; returns whether something was delivered."""
        first.progress.load()
        if first.is_doubtful:
            self._ask_about_doubtful()
        key = first.progress.get(Stage.DIGEST) or None if self._makes_digests else None
        if key is None and self._deliveries.is_for_digest(first):
            key = self._begin_digest()
        if key is None or first.progress.delivered:
            return self._deliver(first)
        self._deliver_digest(key)
        return True

    def _deliver(self, delivery: Delivery) -> bool:
        """Deliver as a single message; if only its mark is missing, write the mark."""
        if not (delivery.delivered or delivery.progress.is_over):
            message = self._compose(delivery)
            if isinstance(message, NotYet):
                delivery.due_s = self._clock.monotonic() + message.wait_s
                return False
            if isinstance(message, Skipped):
                return self._skip(delivery, message.why)
            if why := self.notifier.skip_reason(message):
                return self._skip(delivery, why)
            self.notifier.deliver(message, delivery.progress)
            self._composer.release(message)
            self._delivered(delivery)
        self._finish([delivery])
        return True

    def _compose(self, delivery: Delivery) -> Message | NotYet | Skipped:
        marks = delivery.progress.marks
        return self._composer.compose(delivery.fact, self.notifier, self.queue, marks)

    def _delivered(self, delivery: Delivery) -> None:
        delivery.delivered = True
        _log.info("delivered by %s: %s", self.name, delivery.fact.text)

    def _skip(self, delivery: Delivery, why: str) -> bool:
        delivery.progress.set(Stage.SKIPPED, why)
        _log.info("not delivered by %s, since %s: %s", self.name, why, delivery.fact.text)
        self._finish([delivery])
        return False

    def _finish(self, deliveries: Sequence[Delivery]) -> None:
        unmarked = [one.progress for one in deliveries if not one.progress.delivered]
        set_all_delivered(unmarked, self._clock.now().isoformat())
        self._outbox.finish([one.pending for one in deliveries], self.name)
        self._deliveries.remove(deliveries)

    def _ask_about_doubtful(self) -> None:
        """Ask the service which of the doubtful deliveries it shows already."""
        doubtful = [one for one in self._deliveries if one.is_doubtful]
        load_all([one.progress for one in doubtful])
        if self.queue == "alerts" or not self.notifier.clips_in_threads:
            self._lookup.mark([one for one in doubtful if one.is_untouched])
        for delivery in doubtful:
            delivery.is_doubtful = False

    def _begin_digest(self) -> str | None:
        """Mark all waiting deliveries as one digest; returns its key, None for fewer than two."""
        load_all([one.progress for one in self._deliveries])
        self._lookup.mark([one for one in self._deliveries if one.progress.is_unconfirmed])
        return self._digests.begin([one for one in self._deliveries if one.is_untouched])

    def _deliver_digest(self, key: str) -> None:
        load_all([one.progress for one in self._deliveries])
        self._finish(self._digests.deliver(key, self._deliveries))
        self._digests.finish()

    def _failed(self, delivery: Delivery, error: DeliveryError) -> float:
        """Begin a rest, longer each time unless *error* gives its length; returns the seconds."""
        if not self._outbox.is_known(error, self.notifier):
            level = logging.ERROR if isinstance(error, DeliveryRefused) else logging.WARNING
            _log.log(level, "%s; trying again", error)
        self.error = error
        self._outbox.trouble_changed()
        self._deliveries.failed(delivery, counts=error.retry_after_s is None)
        return self._rest.begin(error, self._clock.monotonic())

    def _succeeded(self, delivery: Delivery) -> None:
        if self.error:
            _log.info("alerts reach %s again", self.notifier)
            self._outbox.service_answers(self.notifier)
        self._rest.end()
        self._clear_trouble()
        self._deliveries.succeeded(delivery)

    def _clear_trouble(self) -> None:
        if self.error:
            self.error = None
            self._outbox.trouble_changed()
        self._rest.forget_failures()


def _makes_digests(notifier: Notifier, queue: QueueName) -> bool:
    """Return whether *queue* of *notifier* has digests.

    A clip that belongs to an alert is never in a digest: it is delivered by itself, or not at all.
    """
    belong_to_alerts = notifier.clips_in_threads or "alert" in notifier.when
    return notifier.makes_digests and not (queue == "clips" and belong_to_alerts)
