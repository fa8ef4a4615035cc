"""The processes of person models that this process has started."""

from contextlib import suppress

import psutil


def model_processes() -> list[psutil.Process]:
    """Return those that run; other tests of this process may have left servers of their own."""
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if "app.people.process" in child.cmdline():
                found.append(child)
    return found
