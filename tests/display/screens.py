"""A screen that nobody sees, with a keyboard: Xvfb."""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

_X11, _XTEST = "libX11.so.6", "libXtst.so.6"
#: The place of `map_state` in Xlib's `XWindowAttributes`, in bytes, and its value in a window that
#: can be seen.
_MAP_STATE, _VIEWABLE = 92, 2
_CURE = "run scripts/setup.sh --tests, or sudo apt-get install xvfb libxtst6"


@contextmanager
def screen() -> Iterator[str]:
    """Yield the name of a new screen, as in DISPLAY; without Xvfb the test fails with the cure."""
    if not shutil.which("Xvfb"):
        pytest.fail(f"Xvfb is missing: {_CURE}")
    reader, writer = os.pipe()
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1400x900x24", "-noreset"]
    with subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL) as server:
        os.close(writer)
        with os.fdopen(reader) as report:
            number = report.readline().strip()
        try:
            yield f":{number}"
        finally:
            server.kill()  # a server that begins again after its last client forgets SIGTERM


def press(display: str, key: str) -> None:
    """Press and release *key* on the screen *display*, whose only window then has the focus."""
    try:
        x11, xtest = ctypes.CDLL(_X11), ctypes.CDLL(_XTEST)
    except OSError as error:
        pytest.fail(f"{error}: {_CURE}")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XStringToKeysym.restype = x11.XDefaultRootWindow.restype = ctypes.c_ulong
    opened = ctypes.c_void_p(x11.XOpenDisplay(display.encode()))
    for window in _windows(x11, opened):
        x11.XSetInputFocus(opened, ctypes.c_ulong(window), 0, ctypes.c_ulong(0))
        x11.XSync(opened, 0)
    code = x11.XKeysymToKeycode(opened, ctypes.c_ulong(x11.XStringToKeysym(key.encode())))
    for down in (1, 0):
        xtest.XTestFakeKeyEvent(opened, code, down, ctypes.c_ulong(0))
    x11.XCloseDisplay(opened)


def _windows(x11: ctypes.CDLL, opened: ctypes.c_void_p) -> list[int]:
    """Return the windows on the screen that can be seen."""
    root, parent, count = ctypes.c_ulong(), ctypes.c_ulong(), ctypes.c_uint()
    found = ctypes.POINTER(ctypes.c_ulong)()
    x11.XQueryTree(
        opened,
        ctypes.c_ulong(x11.XDefaultRootWindow(opened)),
        *map(ctypes.byref, (root, parent, found, count)),
    )
    attributes = ctypes.create_string_buffer(256)
    seen = []
    for number in range(count.value):
        x11.XGetWindowAttributes(opened, ctypes.c_ulong(found[number]), attributes)
        if ctypes.c_int.from_buffer(attributes, _MAP_STATE).value == _VIEWABLE:
            seen.append(found[number])
    return seen
