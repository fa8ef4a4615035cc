"""A motion sensor (PIR) on one of the Pi's pins: recorded beside the pictures, it decides
nothing.
"""

import logging
import sys
from typing import Any

_CURE = (
    "scripts/setup.sh on the Pi installs what it needs (pip: gpiozero, apt: python3-lgpio); its "
    "user must be in the group gpio,"
    " and no other program may use the pin"
)

_log = logging.getLogger(__name__)


class MotionSensor:
    """The sensor whose output is on GPIO *pin*, by its Broadcom number. Whatever is wrong with it
    is said once, and it is None then.
    """

    def __init__(self, pin: int) -> None:
        self._pin = pin
        self._device: Any = None
        self._failed = False

    def open(self) -> None:
        """Begin to listen to the pin."""
        try:
            from gpiozero import GPIOZeroError, InputDevice
        except ImportError as error:
            self._say(error)
            return
        try:
            self._device = InputDevice(self._pin, pull_up=False)
        except (GPIOZeroError, *_raised_below()) as error:
            self._say(error)

    @property
    def value(self) -> bool | None:
        """Whether it senses something now; None when it cannot be read."""
        if self._device is None:
            return None
        try:
            found = bool(self._device.value)
        except _raised_below() as error:
            self._say(error)
            return None
        self._failed = False
        return found

    def close(self) -> None:
        """Let go of the pin."""
        if self._device is not None:
            self._device.close()
            self._device = None

    def _say(self, error: Exception) -> None:
        if not self._failed:
            _log.warning(
                "the motion sensor on GPIO %d cannot be read, the camera goes on without: %s; %s",
                self._pin,
                error,
                _CURE,
            )
        self._failed = True


def _raised_below() -> tuple[type[Exception], ...]:
    """What the libraries under gpiozero raise, which it hands on as it is. lgpio has an error of
    its own, for a pin in use.
    """
    lgpio = sys.modules.get("lgpio")
    return (OSError, RuntimeError, *([lgpio.error] if lgpio else []))
