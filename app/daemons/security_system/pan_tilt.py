"""Turns a camera's mount to the wanted position, and waits until the picture is at rest."""

import logging
import math

from app.clock import Clock
from app.errors import PanTiltError
from app.pantilt.base import PanTilt, PanTiltSettings
from app.protocol import Position

RETRY_S = 10.0

_log = logging.getLogger(__name__)


class PanTiltControl:
    """Turns *mount*, if there is one, and checks when the picture is at rest."""

    def __init__(self, mount: PanTilt | None, settings: PanTiltSettings, clock: Clock) -> None:
        self._mount = mount
        self._settings = settings
        self._clock = clock
        self._mount_open = False
        self._retry_at_s = -math.inf
        self._settled_at_s = -math.inf
        self._refused: Position | None = None
        #: The position to which the camera was turned, None before the first turn.
        self.position: Position | None = None
        #: The reason why the mount does not turn, None when it turns.
        self.trouble: str | None = None

    @property
    def settled(self) -> bool:
        """Return whether the picture is at rest."""
        return self._clock.monotonic() >= self._settled_at_s

    def turn_to(self, target: Position | None) -> bool:
        """Start to turn to *target* unless the camera points there; return whether it turns.

        A mount that fails is tried again after `RETRY_S`.
        """
        if target is None or target == self.position or self._clock.monotonic() < self._retry_at_s:
            return False
        if self._mount is None:
            self._refuse(target)
            return False
        try:
            self._turn(self._mount, target)
        except PanTiltError as error:
            if self.trouble is None:
                _log.warning("%s", error)
            self.trouble = str(error)
            self._retry_at_s = self._clock.monotonic() + RETRY_S
            return False
        self.trouble = None
        return True

    def close(self) -> None:
        """Switch the servos off."""
        if self._mount:
            self._mount.close()

    def _turn(self, mount: PanTilt, target: Position) -> None:
        if not self._mount_open:
            mount.open()
            self._mount_open = True
        mount.move_to(target.pan_deg, target.tilt_deg)
        self.position = target
        self._settled_at_s = self._clock.monotonic() + self._settings.settle_s

    def _refuse(self, target: Position) -> None:
        if target != self._refused:
            _log.warning(
                "asked to turn to %d, %d, but no pantilt is configured for this camera",
                target.pan_deg,
                target.tilt_deg,
            )
        self._refused = target
