"""Writes messages to files: a folder for each day, with a picture and a text for each message."""

import errno
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from app.errors import DeliveryError
from app.files import remove_unfinished, write_together
from app.notify.base import Message, Notifier, Progress

_FREE_SPACE = "free some space, or set notify.folder to another disk"
_CHOWN = "this user may not write there: chown it, or set notify.folder to another folder"
_CURES = {
    errno.ENOSPC: f"the disk is full: {_FREE_SPACE}",
    errno.EDQUOT: f"the quota is used up: {_FREE_SPACE}",
    errno.EROFS: (
        "the disk is read-only: mount it for writing, or set notify.folder to another disk"
    ),
    errno.EACCES: _CHOWN,
    errno.EPERM: _CHOWN,
}
_OTHER_CURE = "make it a folder that can be written to, or set notify.folder to another"


class FolderNotifier(Notifier):
    """Writes `2026-11-20/KEY.jpg` and `KEY.txt` in *folder*; days are in the house's time zone.

    The text is written last: a program that waits for the text finds the picture beside it. The
    text names the place of a clip. The files get the permissions of the folder, which the owner may
    share with others.
    """

    name = "folder"
    group_size = 32

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._is_tidy = False
        self._lock = threading.Lock()

    def __str__(self) -> str:
        return f"the folder {self.folder}"

    def deliver(self, message: Message, progress: Progress) -> None:  # noqa: ARG002 (one step)
        self.deliver_group([message])

    def deliver_group(self, messages: Sequence[Message]) -> None:
        try:
            with self._lock:
                self._remove_unfinished()
                files = [file for message in messages for file in self._files_of(message)]
                write_together(files, like=self.folder)
        except OSError as error:
            cure = _CURES.get(error.errno or 0, _OTHER_CURE)
            raise DeliveryError(
                f"no alert can be written to {self.folder}: {error.strerror or error}; {cure}",
                code=error.strerror,
            ) from error

    def _files_of(self, message: Message) -> Iterator[tuple[Path, bytes]]:
        """Yield the files of *message*, with their contents, that are not there yet."""
        at = message.at.astimezone()
        day = self.folder / f"{at:%Y-%m-%d}"
        parts = [
            f"{at:%Y-%m-%d %H:%M:%S}",
            " ".join(message.text.split()),
            str(message.clip or ""),
            message.remark or "",
        ]
        picture, text = day / f"{message.key}.jpg", day / f"{message.key}.txt"
        if message.picture is not None and not picture.exists():
            yield picture, message.picture
        if not text.exists():
            yield text, f"{'  '.join(filter(None, parts))}\n".encode()

    def _remove_unfinished(self) -> None:
        """Remove, once, the unfinished files of an earlier run that was killed."""
        if not self._is_tidy:
            for day in self.folder.glob("????-??-??"):
                remove_unfinished(day)
            self._is_tidy = True
