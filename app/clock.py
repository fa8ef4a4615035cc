"""Time as a parameter: monotonic seconds for intervals, aware UTC for records."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """A source of time. Production uses `SystemClock`; tests advance a `FakeClock`."""

    def monotonic(self) -> float:
        """Return the seconds since an arbitrary start; they never go back."""

    def since_boot(self) -> float:
        """Return the seconds since the machine started, those in which it slept included."""

    def now(self) -> datetime:
        """Return the time of day as aware UTC."""

    def sleep(self, seconds: float) -> None:
        """Wait for *seconds*; not at all when they are negative."""


class SystemClock:
    """The machine's clocks."""

    def monotonic(self) -> float:
        return time.monotonic()

    def since_boot(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            time.sleep(seconds)


class FakeClock:
    """A clock for tests, which stands still until `advance` or `sleep` moves it.

    It begins at *start*, on a machine that was started *booted_before_s* seconds before.
    """

    def __init__(
        self,
        start: datetime = datetime(2026, 11, 20, 10, 15, tzinfo=UTC),
        booted_before_s: float = 86_400.0,
    ) -> None:
        self._start = start
        self._passed_s = 0.0
        self._booted_before_s = booted_before_s

    def monotonic(self) -> float:
        return self._passed_s

    def since_boot(self) -> float:
        return self._booted_before_s + self._passed_s

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed_s)

    def sleep(self, seconds: float) -> None:
        self.advance(max(seconds, 0.0))

    def advance(self, seconds: float) -> None:
        """Move both clocks forward by *seconds*."""
        self._passed_s += seconds

    def jump(self, seconds: float) -> None:
        """Move only the time of day by *seconds*, maybe negative, like a time server."""
        self._start += timedelta(seconds=seconds)
