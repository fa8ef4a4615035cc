"""One device of somebody who lives here: whether it is there, and how long it may be unseen."""

from dataclasses import dataclass
from datetime import datetime

from app.presence.base import PresenceSettings
from app.presence.habits import PhoneHabits


@dataclass(frozen=True, slots=True)
class Look:
    """An answer of the router: *now*, its *day* and *hour* by the house's clocks, and how much time counts since the last."""

    now: datetime
    day: int
    hour: int
    step_s: float


class Phone:
    """A device that counts as home (*here*) from when it is on the router's list until it was unseen for its wait.

    The wait is that of the hour in which it was last seen.
    """

    def __init__(self, habits: PhoneHabits, here: bool) -> None:
        self.habits = habits
        self.here = here
        self.look_away()

    def look_away(self) -> None:
        """Nobody has watched: if it counts as home its wait begins anew with the next answer, and no gap is learned."""
        self._listed = self.here
        self._unseen_s = 0.0
        self._watched = False
        #: When it was last seen, as the house's clocks show it; day 0 is not known.
        self._day = self._hour = 0

    def on_list(self, look: Look, settings: PresenceSettings) -> bool:
        """The router lists it; returns whether something was learned."""
        gap_s = 0.0 if self._listed or not self._watched else self._unseen_s + look.step_s
        learned = gap_s <= settings.max_consider_home_s and self.habits.slept(self._day, self._hour, gap_s)
        self.here = self._listed = self._watched = True
        self._unseen_s = 0.0
        self._day, self._hour = look.day, look.hour
        return self.habits.seen(look.day, look.hour) or learned

    def off_list(self, look: Look, settings: PresenceSettings) -> None:
        """The router doesn't list it."""
        if not self._day:
            self._day, self._hour = look.day, look.hour
        self._listed = False
        self._unseen_s += look.step_s
        if self.here and self._unseen_s >= self.wait_s(look, settings):
            self.here = False

    def wait_s(self, look: Look, settings: PresenceSettings) -> float:
        """How long it may be unseen, now or, if it is away, when it is back."""
        day, hour = (self._day, self._hour) if self.here and self._day else (look.day, look.hour)
        return self.habits.wait_s(day, hour, settings)
