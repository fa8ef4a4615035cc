"""Processes for person models: the first is forked, and shares memory with the camera's program.

A new Python with numpy and OpenCV takes 15 MB more than a forked one. A process with threads cannot
be forked safely, so the camera's program forks before it has any. Each later process, for another
model or after one has crashed, is a new Python.
"""

import faulthandler
import gc
import os
import select
import signal
import socket
import subprocess
import sys
import traceback
from pathlib import Path
from typing import NoReturn, Protocol

from app.people.framing import PipeBroken
from app.people.process import end_with_parent, serve

_FOLDER = Path(__file__).parents[2]


class Child(Protocol):
    """A process with a model. It is written to through *writer*, and answers through *reader*."""

    reader: int
    writer: int

    def has_ended(self) -> bool:
        """Return whether the process has ended, or closed its pipes."""

    def end(self) -> None:
        """End the process at once."""

    def close(self) -> None:
        """End the process, and release its pipes."""


class ExecutedChild:
    """A process with a Python of its own."""

    def __init__(self) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "app.people.process", str(os.getpid())],
                cwd=_FOLDER,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        except OSError as error:
            raise PipeBroken(f"it cannot be started: {error}") from None
        if self._process.stdin is None or self._process.stdout is None:
            raise PipeBroken("it has no pipes")
        self.writer, self.reader = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self.writer, False)
        os.set_blocking(self.reader, False)

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def end(self) -> None:
        self._process.kill()

    def close(self) -> None:
        with self._process:
            self.end()


class ForkedChild:
    """A fork of this process, which must not have a thread yet. It waits for its model.

    A timer of `faulthandler` is a thread too, and is ended.
    """

    def __init__(self) -> None:
        self._line, theirs = socket.socketpair()
        # What is frozen is not written to by the collector, and so remains shared.
        gc.freeze()
        # The fork would wait without end for a lock of its thread, when it sets a timer of its own.
        faulthandler.cancel_dump_traceback_later()
        parent = os.getpid()
        self._pid: int | None = os.fork()
        if self._pid == 0:
            self._line.close()
            _serve_and_exit(theirs.fileno(), parent)
        theirs.close()
        self._line.setblocking(False)
        self.reader = self.writer = self._line.fileno()

    def has_ended(self) -> bool:
        poll = select.poll()
        poll.register(self.reader, 0)
        return self._pid is None or bool(poll.poll(0))

    def end(self) -> None:
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)

    def close(self) -> None:
        self.end()
        if self._pid:
            os.waitpid(self._pid, 0)
        self._pid = None
        self._line.close()


def _serve_and_exit(line: int, parent: int) -> NoReturn:
    """Answer through *line*; whatever happens, this fork does not go on as the camera's program."""
    code = 1
    try:
        end_with_parent(parent)
        code = serve(line, line)
    except BaseException:  # noqa: BLE001 (there is nobody above to handle it)
        traceback.print_exc()
    finally:
        os._exit(code)


class Spawner:
    """Gives away *forked*, if it is not None, once; then processes with a Python of their own."""

    def __init__(self, forked: ForkedChild | None = None) -> None:
        self._forked = forked

    def spawn(self) -> Child:
        """Return a process that waits for its model."""
        forked, self._forked = self._forked, None
        if forked and not forked.has_ended():
            return forked
        return ExecutedChild()

    def close(self) -> None:
        """End the forked process if nobody has it: no model is wanted."""
        forked, self._forked = self._forked, None
        if forked:
            forked.close()
