"""Joins motion and the alert rule: a frame in, a verdict out. It knows no camera, no Redis and no
clock but the frames' own.
"""

import math
from collections import deque
from dataclasses import dataclass, replace
from typing import Annotated, Literal, Protocol

from annotated_types import Ge, Interval

from app.frames import Box, Frame
from app.motion.base import MotionModel, Sighting, View


@dataclass(frozen=True, slots=True)
class EventSettings:
    """When frames with motion become an event, and when an event is an alert."""

    motion_classification_store_cnt: Annotated[int, Interval(ge=1, le=1000)] = 30
    min_occupied_fraction: Annotated[float, Interval(gt=0, le=1)] = 0.6
    min_notify_seconds: Annotated[float, Ge(0)] = 10.0
    event_gap_s: Annotated[float, Ge(0)] = 10.0


@dataclass(frozen=True, slots=True)
class Event:
    """A time of motion.

    *number* counts a detector's events from 1. *started_at_s* is the time of the frame that opened
    it, *ended_at_s* that of the last one with motion, or None while it is open; where light is the
    trigger, those of the first bright and of the first dark frame. *peak_area_px* is the largest
    moving area so far, in pixels at `frame_width`, and *boxes* what moved in that frame, in its own
    pixels. *alert* is False when the last alert was less than `min_notify_seconds` before.
    """

    number: int
    started_at_s: float
    ended_at_s: float | None
    peak_area_px: float
    boxes: tuple[Box, ...]
    alert: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one frame means. *event* is the open event or the one that this frame *changed* to
    closed. *level* is the light's, 0 to 255.
    """

    motion: bool
    area_px: float
    boxes: tuple[Box, ...]
    learning: bool
    event: Event | None
    changed: Literal["opened", "closed"] | None
    level: float | None = None


class Rule(Protocol):
    """When what the frames show opens an event, and when it closes one."""

    #: When the event that `opens` began, and when the one that `closes` was over.
    began_at_s: float
    ended_at_s: float

    def record(self, motion: bool, at_s: float) -> None:
        """What the next frame shows."""

    def opens(self) -> bool:
        """Whether an event opens with it, when none is open."""

    def closes(self) -> bool:
        """Whether the open event closes with it."""

    def reset(self) -> None:
        """Let no frame so far open an event."""


class ShareRule:
    """The classic rule.

    An event opens with a frame that shows motion when at least `min_occupied_fraction` of the last
    `motion_classification_store_cnt` frames do; frames before the first count as still. It closes
    once `event_gap_s` have passed without motion.
    """

    def __init__(self, events: EventSettings) -> None:
        length = events.motion_classification_store_cnt
        # 0.28 * 25 is a little more than 7 in floating point, and must not become 8.
        self._needed = math.ceil(round(events.min_occupied_fraction * length, 6))
        self._gap_s = events.event_gap_s
        self._recent: deque[bool] = deque(maxlen=length)
        self._at_s = self.began_at_s = self.ended_at_s = -math.inf

    def record(self, motion: bool, at_s: float) -> None:
        self._recent.append(motion)
        self._at_s = self.began_at_s = at_s
        if motion:
            self.ended_at_s = at_s

    def opens(self) -> bool:
        return self._recent[-1] and sum(self._recent) >= self._needed

    def closes(self) -> bool:
        return not self._recent[-1] and self._at_s - self.ended_at_s >= self._gap_s

    def reset(self) -> None:
        self._recent.clear()


class HeldRule:
    """An event opens when all frames of *debounce_s*, at least two, show motion, and closes when as
    many show none.

    It lasts from the first frame that showed some to the first that did not.
    """

    def __init__(self, debounce_s: float) -> None:
        self._debounce_s = debounce_s
        self._motion, self._frames = False, 0
        self._since_s = self._at_s = self.began_at_s = self.ended_at_s = -math.inf

    def record(self, motion: bool, at_s: float) -> None:
        if motion != self._motion or self._frames == 0:
            self._motion, self._since_s, self._frames = motion, at_s, 0
        self._frames += 1
        self._at_s = at_s
        if motion:
            self.ended_at_s = at_s

    def opens(self) -> bool:
        self.began_at_s = self._since_s
        return self._motion and self._held()

    def closes(self) -> bool:
        if self._motion or not self._held():
            return False
        self.ended_at_s = self._since_s
        return True

    def reset(self) -> None:
        self._frames = 0

    def _held(self) -> bool:
        # 0.3 - 0.1 is a little less than 0.2 in floating point.
        return self._frames > 1 and round(self._at_s - self._since_s, 6) >= self._debounce_s


class Detector:
    """Looks at the frames of one camera, one after another, and tells when an event opens and
    closes.

    The classic rule decides, or, where *motion* asks for it, that what it sees has held for a
    moment.
    """

    def __init__(
        self, motion: MotionModel, events: EventSettings, last_alert_at_s: float = -math.inf
    ) -> None:
        self._motion = motion
        self._events = events
        self._rule: Rule = (
            ShareRule(events) if motion.debounce_s is None else HeldRule(motion.debounce_s)
        )
        self._event: Event | None = None
        self._opened = 0
        #: When an event last was an alert.
        self.last_alert_at_s = last_alert_at_s

    def judge(self, frame: Frame) -> Verdict:
        """Judge the next frame."""
        seen = self._motion.judge(frame.luma, frame.luma_span)
        self._rule.record(seen.motion, frame.at_s)
        changed = self._follow(self._event, seen) if self._event else self._open(seen, frame.at_s)
        verdict = Verdict(
            seen.motion, seen.area_px, seen.boxes, seen.learning, self._event, changed, seen.level
        )
        if changed == "closed":
            self._event = None
        return verdict

    def view(self) -> View | None:
        """How the motion model judged the last frame; None where it has nothing to compare it
        with.
        """
        return self._motion.view()

    def relearn(self) -> None:
        """Learn the background anew, as after arming or a move of the camera. An open event stays
        open until its gap has passed.
        """
        self._motion.relearn()
        self._rule.reset()

    def close(self) -> Event | None:
        """End the open event now, if there is one, as at the end of a film or when the camera is
        switched off.
        """
        if self._event is None:
            return None
        event, self._event = replace(self._event, ended_at_s=self._rule.ended_at_s), None
        return event

    def _open(self, seen: Sighting, at_s: float) -> Literal["opened"] | None:
        if not self._rule.opens():
            return None
        self._opened += 1
        alert = at_s - self.last_alert_at_s >= self._events.min_notify_seconds
        if alert:
            self.last_alert_at_s = at_s
        self._event = Event(
            self._opened, self._rule.began_at_s, None, seen.area_px, seen.boxes, alert
        )
        return "opened"

    def _follow(self, event: Event, seen: Sighting) -> Literal["closed"] | None:
        if seen.motion:
            if seen.area_px > event.peak_area_px:
                self._event = replace(event, peak_area_px=seen.area_px, boxes=seen.boxes)
        elif self._rule.closes():
            self._event = replace(event, ended_at_s=self._rule.ended_at_s)
            return "closed"
        return None
