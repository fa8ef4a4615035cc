"""Pimoroni's Pan-Tilt HAT, driven by its own package over I2C."""

import atexit
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from app.errors import PanTiltError
from app.pantilt.base import PanTilt, PanTiltSettings, check_angles

#: Seconds that the servos stay on after a move; servos that are always on hum and grow warm.
IDLE_S = 2.0
_I2C_BUS = 1
_SERVOS = (1, 2)
_CURE = (
    "is it seated, is I2C enabled (sudo raspi-config nonint do_i2c 0), and is this user in the "
    "group i2c?"
)

_log = logging.getLogger(__name__)


class HatPanTilt(PanTilt):
    """The HAT on *i2c_bus*, an `smbus.SMBus`; None means the Pi's own bus.

    The servos are switched off *idle_s* after the last move. The package has idle timers too, but
    they write to the bus in threads of their own, during another move, and can switch off a servo
    that has just started. They are therefore not used: one timer here switches the servos off,
    under a lock.
    """

    def __init__(
        self, settings: PanTiltSettings, i2c_bus: Any = None, idle_s: float = IDLE_S
    ) -> None:
        self._given_bus = i2c_bus
        self._idle_s = max(idle_s, settings.settle_s)
        self._lock = threading.Lock()
        self._bus: Any = None
        self._hat: Any = None
        self._idle_timer: threading.Timer | None = None

    def open(self) -> None:
        with self._lock, _naming_the_cure():
            if self._hat is None:
                self._hat = self._connect()

    def move_to(self, pan_deg: int, tilt_deg: int) -> None:
        check_angles(pan_deg, tilt_deg)
        with self._lock, _naming_the_cure():
            hat = self._opened()
            self._start_idle_timer()
            # This is done at each move: a HAT that lost its power is off, but pantilthat does not
            # notice.
            self._switch(True)
            hat.pan(pan_deg)
            hat.tilt(tilt_deg)

    def position(self) -> tuple[int, int]:
        with self._lock, _naming_the_cure():
            hat = self._opened()
            return hat.get_pan(), hat.get_tilt()

    def close(self) -> None:
        with self._lock:
            if self._hat is None:
                return
            self._switch_off()
            self._hat = None
            self._close_bus()

    def _connect(self) -> Any:
        try:
            from pantilthat import PanTilt as Hat

            self._bus = self._given_bus or _own_bus()
        except ImportError as error:
            cure = "scripts/setup.sh on the Pi installs pantilthat and smbus (apt: python3-smbus)"
            raise PanTiltError(
                f"the pan-tilt HAT needs a package that is not installed: {error}; {cure}"
            ) from error
        hat = Hat(enable_lights=False, idle_timeout=0, i2c_bus=self._bus)
        try:
            hat.setup()
        except OSError:
            self._close_bus()
            raise
        # It would write to a bus that `close` has closed.
        atexit.unregister(hat._atexit)
        return hat

    def _close_bus(self) -> None:
        if self._bus is not self._given_bus:
            self._bus.close()

    def _opened(self) -> Any:
        if self._hat is None:
            raise PanTiltError("the pan-tilt HAT is not open")
        return self._hat

    def _switch(self, on: bool) -> None:
        for servo in _SERVOS:
            self._hat.servo_enable(servo, on)

    def _start_idle_timer(self) -> None:
        if self._idle_timer:
            self._idle_timer.cancel()
        self._idle_timer = threading.Timer(self._idle_s, self._on_idle)
        self._idle_timer.daemon = True
        self._idle_timer.start()

    def _on_idle(self) -> None:
        with self._lock:
            # While this thread waited for the lock, another move may have started a new timer.
            if self._idle_timer is threading.current_thread():
                self._switch_off()

    def _switch_off(self) -> None:
        if self._idle_timer:
            self._idle_timer.cancel()
        self._idle_timer = None
        try:
            self._switch(False)
        except OSError as error:
            _log.warning("the servos of the pan-tilt HAT could not be switched off: %s", error)


def _own_bus() -> Any:
    from smbus import SMBus

    return SMBus(_I2C_BUS)


@contextmanager
def _naming_the_cure() -> Iterator[None]:
    """Turn each `OSError` of the bus into a `PanTiltError` that names the cure."""
    try:
        yield
    except PanTiltError:
        raise
    except OSError as error:
        raise PanTiltError(f"the pan-tilt HAT does not answer ({error}): {_CURE}") from error
