"""Time as a parameter: monotonic seconds for intervals, aware UTC for records."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What tells the time. Production uses `SystemClock`; tests advance a `FakeClock`."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""

    def now(self) -> datetime:
        """The time of day, aware, UTC."""

    def sleep(self, seconds: float) -> None:
        """Let *seconds* pass; a negative number is no wait at all."""


class SystemClock:
    """The machine's clocks."""

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            time.sleep(seconds)


class FakeClock:
    """A clock that stands still until `advance` or `sleep` moves it."""

    def __init__(self, start: datetime = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)) -> None:
        self._start = start
        self._passed_s = 0.0

    def monotonic(self) -> float:
        return self._passed_s

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed_s)

    def sleep(self, seconds: float) -> None:
        self.advance(max(seconds, 0.0))

    def advance(self, seconds: float) -> None:
        """Move both clocks forward by *seconds*."""
        self._passed_s += seconds

    def jump(self, seconds: float) -> None:
        """Move only the time of day, as a time server or a person does; *seconds* may be
        negative.
        """
        self._start += timedelta(seconds=seconds)
