"""A mount without hardware, with the rules of a real one."""

from app.errors import PanTiltError
from app.pantilt.base import PanTilt, check_angles


class MockPanTilt(PanTilt):
    """Records every move in *moves*. With *plugged* False it fails like an unplugged mount."""

    def __init__(self) -> None:
        self.plugged = True
        self.moves: list[tuple[int, int]] = []
        self._open = False

    def open(self) -> None:
        self._check_plug()
        self._open = True

    def move_to(self, pan_deg: int, tilt_deg: int) -> None:
        check_angles(pan_deg, tilt_deg)
        self._check_open()
        self.moves.append((pan_deg, tilt_deg))

    def position(self) -> tuple[int, int]:
        self._check_open()
        return self.moves[-1] if self.moves else (0, 0)

    def close(self) -> None:
        self._open = False

    def _check_open(self) -> None:
        if not self._open:
            raise PanTiltError("the mock mount is not open")
        self._check_plug()

    def _check_plug(self) -> None:
        if not self.plugged:
            raise PanTiltError("the mock mount does not answer: it is set to be unplugged")
