"""One device of somebody who lives here: whether it is there, and how long it may be unseen."""

from dataclasses import dataclass
from datetime import datetime

from app.presence.base import PresenceSettings
from app.presence.habits import PhoneHabits, may_lie_in


@dataclass(frozen=True, slots=True)
class Look:
    """An answer of the router: *now*, its *day* and *hour* by the house's clocks, and how much time
    counts since the last.
    """

    now: datetime
    day: int
    hour: int
    step_s: float


#: For so long after it slept a phone is expected to sleep on: it wakes about every hour.
DROWSY_S = 5_400.0
#: An awake phone may be off the Wi-Fi for a minute and a half. While people may be in bed, what is
#: off for longer sleeps.
NAP_S = 120.0
_WIDE_AWAKE_S = float("inf")


class Phone:
    """A device that counts as home (*here*) from when it is on the router's list until it was
    unseen for its wait.

    The wait is that of the hour in which it was last seen. A phone that has slept, and was not
    taken for gone, is drowsy: it is expected to sleep on, whatever it did on other days, and waited
    for as long as can be. So is one that comes home by night or in the morning, when people go to
    bed, or were taken for gone in their sleep. *drowsy* says that an earlier run expected that.
    """

    def __init__(self, habits: PhoneHabits, here: bool, drowsy: bool) -> None:
        self.habits = habits
        self.here = here
        self._awake_s = 0.0 if drowsy else _WIDE_AWAKE_S
        self.look_away()

    def look_away(self) -> None:
        """Nobody has watched: if it counts as home its wait begins anew with the next answer, and
        no gap is learned.

        If it was drowsy it may have slept on.
        """
        if self._is_drowsy():
            self._awake_s = 0.0
        self._listed = self.here
        self._unseen_s = 0.0
        self._watched = False
        #: When it was last seen, as the house's clocks show it; day 0 is not known.
        self._day = self._hour = 0

    def on_list(self, look: Look, settings: PresenceSettings) -> bool:
        """The router lists it; returns whether something was learned."""
        self._awake_s += look.step_s
        if not self.here and may_lie_in(look.hour):
            self._awake_s = 0.0
        new = self.habits.seen(look.day, look.hour)
        learned = (
            self._watched
            and not self._listed
            and self._wakes(self._unseen_s + look.step_s, settings)
        )
        self.here = self._listed = self._watched = True
        self._unseen_s = 0.0
        self._day, self._hour = look.day, look.hour
        return new or learned

    def off_list(self, look: Look, settings: PresenceSettings) -> None:
        """The router doesn't list it."""
        if not self._day:
            self._day, self._hour = look.day, look.hour
        self._listed = False
        self._unseen_s += look.step_s
        if self.here and self._unseen_s >= self.wait_s(look, settings):
            self.here = False
            self._awake_s = _WIDE_AWAKE_S

    def wait_s(self, look: Look, settings: PresenceSettings) -> float:
        """How long it may be unseen, being here."""
        if self._is_drowsy():
            return settings.max_consider_home_s
        day, hour = (self._day, self._hour) if self._day else (look.day, look.hour)
        return self.habits.wait_s(day, hour, settings)

    def _is_drowsy(self) -> bool:
        return self._awake_s < DROWSY_S

    def _wakes(self, gap_s: float, settings: PresenceSettings) -> bool:
        """It is back after *gap_s*; returns whether something was learned."""
        if gap_s > settings.max_consider_home_s:
            return False
        usual_s = (
            NAP_S if may_lie_in(self._hour) else self.habits.usual_wait_s(self._hour, settings)
        )
        if self.here and gap_s > usual_s:
            self._awake_s = 0.0
        return self.habits.slept(self._day, self._hour, gap_s)
