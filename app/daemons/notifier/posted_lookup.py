"""Asks a service which messages it shows already, where their marks do not say that."""

from collections.abc import Sequence

from app.daemons.notifier.composer import Composer
from app.daemons.notifier.delivery_queue import Delivery
from app.daemons.notifier.digests import Digests
from app.notify import Notifier
from app.notify.once import unconfirmed_since
from app.protocol import Stage


class PostedLookup:
    """Asks the service of *notifier*; what it shows gets its marks, also in *digests*."""

    def __init__(self, notifier: Notifier, composer: Composer, digests: Digests) -> None:
        self._notifier = notifier
        self._composer = composer
        self._digests = digests

    def mark(self, deliveries: Sequence[Delivery]) -> None:
        """Ask the service which of *deliveries* it shows; the others then count as not begun.

        Nothing changes where the service cannot be asked.
        """
        if not deliveries:
            return
        began = filter(None, (unconfirmed_since(one.progress) for one in deliveries))
        messages = [self._composer.without_clip(one.fact, with_picture=False) for one in deliveries]
        places = self._notifier.find_posted(messages, max(began, default=None))
        if places is None:
            return
        for delivery, message in zip(deliveries, messages, strict=True):
            place = places.get(message.key)
            if place and place.digest:
                delivery.progress.set(Stage.DIGEST, place.digest)
                self._digests.progress(place.digest).set(Stage.POSTED, place.posted)
            elif place:
                delivery.progress.set(Stage.POSTED, place.posted)
            elif delivery.progress.get(Stage.POSTING):
                delivery.progress.set(Stage.POSTING, "")
