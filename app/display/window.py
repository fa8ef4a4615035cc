"""A window on the screen, in a process of its own.

When the screen goes away, its libraries end the process that has the window. That must not be one
that watches a house.
"""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from select import select
from types import TracebackType
from typing import IO, cast

from app.errors import NoDisplay
from app.frames import Image

#: The line by which the window's process reports that its window is open.
READY = b"ready\n"
_OPENS_WITHIN_S = 30.0
_FOLDER = Path(__file__).parents[2]


class Window:
    """An open window with *title*; a person closes it with q or with its button.

    Raises `NoDisplay` when none can be opened.
    """

    def __init__(self, title: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "app.display.window_program", title],
            cwd=_FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._pipe = cast("IO[bytes]", self._process.stdin)
        if not self._is_ready():
            self.close()
            raise NoDisplay(_no_display())

    @property
    def is_open(self) -> bool:
        return self._process.poll() is None

    def show(self, picture: Image) -> None:
        """Show *picture*, of the size of the display; does nothing in a window that is closed."""
        with suppress(BrokenPipeError, ValueError):
            self._pipe.write(picture.data)
            self._pipe.flush()

    def close(self) -> None:
        """Close the window."""
        self._process.terminate()
        with self._process, suppress(BrokenPipeError):
            self._pipe.close()

    def _is_ready(self) -> bool:
        """Wait until the process reports that its window is open; False when it ends, or hangs."""
        report = cast("IO[bytes]", self._process.stdout)
        has_come, _, _ = select([report], [], [], _OPENS_WITHIN_S)
        return bool(has_come) and report.readline() == READY

    def __enter__(self) -> "Window":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _no_display() -> str:
    """Return the sentence for a machine on which no window opens, with the cure."""
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        return (
            "no window can be opened: DISPLAY is not set. Start this in a terminal on the desktop, "
            "or log in by ssh -X"
        )
    return "no window can be opened: the display does not answer, or this OpenCV has no windows"
