"""One device of a person: whether it is here, and how long it may be unseen."""

from dataclasses import dataclass
from datetime import datetime

from app.presence.base import PresenceSettings
from app.presence.habits import PhoneHabits, may_lie_in


@dataclass(frozen=True, slots=True)
class Observation:
    """An answer of the router at *now*; *step_s* is the counted time since the last answer.

    *day* (`date.toordinal`) and *hour* are in the house's own time zone.
    """

    now: datetime
    day: int
    hour: int
    step_s: float


#: For this long after a sleep a phone is expected to sleep again: it wakes about every hour.
DROWSY_S = 5_400.0
#: An awake phone may be off the Wi-Fi for a minute and a half. While people may be in bed, a phone
#: that is off for longer sleeps.
NAP_S = 120.0
_WIDE_AWAKE_S = float("inf")


class Phone:
    """A device.

    It is *here* from the time when the router lists it until it was unseen for its wait.

    Its wait depends on the hour in which it was last seen. A phone is drowsy when it has slept and
    was not counted as gone. A drowsy phone is expected to sleep again, whatever it did on other
    days, so its wait is the longest. A phone that comes home by night or in the morning is drowsy
    too. Its owner goes to bed now, or was asleep at home and counted as gone. *drowsy* says that an
    earlier run expected the phone to sleep again.
    """

    def __init__(self, habits: PhoneHabits, here: bool, drowsy: bool) -> None:
        self.habits = habits
        self.here = here
        self._awake_s = 0.0 if drowsy else _WIDE_AWAKE_S
        self.interrupt()

    def interrupt(self) -> None:
        """Record that the router was not watched for a while.

        For a phone that is here, the whole wait starts again with the next answer, and no gap is
        learned. A drowsy phone may have slept all the time.
        """
        if self._is_drowsy():
            self._awake_s = 0.0
        self._listed = self.here
        self._unseen_s = 0.0
        self._watched = False
        #: When it was last seen, in the house's own time zone; day 0 means unknown.
        self._day = self._hour = 0

    def on_list(self, seen: Observation, settings: PresenceSettings) -> bool:
        """Record that the router lists it; returns whether something was learned."""
        self._awake_s += seen.step_s
        if not self.here and may_lie_in(seen.hour):
            self._awake_s = 0.0
        is_new = self.habits.seen(seen.day, seen.hour)
        learned = (
            self._watched
            and not self._listed
            and self._wakes(self._unseen_s + seen.step_s, settings)
        )
        self.here = self._listed = self._watched = True
        self._unseen_s = 0.0
        self._day, self._hour = seen.day, seen.hour
        return is_new or learned

    def off_list(self, seen: Observation, settings: PresenceSettings) -> None:
        """Record that the router does not list it."""
        if not self._day:
            self._day, self._hour = seen.day, seen.hour
        self._listed = False
        self._unseen_s += seen.step_s
        if self.here and self._unseen_s >= self.wait_s(seen, settings):
            self.here = False
            self._awake_s = _WIDE_AWAKE_S

    def wait_s(self, seen: Observation, settings: PresenceSettings) -> float:
        """Return for how many seconds it may be unseen and still count as here."""
        if self._is_drowsy():
            return settings.max_consider_home_s
        day, hour = (self._day, self._hour) if self._day else (seen.day, seen.hour)
        return self.habits.wait_s(day, hour, settings)

    def _is_drowsy(self) -> bool:
        return self._awake_s < DROWSY_S

    def _wakes(self, gap_s: float, settings: PresenceSettings) -> bool:
        """Record that it is back after *gap_s*; returns whether something was learned."""
        if gap_s > settings.max_consider_home_s:
            return False
        usual_s = NAP_S
        if not may_lie_in(self._hour):
            usual_s = self.habits.usual_wait_s(self._hour, settings)
        if self.here and gap_s > usual_s:
            self._awake_s = 0.0
        return self.habits.slept(self._day, self._hour, gap_s)
