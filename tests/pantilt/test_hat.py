"""The Pan-Tilt HAT: its servos, its bus, and its errors."""

import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from app.errors import PanTiltError
from app.pantilt.base import PanTiltSettings
from app.pantilt.hat import HatPanTilt
from tests.pantilt.board import Board
from tests.servers.programs import REPO
from tests.waiting import until

SETTINGS = PanTiltSettings(backend="hat", settle_s=0.0)


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def hat(board: Board) -> Iterator[HatPanTilt]:
    hat = HatPanTilt(SETTINGS, board, idle_s=0.05)
    hat.open()
    yield hat
    hat.close()


def test_servos_are_on_for_a_move_and_off_when_idle(hat: HatPanTilt, board: Board) -> None:
    assert board.powered == (False, False)
    hat.move_to(30, 30)
    assert board.powered == (True, True)
    until(lambda: board.powered == (False, False), "the servos are off")


def test_closing_switches_the_servos_off_at_once(board: Board) -> None:
    hat = HatPanTilt(SETTINGS, board, idle_s=600)
    hat.open()
    hat.move_to(30, 30)
    hat.close()
    assert board.powered == (False, False)


def test_servos_stay_on_until_the_picture_has_settled(board: Board) -> None:
    hat = HatPanTilt(PanTiltSettings(backend="hat", settle_s=30.0), board, idle_s=0.01)
    hat.open()
    hat.move_to(30, 30)
    with pytest.raises(AssertionError):
        until(lambda: board.powered == (False, False), "the servos are off", within_s=0.2)
    hat.close()


def test_only_one_thread_at_a_time_uses_the_bus(board: Board) -> None:
    hat = HatPanTilt(SETTINGS, board, idle_s=0.001)
    hat.open()
    for step in range(200):
        hat.move_to(step % 90, 0)
        assert hat.position() == (step % 90, 0)
    hat.close()
    assert board.clashes == 0


def test_a_move_switches_on_a_hat_that_lost_its_power(board: Board) -> None:
    hat = HatPanTilt(SETTINGS, board, idle_s=600)
    hat.open()
    hat.move_to(30, 30)
    board.cut_power()
    hat.move_to(31, 31)
    assert board.powered == (True, True)
    hat.close()


def test_the_hat_keeps_its_position_over_a_restart(hat: HatPanTilt, board: Board) -> None:
    hat.move_to(-45, 12)
    hat.close()
    later = HatPanTilt(SETTINGS, board)
    later.open()
    assert later.position() == (-45, 12)
    later.close()


def test_a_silent_board_is_an_error_that_names_the_cure(board: Board) -> None:
    board.plugged = False
    with pytest.raises(PanTiltError, match=r"seated.*I2C enabled"):
        HatPanTilt(SETTINGS, board).open()


def test_a_board_that_is_gone_when_idle_is_only_a_warning(
    hat: HatPanTilt, board: Board, caplog: pytest.LogCaptureFixture
) -> None:
    hat.move_to(30, 30)
    board.plugged = False
    until(lambda: "could not be switched off" in caplog.text, "the warning")


@pytest.mark.parametrize("package", ["pantilthat", "smbus"])
def test_a_missing_package_is_an_error_that_names_the_cure(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "smbus", _smbus(Board()))
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(PanTiltError, match=f"{package}.*scripts/setup.sh"):
        HatPanTilt(SETTINGS).open()


def test_the_pis_own_bus_is_closed_in_every_case(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    board = Board()
    monkeypatch.setitem(sys.modules, "smbus", _smbus(board))
    hat = HatPanTilt(SETTINGS)
    hat.open()
    hat.move_to(1, 1)
    hat.close()
    assert board.closed
    with pytest.raises(PanTiltError):
        hat.open()
    board.closed = False
    board.plugged = False
    with pytest.raises(PanTiltError):
        hat.open()
    assert board.closed


def test_the_end_of_the_program_does_not_use_a_closed_bus() -> None:
    code = """
from app.pantilt.base import PanTiltSettings
from app.pantilt.hat import HatPanTilt
from tests.pantilt.board import Board
board = Board()
hat = HatPanTilt(PanTiltSettings(), board)
hat.open()
hat.move_to(1, 1)
hat.close()
board.plugged = False
"""
    ended = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        cwd=REPO,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def _smbus(board: Board) -> ModuleType:
    module = ModuleType("smbus")
    module.SMBus = {1: board}.__getitem__  # type: ignore[attr-defined]
    return module
