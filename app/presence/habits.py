"""How long a phone sleeps, learned by hour of the day, and so how long it may be unseen before it
counts as gone.

Of each hour the longest gap of a day is kept, of the newest 14 days on which the phone was there.
An hour of the day is judged together with its neighbours, one of the night with the whole night:
people now and then go to bed early. By night a false alarm wakes people and a late arming costs
little: the wait is twice the longest gap of them all. By day it is a quarter more than what was
long enough on two days of three, so that now and then a quarter of an hour around the corner, which
looks just like a sleeping phone, doesn't make every departure late. Where too few days are known
the wait is the longest by night and the shortest by day. At weekends until 10 every phone is waited
for longest: people lie in. What a phone that slept does next is for `app.presence.phone`.

In 400 drawn months (`python -m app presence-month`), with one of two people often alone at night
and a router that fails daily, the house was never armed while somebody was home after the first
three days, where a plain wait of 180 s arms some 80 times a month. 83 % of the departures by day
were armed within 5 minutes, in the median of a month after 4.6 minutes at worst, each within 19
minutes, and so by night; every arrival was disarmed 11 s after the router saw it at the latest.
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
#: By day a wait may be too short on one day in so many.
SPARED_DAYS = 3

#: Of each hour of the day: (day, longest gap in s) of some days.
Hours = tuple[tuple[tuple[int, float], ...], ...]


class PhoneHabits:
    """What is known of one phone; *known* is what an earlier `record` gave. A day is its
    `date.toordinal`.
    """

    def __init__(self, known: Hours = ()) -> None:
        self._hours: list[dict[int, float]] = (
            [dict(days) for days in known] if len(known) == HOURS else [{} for _ in range(HOURS)]
        )

    def __bool__(self) -> bool:
        """Whether anything is known."""
        return any(self._hours)

    def seen(self, day: int, hour: int) -> bool:
        """The phone is there on *day* in *hour*; returns whether that is new."""
        days = self._hours[hour]
        if day in days:
            return False
        # What lies ahead was noted while the clock was wrong.
        kept = sorted(known for known in days if known < day)[1 - DAYS_KEPT :]
        self._hours[hour] = {known: days[known] for known in kept} | {day: 0.0}
        return True

    def slept(self, day: int, hour: int, gap_s: float) -> bool:
        """The phone, last seen on *day* in *hour*, is back after *gap_s*; returns whether that is
        news.
        """
        days = self._hours[hour]
        if gap_s <= days.get(day, 0.0):
            return False
        days[day] = round(gap_s, 1)
        return True

    def wait_s(self, day: int, hour: int, settings: PresenceSettings) -> float:
        """How long the phone may be unseen that was last seen on *day* in *hour*."""
        return (
            settings.max_consider_home_s
            if _lies_in(day, hour)
            else self.usual_wait_s(hour, settings)
        )

    def usual_wait_s(self, hour: int, settings: PresenceSettings) -> float:
        """How long the phone may be unseen that was last seen in *hour*, on a day like others."""
        longest_s = self._longest_s(hour)
        if is_night(hour):
            wait_s = (
                NIGHT_MARGIN * longest_s[0]
                if len(longest_s) >= NIGHTS_NEEDED
                else settings.max_consider_home_s
            )
        else:
            wait_s = (
                DAY_MARGIN * longest_s[len(longest_s) // SPARED_DAYS]
                if len(longest_s) >= DAYS_NEEDED
                else settings.consider_home_s
            )
        return min(max(wait_s, settings.consider_home_s), settings.max_consider_home_s)

    def record(self) -> Hours:
        """All of it, as it is kept."""
        return tuple(tuple(sorted(days.items())) for days in self._hours)

    def _longest_s(self, hour: int) -> list[float]:
        """The longest gap of each day that is known, in *hour* and its neighbours, or in any of the
        night; the longest first.
        """
        longest_s: dict[int, float] = {}
        for near in NIGHT if is_night(hour) else (hour - 1, hour, hour + 1):
            for day, gap_s in self._hours[near].items():
                longest_s[day] = max(gap_s, longest_s.get(day, 0.0))
        return sorted(longest_s.values(), reverse=True)


def is_night(hour: int) -> bool:
    """Whether people are asleep in *hour*, more or less."""
    return hour in NIGHT


def may_lie_in(hour: int) -> bool:
    """Whether some people are still asleep in *hour*, or only now going to bed."""
    return hour >= NIGHT_FROM or hour < MORNING_TO


def longest_wait(habits: Habits, settings: PresenceSettings) -> tuple[int, float]:
    """The hour of the day in which somebody with *habits* is waited for longest, and for how many
    s.
    """
    return max(_waits(habits, settings), key=lambda wait: wait[1])


def _waits(habits: Habits, settings: PresenceSettings) -> Iterator[tuple[int, float]]:
    for known in habits.gaps_s.values() or [()]:
        phone = PhoneHabits(known)
        yield from ((hour, phone.usual_wait_s(hour, settings)) for hour in range(HOURS))


def _lies_in(day: int, hour: int) -> bool:
    # Day 1 was a Monday.
    return day % 7 in (6, 0) and NIGHT_TO <= hour < MORNING_TO
