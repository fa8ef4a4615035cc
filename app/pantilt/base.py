"""What a pan-tilt mount promises, and its settings."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Interval

LIMIT_DEG = 90
Degrees = Annotated[int, Interval(ge=-LIMIT_DEG, le=LIMIT_DEG)]


@dataclass(frozen=True, slots=True)
class PanTiltSettings:
    """The mount of one camera. *home* is (pan, tilt); *settle_s* is how long the picture shakes after a move."""

    backend: Literal["none", "hat", "mock"] = "none"
    home: tuple[Degrees, Degrees] = (0, 0)
    settle_s: Annotated[float, Interval(ge=0, le=30)] = 1.0


class PanTilt(ABC):
    """Two servos under a camera. Angles are whole degrees, -90 to 90, 0 straight ahead; others are a ValueError."""

    @abstractmethod
    def open(self) -> None:
        """Find the servos; `PanTiltError` when there are none."""

    @abstractmethod
    def move_to(self, pan_deg: int, tilt_deg: int) -> None:
        """Start turning. Returns before the servos have arrived."""

    @abstractmethod
    def position(self) -> tuple[int, int]:
        """(pan, tilt) last reached."""

    @abstractmethod
    def close(self) -> None:
        """Let the servos go limp. Closing twice is fine."""
