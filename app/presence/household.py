"""Who is home, by what the router tells: who comes, who leaves, and when the house is occupied and
empty.

Nothing here waits, asks or writes: time and the router's answers are parameters.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.presence.base import Device, PersonSettings, PresenceSettings
from app.presence.habits import PhoneHabits
from app.presence.owners import owner
from app.presence.phone import Look, Phone
from app.protocol import Habits, Presence

#: How often the router is to be asked while somebody is home, or leaving, and while nobody is.
HOME_POLL_S, EMPTY_POLL_S = 15.0, 10.0
#: So much of the time between two answers counts: a program that hung or a machine that was
#: suspended saw nobody leave.
MOST_COUNTED_S = 60.0
#: So many polls in a row without an answer make an outage.
OUTAGE_POLLS = 2


@dataclass(frozen=True, slots=True)
class Change:
    """Somebody *came* or *left*; or the house's own: *occupied*, by the first who came, or
    *emptied* a while after the last left.
    """

    kind: Literal["came", "left", "occupied", "emptied"]
    person: str | None
    device: str | None = None


class _Person:
    """Somebody who lives here, with a phone for each MAC and host name that tells them."""

    def __init__(
        self, wanted: PersonSettings, record: Presence, habits: Habits, settings: PresenceSettings
    ) -> None:
        self.home = record.home
        self.since = record.since
        self.device = record.device
        self.last_seen = record.last_seen
        #: How long it is waited for, as an earlier run told; it holds until the router has
        #: answered.
        self.wait_s = record.wait_s
        self.habits: Habits | None = None
        signs = (*wanted.macs, *wanted.hosts)
        # Which devices were there is not known any more, so that all are waited for that ever were.
        ever = [sign for sign in signs if sign == record.device or sign in habits.gaps_s] or signs
        drowsy = record.home and record.wait_s == settings.max_consider_home_s
        self.phones = {
            sign: Phone(
                PhoneHabits(habits.gaps_s.get(sign, ())), record.home and sign in ever, drowsy
            )
            for sign in signs
        }

    def not_after(self, now: datetime) -> None:
        """The clock has gone back: nothing has happened yet that happened after *now*."""
        self.since = min(self.since, now) if self.since else None
        self.last_seen = min(self.last_seen, now) if self.last_seen else None

    def look(self, listed: set[str], look: Look, settings: PresenceSettings) -> bool:
        """Take in which devices are *listed*; returns whether the person came or left."""
        for sign, phone in self.phones.items():
            if sign not in listed:
                phone.off_list(look, settings)
            elif phone.on_list(look, settings):
                self.habits = None
        there = [sign for sign in self.phones if sign in listed]
        if there:
            self.last_seen = look.now
            self.device = self.device if self.device in there else there[0]
        here = any(phone.here for phone in self.phones.values())
        if here == self.home:
            return False
        self.home, self.since = here, look.now
        return True


class Household:
    """The people of the house. *known*, *habits* and *home* are what an earlier run knew of
    them.
    """

    def __init__(
        self,
        settings: PresenceSettings,
        known: Mapping[str, Presence],
        habits: Mapping[str, Habits],
        home: bool,
    ) -> None:
        #: Whether somebody is home, as was concluded last.
        self.home = home
        #: Whether the router answers, so that what is concluded is true now.
        self.known = False
        self._people: dict[str, _Person] = {}
        self._misses = 0
        self._answered_empty = False
        self._answered_s: float | None = None
        self._newest: Look | None = None
        self._take(settings, known, habits)

    @property
    def people(self) -> Collection[str]:
        """Whom it knows."""
        return self._people

    def configure(
        self,
        settings: PresenceSettings,
        known: Mapping[str, Presence],
        habits: Mapping[str, Habits],
    ) -> None:
        """Go on with other *settings*, and all waits begin anew.

        What is known of those who stay is kept; *known* and *habits* are what an earlier run knew
        of the others.
        """
        now_known = {name: self.presence(name) for name in self.people}
        now_habits = {name: self.habits(name) for name in self.people}
        self._take(settings, {**known, **now_known}, {**habits, **now_habits})
        self._answered_s = None

    def seen(self, devices: Sequence[Device], now: datetime, now_s: float) -> list[Change]:
        """The router has answered with *devices*; returns what follows.

        *now* is aware and tells only the hour of the day and what is shown, *now_s* is monotonic.
        An empty list is taken for the truth when it is the second in a row.
        """
        self._misses = 0
        empty_before, self._answered_empty = self._answered_empty, not devices
        if not devices and not empty_before:
            return []
        look = self._look(now, now_s)
        listed: dict[str, set[str]] = {}
        for device in devices:
            if sign := self._sign(device):
                listed.setdefault(sign[0], set()).add(sign[1])
        moved = [
            name
            for name, person in self._people.items()
            if person.look(listed.get(name, set()), look, self._settings)
        ]
        changes = [
            Change("came" if self._people[name].home else "left", name, self._people[name].device)
            for name in moved
        ]
        return [
            *changes,
            *self._of_the_house(
                list(listed), any(change.kind == "left" for change in changes), look.step_s
            ),
        ]

    def missed(self) -> None:
        """The router has not answered: nothing is concluded, and after an outage all waits begin
        anew.
        """
        self._misses += 1
        self._answered_empty = False
        if self._misses == OUTAGE_POLLS:
            self._look_away()

    def poll_s(self) -> float:
        """How long to wait until the router is asked again, if it answers."""
        return HOME_POLL_S if self.home or self._anybody_home() else EMPTY_POLL_S

    def presence(self, person: str) -> Presence:
        """What is known of *person*."""
        known = self._people[person]
        return Presence(known.home, known.since, known.device, known.last_seen, self._wait_s(known))

    def habits(self, person: str) -> Habits:
        """How long *person*'s devices sleep; the very same object as before when nothing was
        learned since.
        """
        known = self._people[person]
        if known.habits is None:
            known.habits = Habits(
                {
                    sign: phone.habits.record()
                    for sign, phone in known.phones.items()
                    if phone.habits
                }
            )
        return known.habits

    def _take(
        self,
        settings: PresenceSettings,
        known: Mapping[str, Presence],
        habits: Mapping[str, Habits],
    ) -> None:
        self._settings = settings
        unknown, unlearned = Presence(False), Habits({})
        self._people = {
            name: _Person(wanted, known.get(name, unknown), habits.get(name, unlearned), settings)
            for name, wanted in settings.people.items()
        }
        self._hold()

    def _wait_s(self, person: _Person) -> float | None:
        """How long *person* may be unseen; None when that is not known, or the person is away."""
        if self._newest is None:
            return person.wait_s
        return max(
            (
                phone.wait_s(self._newest, self._settings)
                for phone in person.phones.values()
                if phone.here
            ),
            default=None,
        )

    def _hold(self) -> None:
        """From now on the house is empty only after it was for a whole wait."""
        self._hold_s = self._settings.consider_home_s + self._settings.away_after_s

    def _look_away(self) -> None:
        self.known = False
        self._answered_s = None
        self._hold()
        for person in self._people.values():
            for phone in person.phones.values():
                phone.look_away()

    def _look(self, now: datetime, now_s: float) -> Look:
        if self._newest is None or now < self._newest.now:
            for person in self._people.values():
                person.not_after(now)
        step_s = 0.0 if self._answered_s is None else min(now_s - self._answered_s, MOST_COUNTED_S)
        here = now.astimezone()
        self.known, self._answered_s = True, now_s
        self._newest = Look(now, here.toordinal(), here.hour, step_s)
        return self._newest

    def _sign(self, device: Device) -> tuple[str, str] | None:
        """Whose *device* is, and by which MAC or host name; None when it is nobody's."""
        name = owner(self._settings.people, device)
        if name is None:
            return None
        return name, next(
            sign for sign in (device.mac, device.hostname) if sign in self._people[name].phones
        )

    def _anybody_home(self) -> bool:
        return any(person.home for person in self._people.values())

    def _of_the_house(self, there: list[str], left: bool, step_s: float) -> Iterator[Change]:
        """What becomes of the house while those in *there* are on the list, when somebody has just
        *left* or *step_s* has passed.
        """
        if self._anybody_home() or not self._people:
            self._hold()
            if there and not self.home:
                self.home = True
                yield Change("occupied", there[0], self._people[there[0]].device)
        elif self.home:
            self._hold_s = self._settings.away_after_s if left else self._hold_s - step_s
            if self._hold_s <= 0:
                self.home = False
                yield Change("emptied", None)
