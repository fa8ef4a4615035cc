"""The digests of a channel: one message in place of several that piled up.

The mark `digest` of each member has the key of its digest, so that a later run delivers the same
digest. Before a call, the digest's own mark `members` names the facts that it has.
"""

import logging
from collections.abc import Callable, Iterable, Sequence

from app import protocol
from app.daemons.notifier.composer import Composer
from app.daemons.notifier.delivery_queue import Delivery
from app.daemons.notifier.progress import DeliveryProgress
from app.notify import Digest, Message, Notifier
from app.protocol import Stage

#: The number of alerts in a digest, the newest, whose pictures it shows and whose clips follow it.
#: Slack accepts 50 blocks in a message, which is enough for 11.
SHOWN_IN_DIGEST = 10

_log = logging.getLogger(__name__)


class Digests:
    """Delivers digests by *notifier* for the channel *name*.

    *progress_of* returns the progress of a digest by its key. *count* is the number of digests that
    were delivered.
    """

    def __init__(
        self,
        notifier: Notifier,
        name: str,
        composer: Composer,
        progress_of: Callable[[str], DeliveryProgress],
    ) -> None:
        self.count = 0
        self._notifier = notifier
        self._name = name
        self._composer = composer
        self._progress_of = progress_of
        self._current: tuple[str, DeliveryProgress] | None = None

    def begin(self, members: Sequence[Delivery]) -> str | None:
        """Mark *members* as one digest; returns its key, None for fewer than two."""
        if len(members) < 2:
            return None
        key = f"{protocol.new_fact_id(self._composer.clock.now())}-digest"
        if not self._notifier.links_only:
            openers = [one for one in members if protocol.opened_event(one.fact)]
            for delivery in openers[-SHOWN_IN_DIGEST:]:
                delivery.progress.set(Stage.SHOWN, "yes")
        for delivery in members:
            delivery.progress.set(Stage.DIGEST, key)
        return key

    def deliver(self, key: str, waiting: Iterable[Delivery]) -> list[Delivery]:
        """Deliver the digest *key* of those in *waiting* that have its mark; returns its members.

        If only its mark is missing, nothing is delivered again.
        """
        members = [one for one in waiting if one.progress.get(Stage.DIGEST) == key]
        progress = self.progress(key)
        members = _named_members(members, progress)
        if not (progress.is_over or all(delivery.delivered for delivery in members)):
            self._notifier.deliver_digest(Digest(key, self._messages(members)), progress)
            self.count += 1
            _log.info("delivered by %s: %d alerts as one digest", self._name, len(members))
        for delivery in members:
            delivery.delivered = True
        return members

    def progress(self, key: str) -> DeliveryProgress:
        """Return the progress of the digest *key*, with the marks that are not in Redis yet."""
        if self._current is None or self._current[0] != key:
            self._current = key, self._progress_of(key)
        self._current[1].load()
        return self._current[1]

    def finish(self) -> None:
        """Forget the progress of the last digest: all its members are finished."""
        self._current = None

    def _messages(self, members: Sequence[Delivery]) -> tuple[Message, ...]:
        return tuple(
            self._composer.without_clip(
                one.fact, with_picture=one.progress.get(Stage.SHOWN) is not None
            )
            for one in members
        )


def _named_members(members: list[Delivery], progress: DeliveryProgress) -> list[Delivery]:
    """Return those of *members* that the digest with this *progress* has, or will have.

    Redis may have lost a fact when the digest was posted. It comes back later, with the mark of the
    digest; it is then delivered as if it had no such mark.
    """
    if not (progress.is_over or progress.is_unconfirmed):
        progress.set(Stage.MEMBERS, " ".join(one.fact.id for one in members))
    named = (progress.get(Stage.MEMBERS) or "").split()
    for late in members:
        if named and late.fact.id not in named:
            late.progress.set(Stage.DIGEST, "")
    return [one for one in members if one.progress.get(Stage.DIGEST)]
