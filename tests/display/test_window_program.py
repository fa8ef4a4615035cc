"""The process that has the window."""

import os
import signal
import subprocess
import sys
from contextlib import suppress

from app.display.panels import HEIGHT, WIDTH
from app.display.window import READY
from tests.conftest import REPO
from tests.display.screens import screen


def start(display: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "app.display.window_program", "front"],
        cwd=REPO,
        env={**os.environ, "DISPLAY": display},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def test_without_a_display_it_ends_at_once_and_reports_nothing() -> None:
    with start("") as process:
        assert process.communicate(timeout=60)[0] == b""
        assert process.returncode == 1


def test_it_ends_with_its_input_and_not_by_ctrl_c() -> None:
    with screen() as display, start(display) as process:
        assert process.stdout
        assert process.stdin
        assert process.stdout.readline() == READY
        process.send_signal(signal.SIGINT)
        process.stdin.write(bytes(HEIGHT * WIDTH * 3) + b"half a picture")
        with suppress(BrokenPipeError):
            process.stdin.close()
        assert process.wait(60) == 0
