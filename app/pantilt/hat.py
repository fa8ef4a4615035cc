"""Pimoroni's Pan-Tilt HAT, driven by its own package over I2C."""

import atexit
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from app.errors import PanTiltError
from app.pantilt.base import PanTilt, PanTiltSettings, check_angles

#: How long the servos hold after a move; held for ever they hum and grow warm.
IDLE_S = 2.0
_I2C_BUS = 1
_SERVOS = (1, 2)

_log = logging.getLogger(__name__)


class HatPanTilt(PanTilt):
    """The HAT on *i2c_bus*, an `smbus.SMBus`; None is the Pi's own. The servos go limp when idle
    for *idle_s*.

    The package's own idle timers write to the bus from threads of theirs, beside whoever moves, and
    can switch a servo off that has just been sent on. So they are off, and one timer here does it,
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
        self._rest: threading.Timer | None = None

    def open(self) -> None:
        with self._lock, _answering():
            if self._hat is None:
                self._hat = self._found()

    def move_to(self, pan_deg: int, tilt_deg: int) -> None:
        check_angles(pan_deg, tilt_deg)
        with self._lock, _answering():
            hat = self._opened()
            self._rest_later()
            # Each time anew: a HAT that was without power has forgotten it, and pantilthat has not.
            self._switch(True)
            hat.pan(pan_deg)
            hat.tilt(tilt_deg)

    def position(self) -> tuple[int, int]:
        with self._lock, _answering():
            hat = self._opened()
            return hat.get_pan(), hat.get_tilt()

    def close(self) -> None:
        with self._lock:
            if self._hat is None:
                return
            self._go_limp()
            self._hat = None
            self._close_bus()

    def _found(self) -> Any:
        try:
            from pantilthat import PanTilt as Hat

            self._bus = self._given_bus or _own_bus()
        except ImportError as error:
            cure = "scripts/setup.sh on the Pi installs pantilthat and smbus (apt: python3-smbus)"
            raise PanTiltError(
                f"the pan-tilt HAT needs a package that is not here: {error}; {cure}"
            ) from error
        hat = Hat(enable_lights=False, idle_timeout=0, i2c_bus=self._bus)
        try:
            hat.setup()
        except OSError:
            self._close_bus()
            raise
        atexit.unregister(hat._atexit)  # It would write to a bus that `close` has closed.
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

    def _rest_later(self) -> None:
        if self._rest:
            self._rest.cancel()
        self._rest = threading.Timer(self._idle_s, self._rest_now)
        self._rest.daemon = True
        self._rest.start()

    def _rest_now(self) -> None:
        with self._lock:
            # Another move may have come while this waited for the lock; its own timer is the one
            # that counts.
            if self._rest is threading.current_thread():
                self._go_limp()

    def _go_limp(self) -> None:
        if self._rest:
            self._rest.cancel()
        self._rest = None
        try:
            self._switch(False)
        except OSError as error:
            _log.warning("the servos of the pan-tilt HAT could not be switched off: %s", error)


def _own_bus() -> Any:
    from smbus import SMBus

    return SMBus(_I2C_BUS)


@contextmanager
def _answering() -> Iterator[None]:
    """Name the cure in whatever goes wrong on the bus."""
    try:
        yield
    except PanTiltError:
        raise
    except OSError as error:
        cure = (
            "is it seated, is I2C enabled (sudo raspi-config nonint do_i2c 0), and is this user in "
            "the group i2c?"
        )
        raise PanTiltError(f"the pan-tilt HAT does not answer ({error}): {cure}") from error
