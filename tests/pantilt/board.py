"""The Pan-Tilt HAT's side of the I2C bus, with the calls of an `smbus.SMBus`."""

import errno
import time

ADDRESS = 0x15
_CONFIG = 0x00


class Board:
    """Keeps registers as the board does.

    *clashes* counts two callers at once, whose messages a real bus would mix up.
    """

    def __init__(self) -> None:
        self.plugged = True
        self.closed = False
        self.clashes = 0
        self.registers = bytearray(256)
        self._busy = False

    @property
    def powered(self) -> tuple[bool, bool]:
        """Return whether the pan servo and the tilt servo get pulses."""
        return bool(self.registers[_CONFIG] & 1), bool(self.registers[_CONFIG] & 2)

    def cut_power(self) -> None:
        """Clear all registers."""
        self.registers = bytearray(256)

    def write_byte_data(self, address: int, register: int, value: int) -> None:
        self._transfer(address)
        self.registers[register] = value

    def write_word_data(self, address: int, register: int, value: int) -> None:
        self._transfer(address)
        self.registers[register : register + 2] = value.to_bytes(2, "little")

    def read_word_data(self, address: int, register: int) -> int:
        self._transfer(address)
        return int.from_bytes(self.registers[register : register + 2], "little")

    def close(self) -> None:
        self.closed = True

    def _transfer(self, address: int) -> None:
        self.clashes += self._busy
        self._busy = True
        time.sleep(0.0002)
        self._busy = False
        if self.closed or not self.plugged or address != ADDRESS:
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
