"""Paints shapes that are given in metres into the picture of the drawn room."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from app.cameras.synthetic.colours import Colour, shade
from app.cameras.synthetic.projection import BACK_M, EYE_M, Point, Projection
from app.frames import Image

Light = NDArray[np.float32]

#: The binary places of the coordinates that OpenCV gets.
_SHIFT = 4


class Brush:
    """Paints the room on a canvas.

    Up to a width of 1000 pixels it paints at twice the size, and reduces the result, which smooths
    every edge. Light is added after that, at the canvas's own size.
    """

    def __init__(self, projection: Projection) -> None:
        self.projection = projection
        self._fine = 2 if projection.width <= 1000 else 1
        width, height = projection.size
        self._paint: Image = np.zeros((height * self._fine, width * self._fine, 3), np.uint8)

    def fill(self, points: Sequence[Point], colour: Colour) -> None:
        """Fill the outline through *points*."""
        cv2.fillPoly(self._paint, [self._outline(points, self._fine)], colour, cv2.LINE_AA, _SHIFT)

    def ball(self, centre: Point, radius_m: float, colour: Colour) -> None:
        """Paint a disc of *radius_m* that faces the lens."""
        x, y, z = centre
        circle = [
            (x + radius_m * float(np.cos(angle)), y + radius_m * float(np.sin(angle)), z)
            for angle in np.linspace(0, 2 * np.pi, 40)
        ]
        self.fill(circle, colour)

    def finished(self) -> Light:
        """Return what was painted, at the size of the canvas."""
        canvas = cv2.resize(self._paint, self.projection.size, interpolation=cv2.INTER_AREA)
        return canvas.astype(np.float32)

    def mask(self, *shapes: Sequence[Point], blur_m: float) -> Light:
        """Return 1 inside *shapes* and 0 outside, with an edge *blur_m* wide at the back wall."""
        width, height = self.projection.size
        mask: Image = np.zeros((height, width), np.uint8)
        for points in shapes:
            cv2.fillPoly(mask, [self._outline(points, 1)], 255, cv2.LINE_AA, _SHIFT)
        sigma_px = max(blur_m * self.projection.focal_px / BACK_M, 0.3)
        return cv2.GaussianBlur(mask, (0, 0), sigma_px).astype(np.float32) / np.float32(255)

    def falloff(self, point: Point, reach_m: float) -> Light:
        """Return 1 at *point*, a half at a distance of *reach_m*, and less farther away."""
        width, height = self.projection.size
        column, row = self.projection.project(*point)
        rows, columns = np.ogrid[:height, :width]
        reach_px = reach_m * self.projection.focal_px / point[2]
        squared = ((columns - column) ** 2 + (rows - row) ** 2) / reach_px**2
        return (1 / (1 + squared)).astype(np.float32)

    def _outline(self, points: Sequence[Point], fine: int) -> NDArray[np.int32]:
        corners = np.array([self.projection.project(*point) for point in points]) * fine
        return np.round(corners * (1 << _SHIFT)).astype(np.int32)

    def upright(
        self, x: tuple[float, float], y: tuple[float, float], z: float, colour: Colour
    ) -> None:
        """Paint a rectangle that faces the lens."""
        self.fill([(x[0], y[0], z), (x[1], y[0], z), (x[1], y[1], z), (x[0], y[1], z)], colour)

    def flat(
        self, x: tuple[float, float], y: float, z: tuple[float, float], colour: Colour
    ) -> None:
        """Paint a rectangle that lies at the height *y*."""
        self.fill([(x[0], y, z[0]), (x[1], y, z[0]), (x[1], y, z[1]), (x[0], y, z[1])], colour)

    def side(
        self, x: float, y: tuple[float, float], z: tuple[float, float], colour: Colour
    ) -> None:
        """Paint a rectangle that faces to the side, at *x*."""
        self.fill([(x, y[0], z[0]), (x, y[1], z[0]), (x, y[1], z[1]), (x, y[0], z[1])], colour)

    def block(
        self, x: tuple[float, float], y: tuple[float, float], z: tuple[float, float], colour: Colour
    ) -> None:
        """Paint a box: the side to the middle, the top if it is below the lens, and the front."""
        if x[0] > 0:
            self.side(x[0], y, z, shade(colour, 0.72))
        if x[1] < 0:
            self.side(x[1], y, z, shade(colour, 0.82))
        if y[1] < EYE_M:
            self.flat(x, y[1], z, shade(colour, 1.12))
        self.upright(x, y, z[0], colour)
