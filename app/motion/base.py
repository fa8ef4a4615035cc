"""What a motion model promises, and its settings."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Interval

from app.frames import Box, Image

Fraction = Annotated[float, Interval(ge=0, le=1)]
#: Corners (x, y) as fractions of the picture's width and height, from the left upper corner.
Polygon = tuple[tuple[Fraction, Fraction], ...]
Kernel = Annotated[int, Interval(ge=1, le=101)]


@dataclass(frozen=True, slots=True)
class MotionSettings:
    """What triggers, and the knobs of either trigger. Lengths and areas are in pixels of a picture
    *frame_width* wide.
    """

    trigger: Literal["background", "light"] = "background"
    frame_width: Annotated[int, Interval(ge=100, le=4096)] = 500
    alpha: Annotated[float, Interval(gt=0, lt=1)] = 0.1
    ksize: tuple[Kernel, Kernel] = (21, 21)
    delta_thresh: Annotated[int, Interval(ge=1, le=254)] = 5
    dilate_iterations: Annotated[int, Interval(ge=0, le=20)] = 2
    min_area: Annotated[float, Interval(gt=0)] = 5000.0
    thresh: Annotated[float, Interval(gt=0, lt=255)] = 50.0
    hysteresis_levels: Annotated[float, Interval(ge=0, lt=255)] = 5.0
    debounce_s: Annotated[float, Interval(ge=0, le=10)] = 0.2

    def __post_init__(self) -> None:
        if self.hysteresis_levels >= self.thresh:
            raise ValueError(
                f"hysteresis_levels must be less than thresh ({self.thresh:g}), or it would never "
                "be dark again"
            )
        if any(side % 2 == 0 for side in self.ksize):
            raise ValueError(
                f"both numbers of ksize must be odd, as in [21, 21], not {list(self.ksize)}"
            )


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one frame shows.

    *area_px* is the largest moving area in pixels at `frame_width`; *boxes* are in the frame's own
    pixels. *level* is how bright the picture is, 0 to 255, where light is the trigger.
    """

    motion: bool
    area_px: float
    boxes: tuple[Box, ...]
    learning: bool
    level: float | None = None


@dataclass(frozen=True, slots=True)
class Contour:
    """Something that stands out: the box around it in the frame's own pixels, and its area in
    pixels at `frame_width`.
    """

    box: Box
    area_px: float


@dataclass(frozen=True, slots=True)
class View:
    """What a picture was compared with: *background* and its difference from that, *delta*, both
    (rows, columns) uint8 and small.

    *contours* are the outlines in *delta*, too small ones included.
    """

    background: Image
    delta: Image
    contours: tuple[Contour, ...]


class MotionModel(ABC):
    """Tells from luma planes, one after another, whether something moves."""

    #: For how many seconds its word must hold until an event opens or closes; None where shares of
    #: frames and a gap decide.
    debounce_s: float | None = None

    @abstractmethod
    def judge(self, luma: Image, span: int = 255) -> Sighting:
        """Judge the next picture, (rows, columns) uint8, in which black and white are *span* apart.

        A picture of another size than the one before starts anew.
        """

    def view(self) -> View | None:
        """How the last picture was judged; None where there is nothing to compare it with."""
        return None

    @abstractmethod
    def relearn(self) -> None:
        """Drop the background and learn it again from the next picture, as after a move of the
        camera.
        """
