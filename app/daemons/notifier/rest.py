"""The rest of a channel after a failure: the time for which it tries nothing."""

from app.backoff import Backoff
from app.errors import DeliveryError, DeliveryRefused

RETRY_MAX_S = 60.0


class Rest:
    """Becomes longer with each failure, unless the service demands a rest of its own length.

    All times are seconds of the monotonic clock.
    """

    def __init__(self) -> None:
        self._backoff = Backoff(RETRY_MAX_S)
        self._until_s = 0.0
        self._demanded_until_s = 0.0

    def left_s(self, now_s: float) -> float:
        """Return the seconds that are left at *now_s*; 0 when there is no rest."""
        return max(self._until_s - now_s, 0.0)

    def demanded_left_s(self, now_s: float) -> float:
        """Return the seconds that are left of what the service demands; no new alert ends that."""
        return max(self._demanded_until_s - now_s, 0.0)

    def begin(self, error: DeliveryError, now_s: float) -> float:
        """Rest at *now_s* because of *error*; returns the seconds that are left."""
        if error.retry_after_s is not None and not isinstance(error, DeliveryRefused):
            self._until_s = self._demanded_until_s = now_s + error.retry_after_s
            return error.retry_after_s
        if self._until_s <= now_s:
            # A new alert that was tried during a rest does not make the rest longer.
            grown_s = self._backoff.failed()
            self._until_s = now_s + (
                grown_s if error.retry_after_s is None else error.retry_after_s
            )
        return self._until_s - now_s

    def end(self) -> None:
        """End the rest, but not what the service demands."""
        self._until_s = 0.0

    def end_all(self) -> None:
        """End every rest, also one that the service demands."""
        self._demanded_until_s = 0.0
        self.end()

    def forget_failures(self) -> None:
        """Let the next rest be short again."""
        self._backoff.reset()
