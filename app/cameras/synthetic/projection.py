"""The place of a point of the drawn room in the picture, and the size of the room."""

from dataclasses import dataclass

Point = tuple[float, float, float]

#: The height of the lens, in metres, and the walls, the front and the ceiling of the room.
EYE_M = 1.7
LEFT_M, RIGHT_M, BACK_M, FRONT_M, CEILING_M = -3.0, 3.0, 5.6, 1.0, 2.7


@dataclass(frozen=True, slots=True)
class Projection:
    """Projects the room, in metres, on a canvas larger than the picture, so the view can turn.

    The picture is *width* by *height* pixels. x goes to the right, y up from the floor, and z away
    from the lens, which is at (0, `EYE_M`, 0).
    """

    width: int
    height: int

    @property
    def margin(self) -> tuple[int, int]:
        """The margin of the canvas on each side of the picture: (horizontal, vertical) pixels."""
        return self.width // 4, self.height // 6

    @property
    def size(self) -> tuple[int, int]:
        """The (width, height) of the canvas in pixels."""
        return self.width + 2 * self.margin[0], self.height + 2 * self.margin[1]

    @property
    def focal_px(self) -> float:
        """The width of one metre at a distance of one metre, in pixels."""
        return min(0.8 * self.width, 1.07 * self.height)

    def project(self, x_m: float, y_m: float, z_m: float) -> tuple[float, float]:
        """Return the (column, row) of a point on the canvas."""
        scale = self.focal_px / z_m
        column = self.margin[0] + self.width / 2 + scale * x_m
        row = self.margin[1] + 0.36 * self.height + scale * (EYE_M - y_m)
        return column, row
