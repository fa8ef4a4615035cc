"""Delivery exactly once, around a call whose answer may be lost.

Before the call that makes a message visible, its time is stored as the stage `posting`. A clear
refusal, or a service that was never reached, clears that again. A success is stored as `posted`. A
delivery that begins with `posting` but without `posted` does not know whether its call succeeded:
the process was killed, or the answer was lost. It then has to ask the service before it calls
again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from app.clock import Clock
from app.errors import DeliveryError
from app.notify.base import NoAnswer, Progress
from app.protocol import Stage


@contextmanager
def posting(progress: Progress, clock: Clock) -> Iterator[None]:
    """Store `posting` for a call in the block, and clear it if the call certainly did nothing."""
    progress.set(Stage.POSTING, clock.now().isoformat())
    try:
        yield
    except DeliveryError as error:
        if not (isinstance(error, NoAnswer) and error.sent):
            progress.set(Stage.POSTING, "")
        raise


def unconfirmed_since(progress: Progress) -> datetime | None:
    """Return when a call began that may have succeeded, None when there was no such call."""
    begun = progress.get(Stage.POSTING)
    return datetime.fromisoformat(begun) if begun else None
