"""Notes for the next run: small files, written by a thread for which no other thread waits."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from app.daemons.security_system.disk_writer import DiskWriter
from app.files import write_atomic


class Note(NamedTuple):
    """The note *name* with its *text*."""

    name: str
    text: str


class Notes:
    """The notes in *folder*. Any thread may `keep` and `read` them.

    *run* calls a function later, in the thread that writes: one after another, in the order in
    which it got them. So a note is never on disk before what was written before it.
    """

    def __init__(
        self, folder: Path, disk: DiskWriter, run: Callable[[Callable[[], None]], None]
    ) -> None:
        self._folder = folder
        self._disk = disk
        self._run = run
        self._refused: dict[str, str | None] = {}

    def keep(self, name: str, note: str | None) -> None:
        """Take *note* under *name* and return; None removes the old note."""
        self._run(partial(self._write, name, note))

    def read(self, name: str) -> str | None:
        """Return the note *name* as it is on disk, None when there is none."""
        return read_small_file(self._folder / name)

    def write(self, note: Note) -> None:
        """Write *note* now, in the thread that writes, or before it is started."""
        self._write(note.name, note.text)

    def write_refused(self) -> bool:
        """Write the notes that the disk has refused; return whether it has taken them all."""
        for name, note in list(self._refused.items()):
            self._write(name, note)
        return not self._refused

    def _write(self, name: str, note: str | None) -> None:
        self._refused.pop(name, None)
        if not self._disk.attempt(_write_note, self._folder / name, note):
            self._refused[name] = note


def read_small_file(path: Path) -> str | None:
    """Return the text in *path*; None when there is no file or it cannot be read."""
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return None


def _write_note(path: Path, note: str | None) -> None:
    if note is None:
        path.unlink(missing_ok=True)
    else:
        write_atomic(path, note.encode())
