"""Habits of a phone: how long it sleeps by hour of the day, so how long it may be unseen.

For each hour the longest gap of a day is kept, for the newest 14 days on which the phone was home.
An hour of the day is judged together with its neighbours. An hour of the night is judged together
with the whole night, because people sometimes go to bed early.

By night a false alarm wakes people, and a late arming costs little: the wait is twice the longest
gap of the night. By day the wait is a quarter longer than the wait that was enough on two days of
three. A person who is away for a quarter of an hour looks just like a sleeping phone; with this
rule that does not make every later departure late. When too few days are known, the wait is the
longest by night and the shortest by day. At weekends until 10 every wait is the longest, because
people sleep late. `app.presence.phone` judges the next sleep of a phone that has slept.

Measured in 400 simulated months (`python -m app presence-month`), with one of two people often
alone at night and a router that fails daily: after the first three days the house was never armed
while somebody was home; with a plain wait of 180 s that happens about 80 times a month. By day the
house was armed within 5 minutes after 83 % of the departures; the median of a month was 4.6 minutes
at worst. It was always armed within 19 minutes, by night too. It was always disarmed within 11 s
after the router saw an arrival.
"""

from collections.abc import Iterator

from app.presence.base import PresenceSettings
from app.protocol import Habits

HOURS = 24
DAYS_KEPT = 14
NIGHT_FROM, NIGHT_TO, MORNING_TO = 21, 8, 10
NIGHT = (*range(NIGHT_FROM, HOURS), *range(NIGHT_TO))
DAYS_NEEDED, NIGHTS_NEEDED = 3, 7
DAY_MARGIN, NIGHT_MARGIN = 1.25, 2.0
#: By day the wait may be too short on one of this many days.
SPARED_DAYS = 3

#: For each hour of the day: (day, longest gap in s) of some days.
Hours = tuple[tuple[tuple[int, float], ...], ...]


class PhoneHabits:
    """The habits of one phone; *known* is an earlier `record`. A day is its `date.toordinal`."""

    def __init__(self, known: Hours = ()) -> None:
        if len(known) != HOURS:
            known = ((),) * HOURS
        self._hours: list[dict[int, float]] = [dict(days) for days in known]

    def __bool__(self) -> bool:
        """Return whether anything is known."""
        return any(self._hours)

    def seen(self, day: int, hour: int) -> bool:
        """Record that the phone is home on *day* in *hour*; returns whether that is new."""
        days = self._hours[hour]
        if day in days:
            return False
        # Days ahead were recorded while the clock was wrong.
        kept = sorted(known for known in days if known < day)[1 - DAYS_KEPT :]
        self._hours[hour] = {known: days[known] for known in kept} | {day: 0.0}
        return True

    def slept(self, day: int, hour: int, gap_s: float) -> bool:
        """Record a gap from *day* and *hour* on; returns whether it is the longest of that hour."""
        days = self._hours[hour]
        if gap_s <= days.get(day, 0.0):
            return False
        days[day] = round(gap_s, 1)
        return True

    def wait_s(self, day: int, hour: int, settings: PresenceSettings) -> float:
        """Return how many seconds a phone may be unseen that was last seen on *day* in *hour*."""
        if _lies_in(day, hour):
            return settings.max_consider_home_s
        return self.usual_wait_s(hour, settings)

    def usual_wait_s(self, hour: int, settings: PresenceSettings) -> float:
        """Return how many seconds a phone may be unseen on a usual day, last seen in *hour*."""
        longest_s = self._longest_s(hour)
        if is_night(hour):
            wait_s = settings.max_consider_home_s
            if len(longest_s) >= NIGHTS_NEEDED:
                wait_s = NIGHT_MARGIN * longest_s[0]
        else:
            wait_s = settings.consider_home_s
            if len(longest_s) >= DAYS_NEEDED:
                wait_s = DAY_MARGIN * longest_s[len(longest_s) // SPARED_DAYS]
        return min(max(wait_s, settings.consider_home_s), settings.max_consider_home_s)

    def record(self) -> Hours:
        """Return all known gaps in the stored form."""
        return tuple(tuple(sorted(days.items())) for days in self._hours)

    def _longest_s(self, hour: int) -> list[float]:
        """Return each known day's longest gap in the hours judged with *hour*, longest first."""
        longest_s: dict[int, float] = {}
        for near in NIGHT if is_night(hour) else (hour - 1, hour, hour + 1):
            for day, gap_s in self._hours[near].items():
                longest_s[day] = max(gap_s, longest_s.get(day, 0.0))
        return sorted(longest_s.values(), reverse=True)


def is_night(hour: int) -> bool:
    """Return whether people are usually asleep in *hour*."""
    return hour in NIGHT


def may_lie_in(hour: int) -> bool:
    """Return whether some people are still asleep in *hour*, or are going to bed."""
    return hour >= NIGHT_FROM or hour < MORNING_TO


def longest_wait(habits: Habits, settings: PresenceSettings) -> tuple[int, float]:
    """Return the hour of the day with the longest wait for *habits*, and that wait in s."""
    return max(_waits(habits, settings), key=lambda wait: wait[1])


def _waits(habits: Habits, settings: PresenceSettings) -> Iterator[tuple[int, float]]:
    for known in habits.gaps_s.values() or [()]:
        phone = PhoneHabits(known)
        yield from ((hour, phone.usual_wait_s(hour, settings)) for hour in range(HOURS))


def _lies_in(day: int, hour: int) -> bool:
    # Day 1 was a Monday.
    return day % 7 in (6, 0) and NIGHT_TO <= hour < MORNING_TO
