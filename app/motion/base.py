"""The interface of a motion model, and its settings."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Interval, Len
from pydantic import AfterValidator

from app.frames import Box, Image, Polygon, closed
from app.protocol import Evidence

Method = Literal["structure", "running_average"]
Kernel = Annotated[int, Interval(ge=1, le=101)]
#: The seconds in which something must have been seen before it can be somebody.
SOONEST_S = 0.2


@dataclass(frozen=True, slots=True)
class Zone:
    """A part of the picture, called *name*, with the corners *area*.

    Somebody is in it who stands in it. *min_size* is the smallest size there, as a share of the
    picture; None is that of the whole picture. *then* says what somebody there causes: an alert, a
    recorded event without an alert, or nothing.
    """

    name: Annotated[str, Len(1, 40)]
    area: Annotated[Polygon, AfterValidator(closed)]
    min_size: Annotated[float, Interval(gt=0, lt=1)] | None = None
    then: Literal["alert", "record", "ignore"] = "alert"


@dataclass(frozen=True, slots=True)
class MotionSettings:
    """The trigger of events, and the settings of both triggers.

    Lengths and areas are in pixels of a picture *frame_width* wide.
    """

    trigger: Literal["background", "light"] = "background"
    method: Method = "structure"
    frame_width: Annotated[int, Interval(ge=100, le=4096)] = 500
    alpha: Annotated[float, Interval(gt=0, lt=1)] = 0.1
    ksize: tuple[Kernel, Kernel] = (21, 21)
    delta_thresh: Annotated[int, Interval(ge=1, le=254)] = 5
    dilate_iterations: Annotated[int, Interval(ge=0, le=20)] = 2
    min_area: Annotated[float, Interval(gt=0)] = 5000.0
    thresh: Annotated[float, Interval(gt=0, lt=255)] = 50.0
    hysteresis_levels: Annotated[float, Interval(ge=0, lt=255)] = 5.0
    debounce_s: Annotated[float, Interval(ge=0, le=10)] = 0.2
    min_size: Annotated[float, Interval(gt=0, lt=1)] = 0.0028
    absorb_s: Annotated[float, Interval(ge=10, le=3600)] = 180.0

    def __post_init__(self) -> None:
        if self.hysteresis_levels >= self.thresh:
            raise ValueError(
                f"hysteresis_levels must be less than thresh ({self.thresh:g}), or a picture would "
                "never be dark again"
            )
        if any(side % 2 == 0 for side in self.ksize):
            raise ValueError(
                f"both numbers of ksize must be odd, as in [21, 21], not {list(self.ksize)}"
            )


@dataclass(frozen=True, slots=True)
class Sighting:
    """The result of a motion model for one frame.

    *area_px* is the largest moving area, in pixels at `frame_width`. *boxes* are in the frame's own
    pixels. *learning* is True while there is no verdict. *level* is the brightness of the picture,
    0 to 255, where light is the trigger. *evidence* says why there is motion, and *objection* why
    something that changed is none, where the model knows it. *alert* is False when everybody is in
    zones that are only recorded. *changed_px* is the largest changed area, also where nothing
    counts as motion, and *hidden* the share of the texture behind it that it hides; None where the
    model does not know them.
    """

    motion: bool
    area_px: float
    boxes: tuple[Box, ...]
    learning: bool
    level: float | None = None
    evidence: Evidence | None = None
    objection: str | None = None
    alert: bool = True
    changed_px: float | None = None
    hidden: float | None = None


@dataclass(frozen=True, slots=True)
class Contour:
    """Something that differs from the background.

    *box* is around it, in the frame's own pixels; *area_px* is in pixels at `frame_width`.
    *confirmed* is True where it counts as motion; else *objection* says why not, where the model
    knows it. A model that follows it gives it a *number*, and the *evidence* so far; *seen* is
    False while it is out of sight.
    """

    box: Box
    area_px: float
    confirmed: bool = False
    objection: str | None = None
    number: int | None = None
    evidence: Evidence | None = None
    seen: bool = True


@dataclass(frozen=True, slots=True)
class Comparison:
    """The data by which a picture was judged.

    *background* and *delta*, the picture's difference from it, are both small, (rows, columns)
    uint8. *contours* are the outlines in *delta*; those that are too small are included.
    """

    background: Image
    delta: Image
    contours: tuple[Contour, ...]


class MotionModel(ABC):
    """Judges from luma planes, in order, whether something moves."""

    #: Seconds that a verdict must last before an event opens or closes. None where a fraction of
    #: frames and a gap decide that.
    debounce_s: float | None = None
    #: Whether its motion is somebody for sure, so that an event opens with the first.
    confirms: bool = False

    @property
    def rests(self) -> bool:
        """Return whether nothing is in sight of which somebody could become.

        Then no picture that comes less than `SOONEST_S` after the next change has the first motion.
        """
        return False

    def worth_judging(self, times_s: Sequence[float], luma: Image) -> Sequence[float]:  # noqa: ARG002
        """Return which of the pictures taken at *times_s* are worth judging.

        *luma* is that of the last of them.
        """
        return times_s

    @abstractmethod
    def judge(self, luma: Image, span: int = 255, at_s: float | None = None) -> Sighting:
        """Judge the next picture, (rows, columns) uint8, in which white is *span* above black.

        It was taken at *at_s* on the clock of the source; None is the usual time after the last
        one. When the size of the pictures changes, the background is learned again.
        """

    def comparison(self) -> Comparison | None:
        """Return how the last picture was judged; None where it is compared with nothing."""
        return None

    def contours(self) -> Sequence[Contour]:
        """Return the contours of the last picture; the doubtful ones may lack their evidence."""
        comparison = self.comparison()
        return comparison.contours if comparison else ()

    def confirm(self, number: int) -> None:  # noqa: B027 (few follow anything)
        """Let what is followed as *number* count as motion: a person model saw a person in it."""

    def assist(self) -> None:  # noqa: B027 (few follow anything)
        """Offer also what is too small to be judged by motion: a person model looks at it."""

    def objections(self) -> Mapping[str, int]:
        """Return how many changes were no motion, by reason; empty where no reason is known."""
        return {}

    @abstractmethod
    def relearn(self) -> None:
        """Learn the background again from the next picture, as after a turn of the camera."""
