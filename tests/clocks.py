"""A clock for tests with several processes or threads."""

from datetime import UTC, datetime

from app.clock import SystemClock


class NoonClock(SystemClock):
    """The machine's clock, at which it is always noon: what is reported once a day comes once."""

    def now(self) -> datetime:
        return datetime(2026, 11, 20, 12, tzinfo=UTC)
