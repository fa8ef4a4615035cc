"""Notes for the next run: small files, written by a thread for which no other thread waits."""

import threading
from collections.abc import Callable
from pathlib import Path

from app.daemons.security_system.disk_writer import DiskWriter
from app.files import write_atomic


class Notes:
    """The notes in *folder*. Any thread may `keep` and `read` them.

    *wake* wakes the one thread that calls `write`.
    """

    def __init__(self, folder: Path, disk: DiskWriter, wake: Callable[[], None]) -> None:
        self._folder = folder
        self._disk = disk
        self._wake = wake
        self._unwritten: dict[str, str | None] = {}
        self._lock = threading.Lock()

    def keep(self, name: str, note: str | None) -> None:
        """Take *note* under *name* and return; None removes the old note."""
        with self._lock:
            self._unwritten[name] = note
        self._wake()

    def read(self, name: str) -> str | None:
        """Return the note *name* as it is on disk, None when there is none."""
        return read_small_file(self._folder / name)

    def write(self) -> None:
        """Write the notes given to `keep`; a note that the disk refuses is tried again later."""
        with self._lock:
            notes, self._unwritten = self._unwritten, {}
        for name, note in notes.items():
            if not self._disk.attempt(_write_note, self._folder / name, note):
                with self._lock:
                    self._unwritten.setdefault(name, note)


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
