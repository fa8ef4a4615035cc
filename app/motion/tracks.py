"""Tracks: blobs followed from picture to picture, and how far and how straight each has gone."""

import math
from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import numpy as np

from app.frames import Box
from app.motion.blobs import Blob, Traits
from app.protocol import Evidence

#: A picture's traits count for so much less after the next one.
_FADE, _TONE_WEIGHT = 0.8, 0.4
#: Growth is steady when each third of the time shows so many times the size of the one before.
_STEADY = 1.1
#: A box that is so many times as large as in the picture before has jumped.
_JUMP = 2.1
#: The seconds of the path that are kept, and those by which an insect is told from a person.
_PATH_S, _GAIT_S = 4.0, 1.5


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a track at *at_s*: the middle of its box, its size and its area, in pixels.

    *size* is the longer side, *tallness* the height over the width.
    """

    at_s: float
    x: float
    y: float
    size: float
    tallness: float
    area_px: float


@dataclass(frozen=True, slots=True)
class Gait:
    """A movement in the last moments.

    *way* is from where it was to where it is, *path* along its steps, *size* its median longer
    side, all in pixels; *tallness* is its median height over its width, *lasted_s* the time.
    """

    way: float
    path: float
    size: float
    tallness: float
    lasted_s: float

    @property
    def straightness(self) -> float:
        return self.way / max(self.path, 1e-3)

    @property
    def sizes_a_second(self) -> float:
        return self.way / self.size / max(self.lasted_s, 1e-3)


@dataclass(slots=True)
class Track:
    """Something that has changed, followed since *born_s*.

    *start* is its box when its evidence began, *sights* the pictures in which it was seen since,
    and *travel_px* how far both sides of the box have moved the same way. *alive_s* is when
    something in it last moved, and *ghost* rises to 1 while it looks like a hole in the background.
    *alerts* is False in a zone that is only recorded. *came_closer* is True when it had grown
    before it was confirmed.
    """

    number: int
    box: Box
    area_px: float
    first_s: float
    traits: Traits
    start: Box = field(init=False)
    born_s: float = field(init=False)
    seen_s: float = field(init=False)
    alive_s: float = field(init=False)
    confirmed_s: float | None = None
    sights: int = 1
    looks: int = 1
    travel_px: float = 0.0
    largest_px: float = 0.0
    ghost: float = 0.0
    objection: str | None = None
    evidence: Evidence | None = None
    alerts: bool = True
    came_closer: bool = False
    places: deque[Place] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.start = self.box
        self.born_s = self.seen_s = self.alive_s = self.first_s
        self.largest_px = self.area_px

    @property
    def confirmed(self) -> bool:
        return self.confirmed_s is not None

    @property
    def side_px(self) -> float:
        """The side of a square as large as the box."""
        return math.sqrt(self.box.width * self.box.height)

    def touches(self, box: Box, reach: int) -> bool:
        """Return whether *box* overlaps this one's box, or is less than *reach* pixels away."""
        own = self.box
        return (
            box.x < own.x + own.width + reach
            and own.x < box.x + box.width + reach
            and box.y < own.y + own.height + reach
            and own.y < box.y + box.height + reach
        )

    def see(self, blob: Blob, at_s: float) -> None:
        """Add *blob*, seen at *at_s*; several blobs of one picture are one."""
        if self.seen_s < at_s:
            self.box, self.area_px = blob.box, blob.area_px
            self.sights += 1
            self.traits.fade(_FADE)
        else:
            self.box = _around(self.box, blob.box)
            self.area_px += blob.area_px
        self.seen_s = at_s
        self.largest_px = max(self.largest_px, self.area_px)

    def add_traits(self, traits: Traits) -> None:
        self.traits.add(traits, _TONE_WEIGHT)

    def restart(self, at_s: float) -> None:
        """Begin the evidence again: while the light changes, nothing seen is evidence."""
        self.start, self.born_s = self.box, at_s
        self.sights = self.looks = 0
        self.travel_px = 0.0
        self.traits = Traits(darkest=self.traits.darkest, brightest=self.traits.brightest)
        self.places.clear()

    def begin_way(self) -> None:
        """Measure from here how far the box goes: what was seen before was something else."""
        self.start, self.travel_px, self.came_closer = self.box, 0.0, False
        self.places.clear()

    def move(self, shape: tuple[int, int]) -> None:
        """Measure how far the box has gone since its start, in a picture of *shape*."""
        self.travel_px = max(self.travel_px, _travel(self.start, self.box, shape))
        if self.confirmed:
            return
        box = self.box
        self.places.append(
            Place(
                self.seen_s,
                box.x + box.width / 2,
                box.y + box.height / 2,
                max(box.width, box.height),
                box.height / box.width,
                self.area_px,
            )
        )
        while self.seen_s - self.places[0].at_s > _PATH_S:
            self.places.popleft()

    def entered(self, shape: tuple[int, int]) -> Literal["left", "right", "below"] | None:
        """Return the edge of a picture of *shape* at which it was first seen; None without one."""
        rows, columns = shape
        if self.start.x <= 1:
            return "left"
        if self.start.x + self.start.width >= columns - 1:
            return "right"
        return "below" if self.start.y + self.start.height >= rows - 1 else None

    def mean_area_px(self, seconds: float) -> float:
        """Return the mean area over the last *seconds*."""
        recent = [one.area_px for one in self.places if self.seen_s - one.at_s < seconds]
        return sum(recent) / len(recent) if recent else self.area_px

    def growth(self) -> float:
        """Return the factor by which area and box have both grown; 0 unless it was steadily.

        What only becomes visible jumps in size, as its parts join.
        """
        boxes = [one.size**2 / max(one.tallness, 1 / one.tallness) for one in self.places]
        if any(after > _JUMP * before for before, after in pairwise(boxes)):
            return 0.0
        return min(_steady_growth([one.area_px for one in self.places]), _steady_growth(boxes))

    def gait(self, seconds: float = _GAIT_S, step_s: float = 0.0) -> Gait:
        """Return how it moved in the last *seconds*, by steps of at least *step_s*."""
        recent = [one for one in self.places if self.seen_s - one.at_s < seconds]
        steps = recent[:1]
        for one in recent[1:]:
            if one.at_s - steps[-1].at_s >= step_s:
                steps.append(one)
        first, last = recent[0], recent[-1]
        path = sum(math.hypot(b.x - a.x, b.y - a.y) for a, b in pairwise(steps))
        size = float(np.median([one.size for one in recent]))
        tallness = float(np.median([one.tallness for one in recent]))
        way = math.hypot(last.x - first.x, last.y - first.y)
        return Gait(way, path, size, tallness, last.at_s - first.at_s)


def _steady_growth(sizes: list[float]) -> float:
    third = len(sizes) // 3
    if not third:
        return 0.0
    parts = (sizes[:third], sizes[third:-third], sizes[-third:])
    first, middle, last = (float(np.median(part)) for part in parts)
    return last / first if first * _STEADY < middle and middle * _STEADY < last else 0.0


def _around(one: Box, other: Box) -> Box:
    x, y = min(one.x, other.x), min(one.y, other.y)
    right = max(one.x + one.width, other.x + other.width)
    bottom = max(one.y + one.height, other.y + other.height)
    return Box(x, y, right - x, bottom - y)


def overlap(one: Box, other: Box) -> float:
    """Return the share of two boxes together that both cover, 0 to 1."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    both = max(0, width) * max(0, height)
    return both / (one.width * one.height + other.width * other.height - both)


def _travel(start: Box, box: Box, shape: tuple[int, int]) -> float:
    """Return how far both sides of the box have moved the same way, on the better axis.

    A side at the picture's left, right or lower edge is free: somebody may still be coming in. The
    upper edge is not: ceiling lamps are there.
    """
    rows, columns = shape
    left, right = box.x - start.x, box.x + box.width - start.x - start.width
    top, bottom = box.y - start.y, box.y + box.height - start.y - start.height
    at_left = box.x <= 1 and start.x <= 1
    at_right = box.x + box.width >= columns - 1 and start.x + start.width >= columns - 1
    at_bottom = box.y + box.height >= rows - 1 and start.y + start.height >= rows - 1
    return max(_on_axis(left, right, at_left, at_right), _on_axis(top, bottom, False, at_bottom))


def _on_axis(low: float, high: float, low_free: bool, high_free: bool) -> float:
    if low_free and high_free:
        return 0.0
    if low_free:
        return abs(high)
    if high_free:
        return abs(low)
    return min(abs(low), abs(high)) if low * high > 0 else 0.0
