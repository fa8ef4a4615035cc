"""One device of somebody who lives here: whether it is there, and for how long it has not been seen."""

from dataclasses import dataclass
from datetime import datetime

from app.presence.base import PresenceSettings
from app.presence.habits import PhoneHabits

#: A phone that has slept is taken to sleep on until it was there for so long: it wakes about every hour, and a short sleep, which
#: tells nothing, may come between two long ones.
AWAKE_AFTER_S = 7_200.0


@dataclass(frozen=True, slots=True)
class Look:
    """An answer of the router: *now*, its *day* and *hour* by the house's clocks, and how much time counts since the last."""

    now: datetime
    day: int
    hour: int
    step_s: float


class Phone:
    """A device that counts as home (*here*) from when it is on the router's list until it was unseen for its wait.

    The wait is learned by hour of the day, and the hour is that in which it was last seen. A phone that is back after more than
    `consider_home_s` was asleep and not gone: until it has been there for two hours it is waited for as long as can be, since
    who lies in on a Saturday is not expected to by the mornings before.
    """

    def __init__(self, habits: PhoneHabits, here: bool) -> None:
        self.habits = habits
        self.here = here
        self.listed = False
        self._unseen_s = 0.0
        self._watched = False
        self._awake_s = AWAKE_AFTER_S
        self._day = self._hour = 0
        self.look_away()

    def look_away(self) -> None:
        """Nobody has watched: if it counts as home, its wait begins anew with the next answer, and no gap is learned."""
        self.listed = self.here
        self._unseen_s = 0.0
        self._watched = False

    def on_list(self, look: Look, settings: PresenceSettings) -> bool:
        """The router lists it; returns whether something was learned."""
        learned = not self.listed and self._watched and self._wakes(self._unseen_s + look.step_s, settings)
        self._awake_s += look.step_s
        self.here = self.listed = self._watched = True
        self._unseen_s = 0.0
        self._day, self._hour = look.day, look.hour
        return self.habits.seen(look.day, look.hour) or learned

    def off_list(self, look: Look, settings: PresenceSettings) -> None:
        """The router doesn't list it."""
        if self.listed and not self._watched:
            self._day, self._hour = look.day, look.hour
        self.listed = False
        self._unseen_s += look.step_s
        if self.here and self._unseen_s >= self.wait_s(self._hour, settings):
            self.here = False

    def wait_s(self, hour: int, settings: PresenceSettings) -> float:
        """How long it may be unseen; *hour* is when it would have been seen last, if it is not here."""
        if self._awake_s < AWAKE_AFTER_S:
            return settings.max_consider_home_s
        return self.habits.wait_s(self._hour if self.here else hour, settings)

    def _wakes(self, gap_s: float, settings: PresenceSettings) -> bool:
        """It is back after *gap_s*; returns whether something was learned."""
        if gap_s > settings.max_consider_home_s:
            return False
        if gap_s > settings.consider_home_s:
            self._awake_s = 0.0
        return self.habits.slept(self._day, self._hour, gap_s)
