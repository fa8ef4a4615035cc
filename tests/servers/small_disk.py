"""A real filesystem that is small, to be filled to its last byte."""

import os
import subprocess
import threading
from pathlib import Path
from typing import Self

from tests.rights import denied


class SmallDisk:
    """A tmpfs of *size_mb* MB, mounted at *path*, which is created; it holds *inodes* files.

    Between `fill` and `empty`, a thread takes every byte that becomes free.
    """

    def __init__(self, path: Path, size_mb: int, inodes: int | None = None) -> None:
        self.path = path
        self._options = f"size={size_mb}m" + (f",nr_inodes={inodes}" if inodes else "")
        self._filler = path / "file-of-others"
        self._filling = threading.Event()
        self._thread: threading.Thread | None = None

    def fill(self) -> None:
        """Take all that is free, and all that becomes free."""
        self._take_all()
        self._filling.set()
        self._thread = threading.Thread(target=self._keep_taking, daemon=True)
        self._thread.start()

    def empty(self) -> None:
        """Give back what `fill` has taken."""
        self._filling.clear()
        if self._thread:
            self._thread.join()
        self._filler.unlink(missing_ok=True)

    def free(self) -> int:
        """Return the free bytes."""
        stat = os.statvfs(self.path)
        return stat.f_bavail * stat.f_frsize

    def _keep_taking(self) -> None:
        pause = threading.Event()
        while self._filling.is_set():
            self._take_all()
            pause.wait(0.01)

    def _take_all(self) -> None:
        with self._filler.open("ab", buffering=0) as filler:
            for step in (2**20, 2**12, 1):
                try:
                    while True:
                        filler.write(b"." * step)
                except OSError:
                    continue

    def let_write(self, let: bool) -> None:
        """Make it writable or read-only. No file on it may be open for writing."""
        subprocess.run(["mount", "-o", f"remount,{'rw' if let else 'ro'}", self.path], check=True)

    def pull(self) -> None:
        """Unmount it, with all that is on it."""
        subprocess.run(["umount", "--lazy", self.path], check=True)

    def put_back(self) -> None:
        """Mount it, with nothing on it."""
        made = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", self._options, "tmpfs", self.path],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            denied("small disk", made.stderr)

    def hold(self, file: Path) -> None:
        """Make *file* undeletable until `let_go`, as on a card with errors."""
        subprocess.run(["mount", "--bind", file, file], check=True)

    def let_go(self, file: Path) -> None:
        """Make *file* deletable again."""
        subprocess.run(["umount", file], check=True)

    def __enter__(self) -> Self:
        self.path.mkdir(parents=True)
        self.put_back()
        return self

    def __exit__(self, *_: object) -> None:
        self.empty()
        self.pull()
