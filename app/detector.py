"""Detects events by a motion model and a rule for events: frame in, verdict out.

It uses no camera and no Redis, and its only clock is the times of the frames.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Annotated, Literal, Protocol

from annotated_types import Ge, Interval

from app.frames import Box, Frame, FrameCounter
from app.motion.base import Comparison, Contour, MotionModel, Sighting
from app.protocol import Evidence

#: An event ends when all pictures of as many seconds after its last motion were damaged.
_LONGEST_UNSEEN_S = 60.0
#: Frames that must show motion, however slow the source is: a flash is in two at most.
_LEAST_FRAMES = 3


@dataclass(frozen=True, slots=True)
class EventSettings:
    """Settings that decide when motion becomes an event, and when an event is an alert."""

    motion_classification_store_cnt: Annotated[int, Interval(ge=1, le=1000)] = 30
    min_occupied_fraction: Annotated[float, Interval(gt=0, le=1)] = 0.6
    min_notify_seconds: Annotated[float, Ge(0)] = 10.0
    event_gap_s: Annotated[float, Ge(0)] = 5.0


@dataclass(frozen=True, slots=True)
class Event:
    """A period of motion.

    *number* counts a detector's events from 1. *started_at_s* is the time of the frame that opened
    the event. *ended_at_s* is the time of the last frame with motion, or None while the event is
    open. Where light is the trigger, these are the times of the first bright and the first dark
    frame. *peak_area_px* is the largest moving area so far, in pixels at `frame_width`; *boxes* are
    around the motion in that frame, in its own pixels. *alert* is False when the last alert was
    less than `min_notify_seconds` before. *evidence* says why it opened, where the model knows it.
    """

    number: int
    started_at_s: float
    ended_at_s: float | None
    peak_area_px: float
    boxes: tuple[Box, ...]
    alert: bool
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result for one frame.

    *event* is the open event, or the event that this frame closed. *level* is the brightness, 0 to
    255, where light is the trigger. *objection* says why something that changed is no motion, where
    the model knows it. *changed_px* is the largest changed area, also where nothing counts as
    motion, and *hidden* the share of the texture behind it that it hides, where they are known.
    """

    motion: bool
    area_px: float
    boxes: tuple[Box, ...]
    learning: bool
    event: Event | None
    changed: Literal["opened", "closed"] | None
    level: float | None = None
    objection: str | None = None
    changed_px: float | None = None
    hidden: float | None = None


class EventRule(Protocol):
    """Decides which frame opens an event, and which frame closes it."""

    #: The start of the event that `opens`, and the end of the event that `closes`.
    started_at_s: float
    ended_at_s: float

    def record(self, motion: bool, at_s: float) -> None:
        """Record whether the next frame, taken at *at_s*, shows motion."""

    def opens(self) -> bool:
        """Return whether the recorded frame opens an event, if none is open."""

    def closes(self) -> bool:
        """Return whether the recorded frame closes the open event."""

    def reset(self) -> None:
        """Forget the recorded frames: they open no event."""


class FractionRule:
    """Opens an event when a fraction of the recent frames shows motion; the classic rule.

    An event opens with a frame that shows motion when at least `min_occupied_fraction` of the last
    `motion_classification_store_cnt` frames do; frames before the first count as still. These are
    frames at the rate *fps*: a frame of a slower source counts as several, but three at least must
    show motion. The event closes once `event_gap_s` have passed without motion.
    """

    def __init__(self, events: EventSettings, fps: float | None = None) -> None:
        length = events.motion_classification_store_cnt
        # In floating point 0.28 * 25 is a little more than 7; it must not be rounded up to 8.
        self._needed = math.ceil(round(events.min_occupied_fraction * length, 6))
        self._gap_s = events.event_gap_s
        self._recent: deque[bool] = deque(maxlen=length)
        self._counter = FrameCounter(fps, math.ceil(self._needed / _LEAST_FRAMES))
        self._at_s = self.started_at_s = self.ended_at_s = -math.inf

    def record(self, motion: bool, at_s: float) -> None:
        self._recent.extend(repeat(motion, self._counter.count(at_s)))
        self._at_s = self.started_at_s = at_s
        if motion:
            self.ended_at_s = at_s

    def opens(self) -> bool:
        return self._recent[-1] and sum(self._recent) >= self._needed

    def closes(self) -> bool:
        return not self._recent[-1] and self._at_s - self.ended_at_s >= self._gap_s

    def reset(self) -> None:
        self._recent.clear()


class SureRule:
    """Opens an event with the first frame that shows motion, where the model confirms by itself.

    The event closes once `event_gap_s` have passed without motion.
    """

    def __init__(self, events: EventSettings) -> None:
        self._gap_s = events.event_gap_s
        self._motion = False
        self._at_s = self.started_at_s = self.ended_at_s = -math.inf

    def record(self, motion: bool, at_s: float) -> None:
        self._motion = motion
        self._at_s = self.started_at_s = at_s
        if motion:
            self.ended_at_s = at_s

    def opens(self) -> bool:
        return self._motion

    def closes(self) -> bool:
        return not self._motion and self._at_s - self.ended_at_s >= self._gap_s

    def reset(self) -> None:
        self._motion = False


class DebounceRule:
    """Opens an event when all frames of *debounce_s*, at least two, show motion.

    The event closes when all frames of *debounce_s*, at least two, show none. It lasts from the
    first frame with motion to the first frame without.
    """

    def __init__(self, debounce_s: float) -> None:
        self._debounce_s = debounce_s
        self._motion, self._frames = False, 0
        self._since_s = self._at_s = self.started_at_s = self.ended_at_s = -math.inf

    def record(self, motion: bool, at_s: float) -> None:
        if motion != self._motion or self._frames == 0:
            self._motion, self._since_s, self._frames = motion, at_s, 0
        self._frames += 1
        self._at_s = at_s
        if motion:
            self.ended_at_s = at_s

    def opens(self) -> bool:
        self.started_at_s = self._since_s
        return self._motion and self._held()

    def closes(self) -> bool:
        if self._motion or not self._held():
            return False
        self.ended_at_s = self._since_s
        return True

    def reset(self) -> None:
        self._frames = 0

    def _held(self) -> bool:
        # In floating point 0.3 - 0.1 is a little less than 0.2.
        return self._frames > 1 and round(self._at_s - self._since_s, 6) >= self._debounce_s


class Detector:
    """Judges the frames of one camera in order, and says when an event opens and closes.

    `FractionRule` decides, or `SureRule` where *motion* confirms by itself, or `DebounceRule` where
    it has a `debounce_s`. *last_alert_at_s* is the time of the last alert, if it is known, and
    *fps* the rate of frames that the settings mean.
    """

    def __init__(
        self,
        motion: MotionModel,
        events: EventSettings,
        last_alert_at_s: float = -math.inf,
        fps: float | None = None,
    ) -> None:
        self._motion = motion
        self._events = events
        self._rule: EventRule = FractionRule(events, fps)
        if motion.debounce_s is not None:
            self._rule = DebounceRule(motion.debounce_s)
        elif motion.confirms:
            self._rule = SureRule(events)
        self._event: Event | None = None
        self._seen: Sighting | None = None
        self._last = Verdict(False, 0.0, (), learning=True, event=None, changed=None)
        self._opened = 0
        self._may_alert = True
        self._scene = 0
        #: The time of the last event that was an alert, or at which an alert was sent.
        self.last_alert_at_s = self._alert_before_s = last_alert_at_s

    def judge(self, frame: Frame) -> Verdict:
        """Judge the next frame; a damaged one shows no motion, and nothing is learned from it."""
        if frame.scene != self._scene:
            self._scene = frame.scene
            self.relearn()
        if frame.damaged:
            return self._pass_over(frame)
        seen = self._motion.judge(frame.luma, frame.luma_span, frame.at_s)
        self._rule.record(seen.motion, frame.at_s)
        changed = self._follow(self._event, seen) if self._event else self._open(seen, frame.at_s)
        if seen is self._seen and self._event is self._last.event and not changed:
            return self._last
        verdict = Verdict(
            *(seen.motion, seen.area_px, seen.boxes, seen.learning),
            *(self._event, changed, seen.level, seen.objection),
            changed_px=seen.changed_px,
            hidden=seen.hidden,
        )
        if changed == "closed":
            self._event = None
        else:
            # A picture that the model has left out is judged as the last one.
            self._seen, self._last = seen, replace(verdict, changed=None) if changed else verdict
        return verdict

    @property
    def rests(self) -> bool:
        """Return whether nothing is in sight of which somebody could become in the next frames."""
        return self._motion.rests

    def worth_judging(self, frames: Sequence[Frame]) -> Sequence[Frame]:
        """Return those of *frames* that may show what the last one does not, and the last one.

        It may be called only while the detector `rests`.
        """
        last = frames[-1]
        if any(one.damaged or one.scene != self._scene for one in frames):
            return frames
        times_s = self._motion.worth_judging([one.at_s for one in frames], last.luma)
        return [one for one in frames if one is last or one.at_s in times_s]

    def comparison(self) -> Comparison | None:
        """Return the data by which the last frame was judged; None where nothing is compared."""
        return self._motion.comparison()

    def objections(self) -> Mapping[str, int]:
        """Return how many changes were no motion, by reason; empty where no reason is known."""
        return self._motion.objections()

    def contours(self) -> Sequence[Contour]:
        """Return what the last frame was judged by; cheaper than `comparison`."""
        return self._motion.contours()

    def confirm(self, number: int) -> None:
        """Let the contour *number* count as somebody, because a model saw a person in it."""
        self._motion.confirm(number)

    def assist(self) -> None:
        """Offer also contours that are too small for motion alone: a person model looks at them."""
        self._motion.assist()

    def count_alert(self, at_s: float) -> None:
        """Count an alert that was sent at *at_s*: none comes in `min_notify_seconds` after it."""
        self._alert_before_s, self.last_alert_at_s = self.last_alert_at_s, at_s

    def take_back_alert(self) -> None:
        """Do not count the last alert: it was not sent, or was a mistake."""
        self.last_alert_at_s = self._alert_before_s

    def relearn(self) -> None:
        """Learn the background again, for example after arming or a move of the camera.

        An open event stays open until its gap has passed.
        """
        self._motion.relearn()
        self._rule.reset()

    def end_event(self) -> Event | None:
        """End the open event now and return it; None when no event is open.

        Call this at the end of a video, or when the camera is switched off.
        """
        if self._event is None:
            return None
        event, self._event = replace(self._event, ended_at_s=self._rule.ended_at_s), None
        return event

    def _pass_over(self, frame: Frame) -> Verdict:
        longest_s = max(self._events.event_gap_s, _LONGEST_UNSEEN_S)
        if self._event and frame.at_s - self._rule.ended_at_s >= longest_s:
            return Verdict(False, 0.0, (), learning=False, event=self.end_event(), changed="closed")
        return Verdict(False, 0.0, (), learning=False, event=self._event, changed=None)

    def _open(self, seen: Sighting, at_s: float) -> Literal["opened"] | None:
        if not self._rule.opens():
            return None
        self._opened += 1
        self._may_alert = seen.alert
        alert = seen.alert and at_s - self.last_alert_at_s >= self._events.min_notify_seconds
        if alert:
            self.count_alert(at_s)
        self._event = Event(
            number=self._opened,
            started_at_s=self._rule.started_at_s,
            ended_at_s=None,
            peak_area_px=seen.area_px,
            boxes=seen.boxes,
            alert=alert,
            evidence=seen.evidence,
        )
        return "opened"

    def _follow(self, event: Event, seen: Sighting) -> Literal["closed"] | None:
        if seen.motion and seen.alert and not self._may_alert:
            # Somebody comes from a zone that is only recorded: the next frame opens an alert.
            self._event = replace(event, ended_at_s=self._rule.ended_at_s)
            return "closed"
        if seen.motion:
            if seen.area_px > event.peak_area_px:
                self._event = replace(event, peak_area_px=seen.area_px, boxes=seen.boxes)
        elif self._rule.closes():
            self._event = replace(event, ended_at_s=self._rule.ended_at_s)
            return "closed"
        return None
