"""The deliveries of one queue of a channel, and which of them goes next.

They go in their order. A new alert goes before them, once. One that has failed often goes after
them, since it may be at fault itself. After an outage the newest alert goes first, and all others
become a digest, for which old facts wait a little. Nothing here delivers.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from app.clock import Clock
from app.daemons.notifier.delivery_plan import QueueName
from app.daemons.notifier.progress import DeliveryProgress
from app.protocol import MOTION_ALERTS, Fact, Stage

#: After this many failures a delivery goes after the others, since it may be at fault itself.
MOST_FAILURES = 10
#: After this many failures of one alert the next alert is tried. Its result shows whether the
#: channel or the first alert is at fault.
SUSPECT_FAILURES = 3
#: Old facts wait until no other has arrived for so long: after an outage several programs publish
#: what they have kept, and all of that becomes one digest.
QUIET_S = 4.0
#: The longest time that old facts wait for others.
QUIET_MAX_S = 30.0


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

    @property
    def is_untouched(self) -> bool:
        """Return whether certainly no message with it was posted."""
        is_over = self.delivered or self.progress.is_over
        return not (is_over or self.progress.get(Stage.DIGEST) or self.progress.has_begun)


class DeliveryQueue:
    """The deliveries that wait in the queue *name*, oldest first.

    A fact is old *digest_after_s* after it happened; None where there are no digests. Only `expect`
    may be called by another thread.
    """

    def __init__(self, name: QueueName, clock: Clock, digest_after_s: float | None) -> None:
        self._name = name
        self._clock = clock
        self._digest_after_s = digest_after_s
        self._deliveries: list[Delivery] = []
        self._newcomer: Delivery | None = None
        self._newest_delivered = False
        self._last_old_arrival_s = float("-inf")
        self._held_since_s: float | None = None

    def __len__(self) -> int:
        return len(self._deliveries)

    def __iter__(self) -> Iterator[Delivery]:
        return iter(self._deliveries)

    def expect(self, fact: Fact) -> None:
        """Let old facts wait a little longer, if *fact*, which will be added, is old."""
        if self._is_old(fact):
            self._last_old_arrival_s = self._clock.monotonic()

    def add(self, deliveries: Iterable[Delivery], *, in_trouble: bool) -> None:
        """Add *deliveries*; a new alert goes first when the channel is *in_trouble*."""
        for delivery in deliveries:
            self._deliveries.append(delivery)
            is_new = delivery.fact.kind != "clip_ready" and not self._is_old(delivery.fact)
            if is_new and (in_trouble or self._is_after_outage()):
                self._newcomer = delivery
        self._make_all_due()

    def remove(self, deliveries: Iterable[Delivery]) -> None:
        """Remove *deliveries*, which are finished."""
        finished = set(map(id, deliveries))
        self._deliveries = [one for one in self._deliveries if id(one) not in finished]

    def due(self, now_s: float) -> list[Delivery]:
        """Return what is due at *now_s* and need not wait for another of the same event."""
        return [delivery for delivery in self._heads() if delivery.due_s <= now_s]

    def next_due_s(self, now_s: float) -> float:
        """Return the time after *now_s* at which another is due; infinite when none is."""
        later = (one.due_s for one in self._deliveries if one.due_s > now_s)
        return min(later, default=float("inf"))

    def group(self, first: Delivery, due: Sequence[Delivery], most: int) -> Sequence[Delivery]:
        """Return up to *most* of *due* that can be delivered together, beginning with *first*.

        That is *first* alone unless everything goes in its order.
        """
        in_order = first is due[0] and first is not self._newcomer
        if not in_order or any(one.failures for one in self._deliveries):
            return [first]
        return due[:most]

    def is_newcomer(self, delivery: Delivery) -> bool:
        """Return whether *delivery* is the new alert that is tried at once, even during a rest."""
        return delivery is self._newcomer

    def is_for_digest(self, delivery: Delivery) -> bool:
        """Return whether *delivery* follows the newest alert after an outage, with all others."""
        return self._newest_delivered and delivery is not self._newcomer

    def first(self, due: Sequence[Delivery]) -> Delivery:
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
            alerts = [one for one in first if one.fact.kind in MOTION_ALERTS]
            return max(alerts or first, key=lambda one: one.fact.at)
        return first[0]

    def hold_s(self, first: Delivery, now_s: float) -> float:
        """Return the seconds that *first*, if it is old, still waits for others; 0 for none."""
        quiet_at_s = self._last_old_arrival_s + QUIET_S
        if not self._is_old(first.fact) or quiet_at_s <= now_s:
            self._held_since_s = None
            return 0.0
        self._held_since_s = now_s if self._held_since_s is None else self._held_since_s
        left_s = min(quiet_at_s, self._held_since_s + QUIET_MAX_S) - now_s
        return max(left_s, 0.0)

    def failed(self, delivery: Delivery, *, counts: bool) -> None:
        """Record that *delivery* has failed; *counts* says whether it may be at fault itself."""
        if delivery is self._newcomer:
            self._newcomer = None
        if counts:
            delivery.failures += 1

    def succeeded(self, delivery: Delivery) -> None:
        """Record that *delivery* has succeeded, so the channel can deliver."""
        self._newest_delivered = self._is_after_outage()
        if delivery.failures:
            # The channel was at fault, not its deliveries: they go in their order again.
            for other in self._deliveries:
                other.failures = 0
        self._make_all_due()

    def _make_all_due(self) -> None:
        """Make every delivery due, so that all that are ready are delivered in their order."""
        for delivery in self._deliveries:
            delivery.due_s = 0.0

    def _suspect(self) -> Delivery | None:
        """Return the only alert that has failed, when it has failed often enough.

        It may be at fault itself; then it must not delay the others.
        """
        if self._name != "alerts":
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

    def _is_old(self, fact: Fact) -> bool:
        """Return whether *fact* is old enough for a digest."""
        age_s = (self._clock.now() - fact.at).total_seconds()
        return self._digest_after_s is not None and age_s >= self._digest_after_s

    def _is_after_outage(self) -> bool:
        """Return whether several wait, and one for so long that they become a digest."""
        if self._digest_after_s is None:
            return False
        return len(self._deliveries) > 1 and any(self._is_old(one.fact) for one in self._deliveries)
