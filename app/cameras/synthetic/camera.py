"""A camera that draws a furnished room with a visitor and changing light, and its ground truth."""

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from math import cos, pi, radians, tan
from typing import Literal

import cv2
import numpy as np

from app.cameras.base import Camera, CameraSettings, Pace, flipped
from app.cameras.pacing import Pacing
from app.cameras.privacy import privacy_mask
from app.cameras.synthetic.figure import STEPS, STRIDE_M, Facing, Sprite, sprite
from app.cameras.synthetic.projection import Projection
from app.cameras.synthetic.room import Room, draw_room
from app.clock import Clock
from app.errors import CameraError, CameraMissing
from app.frames import Box, Frame, Image


@dataclass(frozen=True, slots=True)
class Scene:
    """The contents of a scene. *noise* is the standard deviation of the sensor in grey levels."""

    people: bool = False
    lamp: Literal["off", "on", "switches"] = "off"
    clouds: bool = False
    noise: float = 1.5


SCENES = {
    "demo": Scene(people=True, lamp="on", clouds=True),
    "empty": Scene(),
    "person": Scene(people=True),
    "noise": Scene(noise=18.0),
    "lamp": Scene(lamp="switches"),
}
#: The period of the clouds, and the period of the lamp. The lamp is off, then on.
_CLOUDS_S, _LAMP_S = 180.0, 12.0
#: The time between two visits, and the time before the first visitor is in sight.
_VISIT_EVERY_S, _FIRST_SEEN_S = 20.0, 2.7
_SPEED_M_S = 1.05
_NEAR_M, _FAR_M = 2.95, 3.6
_HALF_FIGURE_M = 0.45
#: Directions in which a visitor looks while he stands still.
_LOOKS: tuple[Facing, ...] = (
    *("front", "front-left", "front-left"),
    *("front", "front-right", "front-right"),
)
#: The noise is one picture, larger than a frame by this. Each frame gets another part of it.
_NOISE_MARGIN_PX = 64


@dataclass(frozen=True, slots=True)
class GroundTruth:
    """The contents of a frame.

    *person* is in the frame's own pixels, or None. *lamp* is True while it is on. *sun* is 0 to 1.
    """

    person: Box | None
    lamp: bool
    sun: float


@dataclass(frozen=True, slots=True)
class _Figure:
    """The visitor at one moment: the position in the room in metres, and the step of the walk."""

    x_m: float
    z_m: float
    facing: Facing
    step: int


@dataclass(frozen=True, slots=True)
class _Visit:
    """One walk of *length_m* through the room; it begins and ends out of sight."""

    starts_s: float
    to_right: bool
    length_m: float
    z_m: tuple[float, float]
    pauses_at_m: float
    pause_s: float

    def figure(self, at_s: float) -> _Figure | None:
        walked_m = (at_s - self.starts_s) * _SPEED_M_S
        stood_s = (walked_m - self.pauses_at_m) / _SPEED_M_S
        if 0 <= stood_s < self.pause_s:
            return self._at(self.pauses_at_m, _LOOKS[int(stood_s / self.pause_s * len(_LOOKS))])
        if stood_s >= self.pause_s:
            walked_m -= self.pause_s * _SPEED_M_S
        if not 0 <= walked_m < self.length_m:
            return None
        return self._at(walked_m, "right" if self.to_right else "left")

    def _at(self, walked_m: float, facing: Facing) -> _Figure:
        done = walked_m / self.length_m
        z_m = self.z_m[0] + done * (self.z_m[1] - self.z_m[0])
        x_m = (walked_m - self.length_m / 2) * (1 if self.to_right else -1)
        return _Figure(x_m, z_m, facing, int(walked_m / STRIDE_M * STEPS) % STEPS)


class SyntheticCamera(Camera):
    """Draws one of `SCENES` without end; the same *seed* gives the same frames.

    `aim` turns the view: to the right for a positive pan, up for a positive tilt, to the edge of
    the drawn room, which is about 17 degrees to each side.
    """

    def __init__(
        self,
        source: str,
        settings: CameraSettings,
        clock: Clock,
        pace: Pace = "own",
        *,
        scene: str = "demo",
        seed: int = 0,
    ) -> None:
        self.source = source
        self._settings = settings
        self._clock = clock
        self._pace = pace
        self._scene_name = scene
        self._seed = seed
        self._privacy = privacy_mask(settings.privacy)
        self._projection = Projection(*settings.resolution)
        self._aim = (0.0, 0.0)
        self._room: Room | None = None

    def open(self) -> None:
        if self._scene_name not in SCENES:
            raise CameraMissing(
                f"{self.source}: there is no scene {self._scene_name!r}, only {', '.join(SCENES)}"
            )
        self._scene = SCENES[self._scene_name]
        self._noise = self._draw_noise()
        self._backdrop: tuple[object, Image] | None = None
        self._pacing = Pacing(self._clock, self._settings.fps, timed=self._pace == "own")
        self._next = self.dropped = 0
        self._opened_at = self._clock.now()
        self._room = draw_room(self._projection)

    def read(self) -> Frame:
        if self._room is None:
            raise CameraError(f"{self.source} is not open")
        number = self._next
        while not self._pacing.keep(number / self._settings.fps):
            number += 1
        self._next = number + 1
        self.dropped = self._pacing.dropped
        bgr = flipped(self._picture(self._room, number), self._settings)
        if self._privacy:
            bgr = self._privacy.bgr(bgr)
        luma = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), np.uint8)
        if self._pace == "own":
            return Frame(luma, self._clock.monotonic(), self._clock.now(), number, lambda: bgr)
        at_s = number / self._settings.fps
        return Frame(luma, at_s, self._opened_at + timedelta(seconds=at_s), number, lambda: bgr)

    def close(self) -> None:
        self._room = None

    def aim(self, pan_deg: float, tilt_deg: float) -> None:
        self._aim = (pan_deg, tilt_deg)

    def ground_truth(self, number: int) -> GroundTruth:
        """Return the contents of frame *number* for the present view."""
        at_s = number / self._settings.fps
        figure = self._figure(at_s)
        return GroundTruth(self._box(figure) if figure else None, self._lamp(at_s), self._sun(at_s))

    def _picture(self, room: Room, number: int) -> Image:
        at_s = number / self._settings.fps
        left, top = self._view()
        picture = self._background(room, self._sun(at_s), self._lamp(at_s), left, top).copy()
        figure = self._figure(at_s)
        if figure:
            _overlay(picture, *self._placed(figure), light=0.80 + 0.22 * self._sun(at_s))
        return self._with_noise(picture, number)

    def _background(self, room: Room, sun: float, lamp: bool, left: int, top: int) -> Image:
        key = (round(sun * 200), lamp, left, top)
        if self._backdrop is None or self._backdrop[0] != key:
            width, height = self._settings.resolution
            view = np.s_[top : top + height, left : left + width]
            light = key[0] / 200
            picture = cv2.addWeighted(room.sunny[view], light, room.dull[view], 1 - light, 0)
            if lamp:
                picture = cv2.add(picture, room.glow[view])
            self._backdrop = (key, np.asarray(picture, np.uint8))
        return self._backdrop[1]

    def _view(self) -> tuple[int, int]:
        """Return the (left, top) of the view on the canvas."""
        (margin_x, margin_y), (pan_deg, tilt_deg) = self._projection.margin, self._aim
        right = self._projection.focal_px * tan(radians(max(-60.0, min(pan_deg, 60.0))))
        up = self._projection.focal_px * tan(radians(max(-60.0, min(tilt_deg, 60.0))))
        left = margin_x + max(-margin_x, min(right, margin_x))
        top = margin_y - max(-margin_y, min(up, margin_y))
        return round(left), round(top)

    def _draw_noise(self) -> Image:
        width, height = self._settings.resolution
        random, noise = np.random.default_rng(self._seed), self._scene.noise
        shape = (height + _NOISE_MARGIN_PX, width + _NOISE_MARGIN_PX)
        grey = np.clip(np.round(random.normal(3 * noise, noise, shape)), 0, 255).astype(np.uint8)
        return np.asarray(cv2.merge([grey, grey, grey]), np.uint8)

    def _with_noise(self, picture: Image, number: int) -> Image:
        top, left = np.random.default_rng((self._seed, number)).integers(0, _NOISE_MARGIN_PX, 2)
        rows, columns = picture.shape[:2]
        noise = self._noise[top : top + rows, left : left + columns]
        return np.asarray(cv2.addWeighted(picture, 1, noise, 1, -3 * self._scene.noise), np.uint8)

    def _sun(self, at_s: float) -> float:
        return 0.5 + 0.5 * cos(2 * pi * at_s / _CLOUDS_S) if self._scene.clouds else 0.5

    def _lamp(self, at_s: float) -> bool:
        if self._scene.lamp == "switches":
            return at_s % _LAMP_S >= _LAMP_S / 2
        return self._scene.lamp == "on"

    def _figure(self, at_s: float) -> _Figure | None:
        if not self._scene.people:
            return None
        return _visit(self._projection, self._seed, int(at_s // _VISIT_EVERY_S)).figure(at_s)

    def _placed(self, figure: _Figure) -> tuple[Sprite, float, float, float]:
        """Return the sprite of *figure*, its scale, and its column and row in the view."""
        focal_px = self._projection.focal_px
        px_per_m = round(focal_px / _NEAR_M)
        drawn = sprite(px_per_m, figure.facing, figure.step)
        scale = focal_px / figure.z_m / px_per_m
        column, row = self._projection.project(figure.x_m, 0.0, figure.z_m)
        (left, top), (feet_x, feet_y) = self._view(), drawn.feet
        return drawn, scale, column - left - scale * feet_x, row - top - scale * feet_y

    def _box(self, figure: _Figure) -> Box | None:
        drawn, scale, column, row = self._placed(figure)
        width, height = self._settings.resolution
        left, top, right, bottom = (
            round(at + scale * edge) for at, edge in zip((column, row) * 2, drawn.body, strict=True)
        )
        left, right = max(left, 0), min(right, width)
        top, bottom = max(top, 0), min(bottom, height)
        if left >= right or top >= bottom:
            return None
        x = width - right if self._settings.hflip else left
        y = height - bottom if self._settings.vflip else top
        return Box(x, y, right - left, bottom - top)


@lru_cache(maxsize=4)
def _visit(projection: Projection, seed: int, number: int) -> _Visit:
    random = np.random.default_rng((seed, number, 1))
    in_sight_m = projection.width / 2 / projection.focal_px * _FAR_M + _HALF_FIGURE_M
    hidden_m = projection.size[0] / 2 / projection.focal_px * _FAR_M + _HALF_FIGURE_M
    late_s = 0.0 if number == 0 else random.uniform(0, 3)
    seen_s = number * _VISIT_EVERY_S + _FIRST_SEEN_S + late_s
    pauses = number == 0 or random.random() < 0.6
    return _Visit(
        starts_s=seen_s - (hidden_m - in_sight_m) / _SPEED_M_S,
        to_right=bool(random.random() < 0.5),
        length_m=2 * hidden_m,
        z_m=(random.uniform(_NEAR_M, _FAR_M), random.uniform(_NEAR_M, _FAR_M)),
        pauses_at_m=hidden_m + random.uniform(-0.8, 0.8),
        pause_s=random.uniform(2.5, 3.5) if pauses else 0.0,
    )


def _overlay(
    picture: Image, drawn: Sprite, scale: float, left: float, top: float, *, light: float
) -> None:
    """Draw the sprite into *picture* at *left* and *top*, as bright as *light*."""
    rows, columns = picture.shape[:2]
    size = (round(drawn.colour.shape[1] * scale), round(drawn.colour.shape[0] * scale))
    x, y = round(left), round(top)
    first_x, last_x = max(x, 0), min(x + size[0], columns)
    first_y, last_y = max(y, 0), min(y + size[1], rows)
    if first_x >= last_x or first_y >= last_y:
        return
    part = np.s_[first_y - y : last_y - y, first_x - x : last_x - x]
    colour = cv2.convertScaleAbs(cv2.resize(drawn.colour, size)[part], alpha=light)
    stays = cv2.resize(drawn.stays, size)[part]
    below = picture[first_y:last_y, first_x:last_x]
    below[:] = cv2.add(cv2.multiply(below, stays, scale=1 / 255), colour)
