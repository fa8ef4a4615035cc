"""Alerts as files: a folder for each day, and in it for each alert the picture and a line of
text.
"""

import errno
import threading
from pathlib import Path

from app.errors import DeliveryError
from app.files import remove_unfinished, write_atomic
from app.notify.base import Message, Notifier, Progress

_CURES = {
    errno.ENOSPC: "the disk is full: free some space, or set notify.folder to another disk",
    errno.EDQUOT: "the quota is used up: free some space, or set notify.folder to another disk",
    errno.EROFS: "the disk is read-only: mount it for writing, or set notify.folder to another disk",
    errno.EACCES: "this user may not write there: chown it, or set notify.folder to another folder",
    errno.EPERM: "this user may not write there: chown it, or set notify.folder to another folder",
}


class FolderNotifier(Notifier):
    """Puts `2026-11-20/KEY.jpg` and `KEY.txt` in *folder*; the days are those of the house's clock.

    The text comes last, so that whoever waits for it finds the picture beside it. Of a film it says
    where that is.
    """

    name = "folder"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._tidy = False
        self._one_at_a_time = threading.Lock()

    def __str__(self) -> str:
        return f"the folder {self.folder}"

    def deliver(self, message: Message, progress: Progress) -> None:  # noqa: ARG002 (one step, noted by what it leaves)
        try:
            with self._one_at_a_time:
                self._clear_leftovers()
                self._write(message)
        except OSError as error:
            cure = _CURES.get(
                error.errno or 0,
                "make it a folder that can be written to, or set notify.folder to another",
            )
            raise DeliveryError(
                f"no alert can be put in {self.folder}: {error.strerror or error}; {cure}",
                code=error.strerror,
            ) from error

    def _write(self, message: Message) -> None:
        at = message.at.astimezone()
        day = self.folder / f"{at:%Y-%m-%d}"
        words = [
            f"{at:%Y-%m-%d %H:%M:%S}",
            " ".join(message.text.split()),
            str(message.clip or ""),
            message.remark or "",
        ]
        if message.picture is not None:
            _write_once(day / f"{message.key}.jpg", message.picture)
        _write_once(day / f"{message.key}.txt", f"{'  '.join(filter(None, words))}\n".encode())

    def _clear_leftovers(self) -> None:
        """Remove, once, what an earlier run was killed over."""
        if not self._tidy:
            for day in self.folder.glob("????-??-??"):
                remove_unfinished(day)
            self._tidy = True


def _write_once(path: Path, content: bytes) -> None:
    if not path.exists():
        write_atomic(path, content)
