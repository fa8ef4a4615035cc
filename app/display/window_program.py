"""The process that has the window: shows the pictures that come by its standard input.

Each is (rows, columns, BGR) uint8, without a header. It ends with the input, or when a person
closes the window with q, Escape or its button.
"""

import os
import signal
import sys
from io import FileIO
from select import select

import cv2
import numpy as np

from app.display.panels import HEIGHT, WIDTH
from app.display.window import READY

#: The seconds between two looks at the keys.
_LOOK_S = 0.05
_ESCAPE = 27


def main() -> int:
    """Show pictures until the end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is for the other program
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        return 1  # the library would end this process with a core dump
    title = sys.argv[1]
    cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
    cv2.resizeWindow(title, WIDTH, HEIGHT)
    os.write(1, READY)
    with FileIO(0) as pictures:
        while _next(pictures, title):
            pass
    return 0


def _next(pictures: FileIO, title: str) -> bool:
    """Show the next picture, if there is one; return False at the end, or when closed."""
    if select([pictures], [], [], _LOOK_S)[0]:
        picture = _read(pictures)
        if picture is None:
            return False
        cv2.imshow(title, picture)
    if cv2.waitKey(1) & 0xFF in (ord("q"), ord("Q"), _ESCAPE):
        return False
    return cv2.getWindowProperty(title, cv2.WND_PROP_VISIBLE) >= 1


def _read(pictures: FileIO) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]] | None":
    picture = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    rest = picture.data.cast("B")
    while rest:
        count = pictures.readinto(rest)
        if not count:
            return None
        rest = rest[count:]
    return picture


if __name__ == "__main__":
    sys.exit(main())
