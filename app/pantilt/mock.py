"""A mount that is not there: it keeps the rules of a real one, and remembers its moves."""

from app.errors import PanTiltError
from app.pantilt.base import PanTilt, check_angles


class MockPanTilt(PanTilt):
    """Takes down every move in *moves*. With *plugged* False it fails as a mount does that has come
    off.
    """

    def __init__(self) -> None:
        self.plugged = True
        self.moves: list[tuple[int, int]] = []
        self._open = False

    def open(self) -> None:
        self._need_plug()
        self._open = True

    def move_to(self, pan_deg: int, tilt_deg: int) -> None:
        check_angles(pan_deg, tilt_deg)
        self._need_open()
        self.moves.append((pan_deg, tilt_deg))

    def position(self) -> tuple[int, int]:
        self._need_open()
        return self.moves[-1] if self.moves else (0, 0)

    def close(self) -> None:
        self._open = False

    def _need_open(self) -> None:
        if not self._open:
            raise PanTiltError("the mock mount is not open")
        self._need_plug()

    def _need_plug(self) -> None:
        if not self.plugged:
            raise PanTiltError("the mock mount does not answer: it was told to be unplugged")
