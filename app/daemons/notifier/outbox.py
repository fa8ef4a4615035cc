"""The outbox: all channels to the owner, each with its own queues and threads.

A channel that hangs or rests delays no other. A fact is acknowledged when each of its channels has
delivered it.
"""

import threading
from collections.abc import Callable, Iterable, Sequence

from app.daemons.notifier.channel import Channel
from app.daemons.notifier.composer import Composer
from app.daemons.notifier.delivery_plan import QUEUES, plan_for
from app.daemons.notifier.delivery_queue import PendingFact
from app.daemons.notifier.journal import DeliveryJournal
from app.errors import DeliveryError
from app.notify import TOPIC_OF, Notifier
from app.protocol import Fact, opened_event
from app.worker import Worker


class Outbox:
    """The channels of *notifiers*, and the facts that wait for them.

    *acknowledge* gets the stream's ids of facts that all their channels have delivered. *journal*
    has the marks that must survive a power cut. *trouble_changed* is called by the threads of the
    channels when `trouble` may have changed.
    """

    def __init__(
        self,
        notifiers: Iterable[Notifier],
        composer: Composer,
        digest_after_s: float,
        acknowledge: Callable[..., None],
        journal: DeliveryJournal | None = None,
        *,
        trouble_changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.journal = journal
        self.trouble_changed = trouble_changed
        self.notifiers = list(notifiers)
        self.composer = composer
        self.digest_after_s = digest_after_s
        self.channels = [
            Channel(notifier, queue, self) for queue in QUEUES for notifier in self.notifiers
        ]
        self.delivered = 0
        self._acknowledge = acknowledge
        self._pending: dict[str, PendingFact] = {}
        self._facts: dict[str, PendingFact] = {}
        self._alerts: dict[str, PendingFact] = {}
        self._lock = threading.Lock()

    @property
    def workers(self) -> list[Worker]:
        """Return the threads of all channels."""
        return [channel.worker for channel in self.channels]

    @property
    def waiting(self) -> int:
        """Return the number of facts that wait for a channel."""
        return len(self._facts)

    @property
    def trouble(self) -> str | None:
        """The trouble of the channels; None when there is none."""
        troubles = (channel.trouble for channel in self.channels)
        return "; ".join(dict.fromkeys(filter(None, troubles))) or None

    def oldest_s(self, name: str) -> float | None:
        """Return for how long the oldest fact has waited for the channel *name*, in seconds.

        None when none waits. Nothing here waits for the thread of that channel.
        """
        with self._lock:
            waiting = (one for one in self._pending.values() if name in one.remaining)
            oldest = next(waiting, None)
        if oldest is None:
            return None
        return round(self.composer.clock.monotonic() - oldest.since_s, 1)

    def __contains__(self, entry: str) -> bool:
        return entry in self._pending

    def channels_for(self, fact: Fact) -> set[str]:
        """Return the names of the channels that deliver *fact*."""
        return {
            channel.name
            for channel in self.channels
            if TOPIC_OF[fact.kind] in channel.notifier.when
            and channel.queue in plan_for(fact, channel.notifier).queues
        }

    def enqueue(
        self, entry: str, fact: Fact, names: set[str], *, is_doubtful: bool = False
    ) -> None:
        """Add *fact*, the stream's *entry*, to the queues of the channels *names*.

        *is_doubtful* is as in `PendingFact`. A fact that is here already is not added again: a
        Redis that has forgotten something has it as another entry, or as one that nobody has read.
        """
        since_s = self.composer.clock.monotonic()
        pending = PendingFact([entry], fact, set(names), since_s, is_doubtful)
        event = opened_event(fact)
        with self._lock:
            if known := self._facts.get(fact.id):
                self._add_entry(known, entry)
                return
            self._facts[fact.id] = self._pending[entry] = pending
            if event:
                self._alerts[event] = pending
        for channel in self.channels:
            if channel.name in names:
                channel.enqueue(pending)

    def retry_now(self) -> None:
        """End the rest of every channel: the cause of its failures may be over."""
        for channel in self.channels:
            channel.retry_now()

    def service_answers(self, notifier: Notifier) -> None:
        """End the rests of the queues of *notifier*: its service accepts messages again."""
        for channel in self.channels:
            if channel.notifier is notifier:
                channel.end_rest()

    def close_ended(self) -> None:
        """Close the notifiers whose threads have ended."""
        busy = {channel.notifier for channel in self.channels if not channel.worker.has_ended()}
        for notifier in self.notifiers:
            if notifier not in busy:
                notifier.close()

    def alert_of(self, event: str | None) -> PendingFact | None:
        """Return the alert that opened *event*; None when it is not pending here."""
        return self._alerts.get(event or "")

    def is_known(self, error: DeliveryError, notifier: Notifier) -> bool:
        """Return whether a queue of *notifier* has the trouble of *error* already."""
        current = (channel.error for channel in self.channels if channel.notifier is notifier)
        return any(known is not None and known.is_like(error) for known in current)

    def finish(self, finished: Sequence[PendingFact], name: str) -> None:
        """Remove *finished* from the channel *name*; acknowledge each after its last channel.

        A clip may have waited for that.
        """
        with self._lock:
            over = [pending for pending in finished if pending.remaining == {name}]
            if over:
                self._acknowledge(*(entry for pending in over for entry in pending.entries))
            for pending in over:
                self._forget(pending)
            for pending in finished:
                pending.remaining.discard(name)
        for channel in self.channels:
            if channel.queue == "clips" and channel.notifier.name == name and channel.waiting:
                channel.worker.wake()

    def _forget(self, pending: PendingFact) -> None:
        for entry in pending.entries:
            del self._pending[entry]
        del self._facts[pending.fact.id]
        self._alerts.pop(opened_event(pending.fact) or "", None)
        self.delivered += 1

    def _add_entry(self, pending: PendingFact, entry: str) -> None:
        if entry not in pending.entries:
            pending.entries.append(entry)
            self._pending[entry] = pending
