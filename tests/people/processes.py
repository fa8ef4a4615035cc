"""The processes of person models that this process has started."""

from contextlib import suppress

import psutil

from tests.waiting import until


def model_processes() -> list[psutil.Process]:
    """Return those that run; other tests of this process may have left servers of their own."""
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if "app.people.process" in child.cmdline():
                found.append(child)
    return found


def await_end_of_models() -> None:
    """Wait until the last one has ended, which closing it does not wait for."""
    until(lambda: not model_processes(), "the processes of the models end")
