"""Runs a Python program in a forked process, as if Python had been started for it.

A fork shares with its parent all memory that neither of them changes: above all the modules that
the parent has imported. It looks and ends like a Python of its own: `/proc` shows its command and
its environment, no signal handler is left, and its exit code and its last words are the same.
"""

import atexit
import ctypes
import faulthandler
import gc
import os
import runpy
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from app.launcher import process_title

_PR_SET_PDEATHSIG = 1


@dataclass(slots=True)
class _Start:
    """The *seconds* that this program may take to start; None where nobody watches that."""

    seconds: float | None = None


_start = _Start()


def end_with_parent(signum: signal.Signals) -> None:
    """Let the kernel send *signum* to this process when its parent ends, even by SIGKILL."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signum)


def run_module(
    argv: Sequence[str], environment: Mapping[str, str], start_s: float | None = None
) -> NoReturn:
    """Run the command *argv*, `PYTHON -m MODULE ARGUMENTS`, in this process; then end it.

    With *start_s* it ends after so many seconds with its stack on stderr, unless the module has set
    the timer of `faulthandler` again: an import may hang.
    """
    code = 1
    try:
        _reset_signals()
        process_title.become(argv, environment)
        _start.seconds = start_s
        watch_start()
        # The garbage collector leaves what the parent has made alone: a visit would copy it.
        gc.freeze()
        gc.enable()  # `start` has none
        sys.argv = list(argv[argv.index("-m") + 1 :])
        code = _exit_code(sys.argv[0])
    except BaseException:
        sys.excepthook(*sys.exc_info())
        raise
    finally:
        os._exit(code)


def watch_start() -> None:
    """Set the timer of the start, if this program has one: also again, after a fork.

    The timer is a thread, so a program that forks must end it before.
    """
    if _start.seconds:
        faulthandler.dump_traceback_later(_start.seconds, exit=True, file=sys.stderr)


def _reset_signals() -> None:
    """Undo the handlers of the parent, as `execve` does."""
    signal.set_wakeup_fd(-1)
    for signum in signal.valid_signals():
        if callable(signal.getsignal(signum)):
            is_interrupt = signum == signal.SIGINT
            signal.signal(signum, signal.default_int_handler if is_interrupt else signal.SIG_DFL)


def _exit_code(module: str) -> int:
    """Run *module*, and end its threads and its output as Python does; returns the exit code."""
    code = 0
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = _code_of(end)
    except BaseException:  # noqa: BLE001 - there is nobody above to handle it
        sys.excepthook(*sys.exc_info())
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return code


def _code_of(end: SystemExit) -> int:
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code
    sys.stderr.write(f"{end.code}\n")
    return 1
