"""A motion sensor (PIR) on a pin of the Pi: recorded with the pictures, but decides nothing."""

import logging
import sys
from typing import Any

_CURE = (
    "scripts/setup.sh on the Pi installs what it needs (pip: gpiozero, apt: python3-lgpio); its "
    "user must be in the group gpio, and no other program may use the pin"
)

_log = logging.getLogger(__name__)


class MotionSensor:
    """The sensor on GPIO *pin*, a Broadcom number.

    A failure is logged once, and `value` is None while it lasts.
    """

    def __init__(self, pin: int) -> None:
        self._pin = pin
        self._device: Any = None
        self._failed = False

    def open(self) -> None:
        """Open the pin as an input."""
        try:
            from gpiozero import GPIOZeroError, InputDevice
        except ImportError as error:
            self._log_once(error)
            return
        try:
            self._device = InputDevice(self._pin, pull_up=False)
        except (GPIOZeroError, *_library_errors()) as error:
            self._log_once(error)

    @property
    def value(self) -> bool | None:
        """True while the sensor sees motion; None when it cannot be read."""
        if self._device is None:
            return None
        try:
            active = bool(self._device.value)
        except _library_errors() as error:
            self._log_once(error)
            return None
        self._failed = False
        return active

    def close(self) -> None:
        """Release the pin."""
        if self._device is not None:
            self._device.close()
            self._device = None

    def _log_once(self, error: Exception) -> None:
        if not self._failed:
            text = (
                "the motion sensor on GPIO %d cannot be read, the camera works without it: %s; %s"
            )
            _log.warning(text, self._pin, error, _CURE)
        self._failed = True


def _library_errors() -> tuple[type[Exception], ...]:
    """Return the errors of the libraries below gpiozero, which it does not convert.

    lgpio has its own error for a pin in use.
    """
    lgpio = sys.modules.get("lgpio")
    return (OSError, RuntimeError, *([lgpio.error] if lgpio else []))
