"""Joins motion and the alert rule: a frame in, a verdict out. It knows no camera, no Redis and no clock but the frames' own."""

import math
from collections import deque
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from annotated_types import Ge, Interval

from app.frames import Box, Frame
from app.motion.base import MotionModel, Sighting


@dataclass(frozen=True, slots=True)
class EventSettings:
    """When frames with motion become an event, and what is kept of it."""

    motion_classification_store_cnt: Annotated[int, Interval(ge=1, le=1000)] = 30
    min_occupied_fraction: Annotated[float, Interval(gt=0, le=1)] = 0.6
    min_notify_seconds: Annotated[float, Ge(0)] = 10.0
    min_save_seconds: Annotated[float, Ge(1)] = 600.0
    event_gap_s: Annotated[float, Ge(0)] = 10.0
    frame_store_cnt: Annotated[int, Interval(ge=1, le=1000)] = 30
    train: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """A time of motion.

    *number* counts a detector's events from 1. *started_at_s* is the time of the frame that opened it, *ended_at_s* that of the
    last one with motion, or None while it is open. *peak_area_px* is the largest moving area so far, in pixels at `frame_width`,
    and *boxes* what moved in that frame, in its own pixels. *alert* is False when the last alert was less than
    `min_notify_seconds` before.
    """

    number: int
    started_at_s: float
    ended_at_s: float | None
    peak_area_px: float
    boxes: tuple[Box, ...]
    alert: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one frame means. *event* is the open event or the one that this frame *changed* to closed."""

    motion: bool
    area_px: float
    boxes: tuple[Box, ...]
    learning: bool
    event: Event | None
    changed: Literal["opened", "closed"] | None


class Detector:
    """Looks at the frames of one camera, one after another, and tells when an event opens and closes.

    An event opens with a frame that shows motion when at least `min_occupied_fraction` of the last
    `motion_classification_store_cnt` frames do; frames before the first count as still. It closes once `event_gap_s`
    have passed without motion.
    """

    def __init__(self, motion: MotionModel, events: EventSettings, last_alert_at_s: float = -math.inf) -> None:
        self._motion = motion
        self._events = events
        length = events.motion_classification_store_cnt
        # 0.28 * 25 is a little more than 7 in floating point, and must not become 8.
        self._needed = math.ceil(round(events.min_occupied_fraction * length, 6))
        self._recent: deque[bool] = deque(maxlen=length)
        self._event: Event | None = None
        self._opened = 0
        self._last_motion_at_s = -math.inf
        #: When an event last was an alert.
        self.last_alert_at_s = last_alert_at_s

    def look(self, frame: Frame) -> Verdict:
        """Judge the next frame."""
        seen = self._motion.look(frame.luma, frame.luma_span)
        self._recent.append(seen.motion)
        changed = self._follow(self._event, seen, frame.at_s) if self._event else self._open(seen, frame.at_s)
        verdict = Verdict(seen.motion, seen.area_px, seen.boxes, seen.learning, self._event, changed)
        if changed == "closed":
            self._event = None
        return verdict

    def forget(self) -> None:
        """Learn the background anew, as after arming or a move of the camera. An open event stays open until its gap has passed."""
        self._motion.forget()
        self._recent.clear()

    def close(self) -> Event | None:
        """End the open event now, if there is one, as at the end of a film or when the camera is switched off."""
        if self._event is None:
            return None
        event, self._event = replace(self._event, ended_at_s=self._last_motion_at_s), None
        return event

    def _open(self, seen: Sighting, at_s: float) -> Literal["opened"] | None:
        if not seen.motion or sum(self._recent) < self._needed:
            return None
        self._opened += 1
        self._last_motion_at_s = at_s
        alert = at_s - self.last_alert_at_s >= self._events.min_notify_seconds
        if alert:
            self.last_alert_at_s = at_s
        self._event = Event(self._opened, at_s, None, seen.area_px, seen.boxes, alert)
        return "opened"

    def _follow(self, event: Event, seen: Sighting, at_s: float) -> Literal["closed"] | None:
        if seen.motion:
            self._last_motion_at_s = at_s
            if seen.area_px > event.peak_area_px:
                self._event = replace(event, peak_area_px=seen.area_px, boxes=seen.boxes)
        elif at_s - self._last_motion_at_s >= self._events.event_gap_s:
            self._event = replace(event, ended_at_s=self._last_motion_at_s)
            return "closed"
        return None
