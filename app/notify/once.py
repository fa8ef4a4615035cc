"""Delivers exactly once by a call whose answer may be lost.

Before the call that makes a message visible, its time is stored as the stage `posting`. It is
cleared after a clear refusal, or when the service was never reached. A success is stored as
`posted`. When a delivery begins with `posting` but without `posted`, it is unknown whether its call
succeeded: the process was killed, or the answer was lost. The service must then be asked before the
next call.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from app.clock import Clock
from app.errors import DeliveryError
from app.notify.base import NoAnswer, Progress
from app.protocol import Stage
from app.times import utc_time

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@contextmanager
def posting(progress: Progress, clock: Clock) -> Iterator[None]:
    """Store `posting` for a call in the block; clear it if the call certainly did nothing."""
    progress.set(Stage.POSTING, clock.now().isoformat())
    try:
        yield
    except DeliveryError as error:
        if not (isinstance(error, NoAnswer) and error.sent):
            progress.set(Stage.POSTING, "")
        raise


def unconfirmed_since(progress: Progress) -> datetime | None:
    """Return the beginning of a call that may have succeeded; None without such a call.

    A mark that is no time counts as a call long ago.
    """
    begun = progress.get(Stage.POSTING)
    if not begun:
        return None
    try:
        return utc_time(begun)
    except ValueError:
        return _LONG_AGO
