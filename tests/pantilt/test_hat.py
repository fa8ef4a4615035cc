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


def test_the_servos_are_driven_for_a_move_and_go_limp_when_idle(
    hat: HatPanTilt, board: Board
) -> None:
    assert board.driven == (False, False)
    hat.move_to(30, 30)
    assert board.driven == (True, True)
    until(lambda: board.driven == (False, False), "the servos go limp")


def test_closing_makes_the_servos_go_limp_at_once(board: Board) -> None:
    hat = HatPanTilt(SETTINGS, board, idle_s=600)
    hat.open()
    hat.move_to(30, 30)
    hat.close()
    assert board.driven == (False, False)


def test_servos_hold_at_least_until_the_picture_has_settled(board: Board) -> None:
    hat = HatPanTilt(PanTiltSettings(backend="hat", settle_s=30.0), board, idle_s=0.01)
    hat.open()
    hat.move_to(30, 30)
    with pytest.raises(AssertionError):
        until(lambda: board.driven == (False, False), "the servos go limp", within_s=0.2)
    hat.close()


def test_only_one_at_a_time_speaks_on_the_bus(board: Board) -> None:
    hat = HatPanTilt(SETTINGS, board, idle_s=0.001)
    hat.open()
    for step in range(200):
        hat.move_to(step % 90, 0)
        assert hat.position() == (step % 90, 0)
    hat.close()
    assert board.clashes == 0


def test_a_hat_that_was_without_power_is_driven_again_by_the_next_move(board: Board) -> None:
    hat = HatPanTilt(SETTINGS, board, idle_s=600)
    hat.open()
    hat.move_to(30, 30)
    board.lose_power()
    hat.move_to(31, 31)
    assert board.driven == (True, True)
    hat.close()


def test_the_hat_still_knows_where_it_points_when_the_program_starts_anew(
    hat: HatPanTilt, board: Board
) -> None:
    hat.move_to(-45, 12)
    hat.close()
    later = HatPanTilt(SETTINGS, board)
    later.open()
    assert later.position() == (-45, 12)
    later.close()


def test_a_board_that_does_not_answer_is_an_error_that_names_the_cure(board: Board) -> None:
    board.plugged = False
    with pytest.raises(PanTiltError, match=r"seated.*I2C enabled"):
        HatPanTilt(SETTINGS, board).open()


def test_a_board_that_is_gone_when_the_servos_should_go_limp_is_only_a_warning(
    hat: HatPanTilt, board: Board, caplog: pytest.LogCaptureFixture
) -> None:
    hat.move_to(30, 30)
    board.plugged = False
    until(lambda: "could not be switched off" in caplog.text, "the warning")


@pytest.mark.parametrize("package", ["pantilthat", "smbus"])
def test_a_package_that_is_missing_is_an_error_that_says_what_to_install(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "smbus", _smbus(Board()))
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(PanTiltError, match=f"{package}.*scripts/setup.sh"):
        HatPanTilt(SETTINGS).open()


def test_the_pis_own_bus_is_closed_with_the_hat_and_when_there_is_no_hat(
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


def test_a_program_that_ends_after_closing_leaves_the_bus_alone() -> None:
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
