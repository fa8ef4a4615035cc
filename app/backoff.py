"""A delay that grows with each failure."""

#: More doublings would not matter: 2 ** 30 s is 34 years. Without a limit the number overflows.
_MOST_DOUBLINGS = 30


class Backoff:
    """The delay before the next try: *first_s*, doubled each time, *longest_s* at most.

    *failures* counts the failures since the last `reset`.
    """

    def __init__(self, longest_s: float, first_s: float = 1.0) -> None:
        self.longest_s = longest_s
        self.failures = 0
        self._first_s = first_s

    def failed(self) -> float:
        """Count one more failure; returns the seconds to wait before the next try."""
        self.failures += 1
        return self.delay_s

    @property
    def delay_s(self) -> float:
        """The seconds to wait after the failures so far; 0 when there was none."""
        if not self.failures:
            return 0.0
        return min(self._first_s * 2.0 ** min(self.failures - 1, _MOST_DOUBLINGS), self.longest_s)

    def reset(self) -> None:
        """Forget all failures: a try has succeeded."""
        self.failures = 0
