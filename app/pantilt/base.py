"""The interface of a pan-tilt mount, and its settings."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Interval

LIMIT_DEG = 90
Degrees = Annotated[int, Interval(ge=-LIMIT_DEG, le=LIMIT_DEG)]


@dataclass(frozen=True, slots=True)
class PanTiltSettings:
    """Settings of one camera's mount.

    *home* is (pan, tilt) in degrees; so is *park*, the direction while the camera is closed, None
    when it then stays where it is. *settle_s* is how long the picture shakes after a move.
    """

    backend: Literal["none", "hat", "mock"] = "none"
    home: tuple[Degrees, Degrees] = (0, 0)
    park: tuple[Degrees, Degrees] | None = None
    settle_s: Annotated[float, Interval(ge=0, le=30)] = 1.0


class PanTilt(ABC):
    """Two servos that turn a camera.

    Angles are whole degrees from -90 to 90; 0 is straight ahead. Other angles raise `ValueError`.
    """

    @abstractmethod
    def open(self) -> None:
        """Find the servos; `PanTiltError` when there are none."""

    @abstractmethod
    def move_to(self, pan_deg: int, tilt_deg: int) -> None:
        """Start to turn; return before the servos have arrived.

        After a `PanTiltError` it may be called again.
        """

    @abstractmethod
    def position(self) -> tuple[int, int]:
        """Return the last (pan, tilt) in degrees; (0, 0) when it is not known."""

    @abstractmethod
    def close(self) -> None:
        """Switch the servos off. Closing twice is allowed."""


def check_angles(pan_deg: int, tilt_deg: int) -> None:
    """Raise `ValueError` for an angle that `PanTilt` does not allow."""
    for name, angle_deg in (("pan", pan_deg), ("tilt", tilt_deg)):
        if angle_deg not in range(-LIMIT_DEG, LIMIT_DEG + 1):
            raise ValueError(
                f"{name} must be whole degrees from {-LIMIT_DEG} to {LIMIT_DEG}, not {angle_deg}"
            )
