"""What a pan-tilt mount promises, and its settings."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Interval

LIMIT_DEG = 90
Degrees = Annotated[int, Interval(ge=-LIMIT_DEG, le=LIMIT_DEG)]


@dataclass(frozen=True, slots=True)
class PanTiltSettings:
    """The mount of one camera. *home* is (pan, tilt); *settle_s* is how long the picture shakes
    after a move.
    """

    backend: Literal["none", "hat", "mock"] = "none"
    home: tuple[Degrees, Degrees] = (0, 0)
    settle_s: Annotated[float, Interval(ge=0, le=30)] = 1.0


class PanTilt(ABC):
    """Two servos under a camera. Angles are whole degrees, -90 to 90, 0 straight ahead; others are
    a ValueError.
    """

    @abstractmethod
    def open(self) -> None:
        """Find the servos; `PanTiltError` when there are none."""

    @abstractmethod
    def move_to(self, pan_deg: int, tilt_deg: int) -> None:
        """Start turning; returns before the servos have arrived. After a `PanTiltError` it may be
        called again.
        """

    @abstractmethod
    def position(self) -> tuple[int, int]:
        """(pan, tilt) last turned to; (0, 0) when that is not known."""

    @abstractmethod
    def close(self) -> None:
        """Let the servos go limp. Closing twice is fine."""


def check_angles(pan_deg: int, tilt_deg: int) -> None:
    """Raise the ValueError that `PanTilt` promises, before any servo moves."""
    for name, angle_deg in (("pan", pan_deg), ("tilt", tilt_deg)):
        if angle_deg not in range(-LIMIT_DEG, LIMIT_DEG + 1):
            raise ValueError(
                f"{name} must be whole degrees from {-LIMIT_DEG} to {LIMIT_DEG}, not {angle_deg}"
            )
