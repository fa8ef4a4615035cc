"""The modules that supervisord imports for its programs, before it forks them."""

import gc
import importlib
import shlex
import signal
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import chdir, contextmanager, suppress
from pathlib import Path

from app.config import PROJECT, share_config

_DAEMONS = "app.daemons."
_CAMERA = f"{_DAEMONS}security_system"
#: The longest time until the loop of a daemon runs, which has a dead-man's timer of its own.
_START_S = 120.0
#: The modules that are the main programs of ours.
_OURS = (
    _CAMERA,
    "app.daemons.notifier",
    "app.daemons.who_is_home",
    "app.daemons.uploader",
    "app.daemons.slack_socket",
    "app.launcher.glances_door",
    "app.launcher.redis_starter",
    "gunicorn",
)
#: The file that exists while supervisord imports.
_IMPORTING = "importing"
#: What several programs import. What only one needs, it imports by itself: to share that with
#: supervisord would take more memory, since each writes to some of it, and delay the others.
_SEVERAL = (
    "app.daemon",
    "app.emergency.reporter",
    "app.launcher.redis_starter",
    "app.launcher.specs",
    "app.recording.event_folder",
    "app.state.announcer",
    "app.state.steadiness",
    "app.state.switches",
    "encodings.ascii",
    "encodings.idna",
)
#: What the programs of several cameras share. The one of a single camera starts sooner when it
#: imports this beside the other programs.
_CAMERAS = ("app.daemons.security_system.daemon", "app.cameras.video")


def is_ours(argv: Sequence[str]) -> bool:
    """Return whether the command *argv* is one of our programs, which need not be executed."""
    return _main_module(argv) in _OURS


def longest_start_s(argv: Sequence[str]) -> float | None:
    """Return the seconds within which the command *argv* must work; None for any time."""
    return _START_S if _main_module(argv).startswith(_DAEMONS) else None


def preload(commands: Iterable[str]) -> list[str]:
    """Import what the programs with these *commands* need; returns what went wrong.

    A program then imports by itself what is missing here, and reports why it cannot.
    """
    counted = Counter(_main_module(shlex.split(command)) for command in commands)
    troubles = []
    # gunicorn keeps the folder in which it is imported.
    with chdir(PROJECT):
        for name in _wanted(counted):
            try:
                importlib.import_module(name)
            except Exception as error:  # noqa: BLE001 - a broken package must not stop the others
                troubles.append(f"{name} cannot be imported: {error}")
    share_config()
    # If the garbage collector visited these objects in a program, their memory would be copied.
    gc.collect()
    gc.freeze()
    return troubles


@contextmanager
def import_watched(folder: Path) -> Iterator[bool]:
    """Yield whether to import now, and note in *folder* that an import goes on.

    A package can end the whole process, for example by an instruction that this processor does not
    know. After that nothing is imported here once: each program then imports by itself. An import
    that SIGTERM ends leaves no note.
    """
    mark = folder / _IMPORTING
    is_safe = not has_crashed(folder)
    with suppress(OSError):  # a full disk must not stop the start
        mark.unlink(missing_ok=True)
        if is_safe:
            mark.write_text(_boot(), encoding="ascii")
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        yield is_safe
    finally:
        with suppress(OSError):
            mark.unlink(missing_ok=True)
        signal.signal(signal.SIGTERM, before)


def has_crashed(folder: Path) -> bool:
    """Return whether the last import noted in *folder* ended supervisord, since the last boot.

    A power cut during the import leaves its note too, but from an earlier boot.
    """
    try:
        return (folder / _IMPORTING).read_text(encoding="ascii") == _boot()
    except OSError:
        return False


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")


def _wanted(counted: Counter[str]) -> Iterator[str]:
    yield from _SEVERAL
    if counted[_CAMERA] > 1:
        yield from _CAMERAS


def _main_module(argv: Sequence[str]) -> str:
    """Return the module that the command *argv* runs; "" for another kind of command."""
    return argv[2] if len(argv) > 2 and tuple(argv[:2]) == (sys.executable, "-m") else ""
