"""Decides which losses and returns are announced, so that flapping is announced rarely.

A loss is announced when it has lasted, and a return when it has been steady for a period that grows
with each loss. From the fourth loss on, one notice says that the subject comes and goes; summaries
follow after an hour and then each day, and one notice when it is steady again. Nothing here waits
or writes: time is a parameter.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from app.protocol import SteadinessRecord
from app.times import format_duration, format_time

#: A subject comes and goes from this number of losses on, and from the smaller number when it did
#: so a short time ago.
UNSTEADY_FROM, UNSTEADY_AGAIN_FROM = 4, 2
#: The seconds without a loss after which losses that were too short for an announcement are
#: forgotten.
FORGET_S = 600.0
#: The shortest and the longest time, in s, without a loss until a subject that came and went is
#: steady again. In between, it is as long as the subject was unsteady.
STEADY_S, LONGEST_STEADY_S = 600.0, 5 * 3600.0
#: The seconds until the first summary, and between later ones.
FIRST_SUMMARY_S, SUMMARY_EVERY_S = 3600.0, 86_400.0
_MOST_DOUBLINGS = 10

NoticeKind = Literal["down", "up", "unsteady", "steady"]


@dataclass(frozen=True, slots=True)
class Pace:
    """The seconds that a loss, and the first return, must last before they are announced.

    After *forget_s* without a loss, those that were announced are forgotten.
    """

    down_after_s: float
    up_after_s: float
    forget_s: float = 5 * 3600.0


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to announce at *at*.

    A subject is *down* or *up*, comes and goes (*unsteady*; again for each summary), or is *steady*
    again. Its present state, lost if *is_down*, began at *since*. The last loss took *outage_s*.
    There were *losses* in the *episode_s* since *began*, and for the share *up_share*, 0 to 1, it
    was there.
    """

    kind: NoticeKind
    at: datetime
    is_down: bool
    since: datetime
    outage_s: float
    losses: int
    began: datetime
    episode_s: float
    up_share: float

    @property
    def is_bad(self) -> bool:
        """Return whether this is the beginning of a trouble, not its end."""
        return self.kind in ("down", "unsteady")

    def frequency(self, lost: str = "lost", there: str = "there") -> str:
        """Return in words how often it was *lost*, as in `lost 4 times in 31 s, since 10:15, …`."""
        times = "once" if self.losses == 1 else f"{self.losses} times"
        share = min(max(round(100 * self.up_share), 1), 99)
        return (
            f"{lost} {times} in {format_duration(self.episode_s)}, since "
            f"{format_time(self.began, self.at)}, and {there} for {share} % of that time"
        )


@dataclass(slots=True)
class Steadiness:
    """Follows one subject with the *pace*; *record* is from an earlier run."""

    pace: Pace
    record: SteadinessRecord = field(default_factory=SteadinessRecord)
    _seen_s: float | None = None

    def observe(
        self, is_down: bool, now: datetime, now_s: float, since: datetime | None = None
    ) -> Notice | None:
        """Record that the subject is down, or not; returns the notice to announce, if any.

        *now* is aware, and only for display; *now_s* is monotonic. *since* is when the present
        state began, if that is known to be earlier.
        """
        if self._seen_s is not None:
            self._let_pass(max(now_s - self._seen_s, 0.0))
        self._seen_s = now_s
        if is_down != self.record.is_down:
            self._turn(is_down, since or now)
        return self._lost(now) if is_down else self._there(now)

    def pause(self) -> None:
        """Let the time until the next observation not count: nobody looks at the subject."""
        self._seen_s = None

    def _let_pass(self, seconds: float) -> None:
        known = self.record
        known.lasted_s += seconds
        if known.losses:
            known.episode_s += seconds
            known.down_s += seconds if known.is_down else 0.0

    def _turn(self, is_down: bool, since: datetime) -> None:
        known = self.record
        if is_down and not known.losses:
            known.began, known.episode_s, known.down_s = since, 0.0, 0.0
        if is_down:
            known.losses += 1
        else:
            # Nobody may have looked for a while: the camera was off, or its program restarted.
            by_clock_s = (since - known.since).total_seconds() if known.since else 0.0
            known.outage_s = max(known.lasted_s, by_clock_s)
            known.longest_s = max(known.longest_s, known.lasted_s)
        known.is_down, known.since, known.lasted_s = is_down, since, 0.0

    def _lost(self, now: datetime) -> Notice | None:
        known = self.record
        if known.announced != "unsteady" and self._is_often():
            return self._unsteady(now)
        if known.announced == "down":
            return None
        # A subject that comes and goes is lost when it stays away for longer than usual.
        usual_s = 2 * known.longest_s if known.announced == "unsteady" else 0.0
        if known.lasted_s >= max(self.pace.down_after_s, usual_s):
            if known.announced == "unsteady":
                known.losses_announced = known.losses
            known.announced = "down"
            return self._notice("down", now)
        return self._summary(now)

    def _there(self, now: datetime) -> Notice | None:
        known = self.record
        if known.announced == "down":
            doublings = min(max(known.losses - 1, 0), _MOST_DOUBLINGS)
            up_after_s = self.pace.up_after_s * (1 if known.unsteady else 2**doublings)
            if known.lasted_s < up_after_s:
                return None
            if known.unsteady:
                return self._unsteady(now)
            known.announced, known.had_notice = "up", True
            return self._notice("up", now)
        if known.announced == "unsteady":
            return self._steady(now) or self._summary(now)
        forget_s = self.pace.forget_s if known.had_notice or known.steady_s else FORGET_S
        if (known.losses or known.steady_s) and known.lasted_s >= forget_s:
            self.record = SteadinessRecord(since=known.since, lasted_s=known.lasted_s)
        return None

    def _is_often(self) -> bool:
        known = self.record
        limit = UNSTEADY_AGAIN_FROM if known.steady_s else UNSTEADY_FROM
        return known.losses - known.losses_announced >= limit

    def _unsteady(self, now: datetime) -> Notice:
        known = self.record
        known.announced, known.unsteady = "unsteady", True
        known.losses_announced = known.losses
        known.summary_at_s = max(known.summary_at_s, known.episode_s + FIRST_SUMMARY_S)
        return self._notice("unsteady", now)

    def _steady(self, now: datetime) -> Notice | None:
        known = self.record
        unsteady_s = max(known.episode_s - known.lasted_s, 2 * known.steady_s)
        steady_s = min(max(unsteady_s, STEADY_S), LONGEST_STEADY_S)
        if known.lasted_s < steady_s:
            return None
        notice = self._notice("steady", now)
        self.record = SteadinessRecord(
            since=known.since, lasted_s=known.lasted_s, steady_s=steady_s, had_notice=True
        )
        return notice

    def _summary(self, now: datetime) -> Notice | None:
        known = self.record
        if known.announced != "unsteady" or known.episode_s < known.summary_at_s:
            return None
        known.summary_at_s = known.episode_s + SUMMARY_EVERY_S
        if known.losses == known.losses_announced:
            return None
        known.losses_announced = known.losses
        return self._notice("unsteady", now)

    def _notice(self, kind: NoticeKind, now: datetime) -> Notice:
        known = self.record
        since, episode_s = known.since or now, max(known.episode_s, 1.0)
        return Notice(
            kind,
            now,
            known.is_down,
            since,
            known.lasted_s if known.is_down else known.outage_s,
            known.losses,
            known.began or since,
            episode_s,
            max(1 - known.down_s / episode_s, 0.0),
        )
