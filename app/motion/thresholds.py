"""The figures from which on something counts as motion, for those who plot them."""

from dataclasses import dataclass

from app.motion.base import MotionSettings


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The least figures of motion; None where the trigger or the method has none.

    *area_px* is in pixels at `frame_width`, *hidden* the usual least share of the texture behind
    something that it must hide, and *level* the least brightness, 0 to 255.
    """

    area_px: float | None = None
    hidden: float | None = None
    level: float | None = None


def thresholds(settings: MotionSettings, shape: tuple[int, int]) -> Thresholds:
    """Return the thresholds by *settings* in pictures of *shape*, (rows, columns)."""
    if settings.trigger == "light":
        return Thresholds(level=settings.thresh)
    if settings.method == "running_average":
        return Thresholds(area_px=settings.min_area)
    from app.motion.rules import KEPT

    rows, columns = shape
    whole_px = settings.frame_width**2 * rows / columns
    return Thresholds(area_px=settings.min_size * whole_px, hidden=round(1 - KEPT, 2))
