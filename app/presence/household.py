"""The household: the people who are home by the router's list, and the house itself.

Nothing here waits, asks or writes: time and the router's answers are parameters.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.presence.base import Device, PersonSettings, PresenceSettings
from app.presence.habits import PhoneHabits
from app.presence.owners import owner
from app.presence.phone import Observation, Phone
from app.protocol import Habits, Presence

#: The seconds between two polls while somebody is home or leaving, and while nobody is home.
HOME_POLL_S, EMPTY_POLL_S = 15.0, 10.0
#: The most seconds between two answers that count: a program that hung saw nobody leave, and
#: neither did a machine that was suspended.
MOST_COUNTED_S = 60.0
#: The number of polls in a row without an answer that make an outage.
OUTAGE_POLLS = 2
#: The kinds of changes of the house itself.
HOUSE_CHANGES = ("occupied", "emptied")


@dataclass(frozen=True, slots=True)
class Change:
    """A change: a person *came* or *left*, or the house was *occupied* or *emptied*.

    The first person who comes occupies the house. It is emptied a while after the last person has
    left.
    """

    kind: Literal["came", "left", "occupied", "emptied"]
    person: str | None
    device: str | None = None


class _Person:
    """A person, with a `Phone` for each of their MACs and host names."""

    def __init__(
        self, wanted: PersonSettings, record: Presence, habits: Habits, settings: PresenceSettings
    ) -> None:
        self.home = record.home
        self.since = record.since
        self.device = record.device
        self.last_seen = record.last_seen
        #: The wait in s that an earlier run recorded; it is used until the router has answered.
        self.wait_s = record.wait_s
        self.habits: Habits | None = None
        keys = (*wanted.macs, *wanted.hosts)
        # Nobody knows which devices were here, so every device that was ever here is waited for.
        ever = [key for key in keys if key == record.device or key in habits.gaps_s] or keys
        drowsy = record.home and record.wait_s == settings.max_consider_home_s
        self.phones = {
            key: Phone(PhoneHabits(habits.gaps_s.get(key, ())), record.home and key in ever, drowsy)
            for key in keys
        }

    def not_after(self, now: datetime) -> None:
        """Limit all times to *now*, because the clock was set back."""
        self.since = min(self.since, now) if self.since else None
        self.last_seen = min(self.last_seen, now) if self.last_seen else None

    def observe(self, listed: set[str], seen: Observation, settings: PresenceSettings) -> bool:
        """Record which devices are *listed*; returns whether the person came or left."""
        for key, phone in self.phones.items():
            if key not in listed:
                phone.off_list(seen, settings)
            elif phone.on_list(seen, settings):
                self.habits = None
        there = [key for key in self.phones if key in listed]
        if there:
            self.last_seen = seen.now
            self.device = self.device if self.device in there else there[0]
        here = any(phone.here for phone in self.phones.values())
        if here == self.home:
            return False
        self.home, self.since = here, seen.now
        return True


class Household:
    """The people of a house; *known*, *habits* and *home* are from an earlier run."""

    def __init__(
        self,
        settings: PresenceSettings,
        known: Mapping[str, Presence],
        habits: Mapping[str, Habits],
        home: bool,
    ) -> None:
        #: Whether somebody is home, by the last conclusion.
        self.home = home
        #: Whether the router answers. The conclusion is true only while it does.
        self.known = False
        self._people: dict[str, _Person] = {}
        self._misses = 0
        self._answered_empty = False
        self._answered_s: float | None = None
        self._newest: Observation | None = None
        self._set_people(settings, known, habits)

    @property
    def people(self) -> Collection[str]:
        """The names of all people of the house."""
        return self._people

    def configure(
        self,
        settings: PresenceSettings,
        known: Mapping[str, Presence],
        habits: Mapping[str, Habits],
    ) -> None:
        """Continue with other *settings*; all waits start again.

        The records of people who stay are kept. *known* and *habits* are an earlier run's records
        of the others.
        """
        now_known = {name: self.presence(name) for name in self.people}
        now_habits = {name: self.habits(name) for name in self.people}
        self._set_people(settings, {**known, **now_known}, {**habits, **now_habits})
        self._answered_s = None

    def seen(self, devices: Sequence[Device], now: datetime, now_s: float) -> list[Change]:
        """Record that the router answered with *devices*; returns the changes that follow.

        *now* is aware, and is used only for the hour of the day and for display; *now_s* is
        monotonic. An empty list counts only if the list before it was empty too.
        """
        self._misses = 0
        empty_before, self._answered_empty = self._answered_empty, not devices
        if not devices and not empty_before:
            return []
        seen = self._observation(now, now_s)
        listed: dict[str, set[str]] = {}
        for device in devices:
            if owned := self._owner_and_key(device):
                listed.setdefault(owned[0], set()).add(owned[1])
        moved = [
            name
            for name, person in self._people.items()
            if person.observe(listed.get(name, set()), seen, self._settings)
        ]
        changes = [
            Change("came" if self._people[name].home else "left", name, self._people[name].device)
            for name in moved
        ]
        left = any(change.kind == "left" for change in changes)
        return [*changes, *self._house_changes(list(listed), left, seen.step_s)]

    def missed(self) -> None:
        """Record that the router did not answer; after an outage all waits start again."""
        self._misses += 1
        self._answered_empty = False
        if self._misses == OUTAGE_POLLS:
            self._interrupt()

    def poll_s(self) -> float:
        """Return the seconds until the next poll, while the router answers."""
        return HOME_POLL_S if self.home or self._anybody_home() else EMPTY_POLL_S

    def presence(self, person: str) -> Presence:
        """Return the record of *person*."""
        known = self._people[person]
        return Presence(known.home, known.since, known.device, known.last_seen, self._wait_s(known))

    def habits(self, person: str) -> Habits:
        """Return the habits of *person*: the same object until something is learned."""
        known = self._people[person]
        if known.habits is None:
            phones = known.phones.items()
            known.habits = Habits(
                {key: phone.habits.record() for key, phone in phones if phone.habits}
            )
        return known.habits

    def _set_people(
        self,
        settings: PresenceSettings,
        known: Mapping[str, Presence],
        habits: Mapping[str, Habits],
    ) -> None:
        self._settings = settings
        unknown, no_habits = Presence(False), Habits({})
        self._people = {
            name: _Person(wanted, known.get(name, unknown), habits.get(name, no_habits), settings)
            for name, wanted in settings.people.items()
        }
        self._restart_hold()

    def _wait_s(self, person: _Person) -> float | None:
        """Return how long *person* may be unseen, in s; None when unknown or away."""
        if self._newest is None:
            return person.wait_s
        here = [phone for phone in person.phones.values() if phone.here]
        return max((phone.wait_s(self._newest, self._settings) for phone in here), default=None)

    def _restart_hold(self) -> None:
        """Let a whole wait pass from now on before the house counts as empty."""
        self._hold_s = self._settings.consider_home_s + self._settings.away_after_s

    def _interrupt(self) -> None:
        self.known = False
        self._answered_s = None
        self._restart_hold()
        for person in self._people.values():
            for phone in person.phones.values():
                phone.interrupt()

    def _observation(self, now: datetime, now_s: float) -> Observation:
        if self._newest is None or now < self._newest.now:
            for person in self._people.values():
                person.not_after(now)
        step_s = 0.0 if self._answered_s is None else min(now_s - self._answered_s, MOST_COUNTED_S)
        here = now.astimezone()
        self.known, self._answered_s = True, now_s
        self._newest = Observation(now, here.toordinal(), here.hour, step_s)
        return self._newest

    def _owner_and_key(self, device: Device) -> tuple[str, str] | None:
        """Return the owner of *device* and the matching MAC or host name; None without an owner."""
        name = owner(self._settings.people, device)
        if name is None:
            return None
        phones = self._people[name].phones
        return name, next(key for key in (device.mac, device.hostname) if key in phones)

    def _anybody_home(self) -> bool:
        return any(person.home for person in self._people.values())

    def _house_changes(self, there: list[str], left: bool, step_s: float) -> Iterator[Change]:
        """Yield the changes of the house itself.

        The people in *there* are on the list. *left* is True when somebody has just left; *step_s*
        is the time since the last answer.
        """
        if self._anybody_home() or not self._people:
            self._restart_hold()
            if there and not self.home:
                self.home = True
                yield Change("occupied", there[0], self._people[there[0]].device)
        elif self.home:
            self._hold_s = self._settings.away_after_s if left else self._hold_s - step_s
            if self._hold_s <= 0:
                self.home = False
                yield Change("emptied", None)
