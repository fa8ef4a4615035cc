"""A house whose router's answers a test gives, on a test's own clock."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from app.clock import FakeClock
from app.presence.base import Device, PersonSettings, PresenceSettings
from app.presence.household import Household
from app.protocol import Habits, Presence

#: A Wednesday.
NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
ANNA, BEN, WATCH = "02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:0c"
PEOPLE = {"anna": PersonSettings((ANNA, WATCH), ("iphone",)), "ben": PersonSettings((BEN,))}
TELEVISION = Device("02:00:00:00:00:01", "television")
POLL_S = 15.0
#: Anna's record before a start, home and away, and her wait by day while nothing is learned.
HOME = Presence(True, NOON - timedelta(hours=2), ANNA, NOON - timedelta(minutes=1))
AWAY = Presence(False, NOON - timedelta(hours=2), ANNA, NOON - timedelta(hours=3))
WAIT_S = 180.0


class House:
    """Anna, who has a phone and a watch, and Ben."""

    def __init__(
        self,
        known: Mapping[str, Presence] | None = None,
        habits: Mapping[str, Habits] | None = None,
        home: bool = False,
        at: datetime = NOON,
        people: Mapping[str, PersonSettings] = PEOPLE,
    ) -> None:
        self.clock = FakeClock(at)
        self.settings = PresenceSettings(people=dict(people))
        self.household = Household(self.settings, known or {}, habits or {}, home)

    def is_home(self) -> bool:
        """Return whether somebody is taken to be home."""
        return self.household.home

    def is_known(self) -> bool:
        """Return whether that is known now."""
        return self.household.known

    def sees(self, *devices: str | Device) -> list[str]:
        """Let the router list a television and *devices*; returns the changes."""
        return self.answers(
            [
                TELEVISION,
                *(Device(device) if isinstance(device, str) else device for device in devices),
            ]
        )

    def answers(self, devices: list[Device]) -> list[str]:
        """Let the router list only *devices*; returns the changes, after the time of a poll."""
        changes = self.household.seen(devices, self.clock.now(), self.clock.monotonic())
        self.clock.advance(POLL_S)
        return [
            f"{change.kind} {change.person}" if change.person else change.kind for change in changes
        ]

    def lives(self, seconds: float, *devices: str | Device) -> list[str]:
        """Let the router list a television and *devices* for *seconds*; returns the changes."""
        return [change for _ in range(round(seconds / POLL_S)) for change in self.sees(*devices)]

    def misses(self, polls: int = 1) -> None:
        """Let the router not answer *polls* times."""
        for _ in range(polls):
            self.household.missed()
            self.clock.advance(POLL_S)

    def until(self, change: str, *devices: str | Device, within_s: float = 3600.0) -> float:
        """Return the seconds, with *devices* on the list, until *change* follows."""
        began_s = self.clock.monotonic()
        while self.clock.monotonic() < began_s + within_s:
            at_s = self.clock.monotonic()
            if change in self.sees(*devices):
                return at_s - began_s
        raise AssertionError(f"no {change} within {within_s} s")

    def restart(self) -> None:
        """Start again with the records."""
        known = {name: self.household.presence(name) for name in self.settings.people}
        habits = {name: self.household.habits(name) for name in self.settings.people}
        self.household = Household(self.settings, known, habits, self.household.home)
