"""Finds out whether a disk accepts files: it may be read-only, worn out, or out of inodes."""

import errno
import os
from pathlib import Path

from app.clock import Clock
from app.files import check_writable, free_inodes, is_read_only
from app.uploads.retention import MARGIN

#: The seconds between two tries to open a file for writing: a disk that refuses writes after errors
#: may not say so otherwise.
OPEN_EVERY_S = 60.0
#: The same after a failure.
RETRY_EVERY_S = 15.0
#: The seconds between two tries to write. Writing wears out a card, but a failed one shows only
#: then.
WRITE_EVERY_S = 1800.0
#: A disk that can hold fewer new files than both, a number and a share of all, has too few inodes.
LEAST_INODES, LEAST_INODE_SHARE = 1000, 0.02

_WORN = (
    "The system reports errors of the disk (“dmesg” shows them). If that does not end with a "
    "restart, the disk is worn out or loose: replace it. "
)
_CURES = {
    errno.EROFS: "The system no longer writes to the disk, which it does after errors. " + _WORN,
    errno.EIO: _WORN,
    errno.EACCES: "This user may not write there any more: chown it. ",
}


class DiskHealth:
    """The health of the disk with *folder*, which is made if it is missing."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._open_at_s = self._write_at_s = 0.0
        self._error: OSError | None = None
        #: Why the disk can hold no more files although it has room; None while it can.
        self.few_inodes: str | None = None

    def check(self) -> None:
        """Raise the `OSError` for which the disk accepts no files.

        A full disk is no such error: that it is full is reported otherwise.
        """
        if is_read_only(self._folder):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(self._folder))
        now_s = self._clock.monotonic()
        if now_s >= self._open_at_s:
            self._try_to_open(now_s)
        if self._error:
            raise self._error
        self.few_inodes = self._inode_trouble()

    def _try_to_open(self, now_s: float) -> None:
        is_due = now_s >= self._write_at_s
        self._open_at_s = now_s + OPEN_EVERY_S
        self._error = None
        try:
            check_writable(self._folder, write=is_due)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                self._error = error
                self._open_at_s = now_s + RETRY_EVERY_S
        else:
            self._write_at_s = now_s + WRITE_EVERY_S if is_due else self._write_at_s

    def _inode_trouble(self) -> str | None:
        """Return why too few new files fit on the disk; None when there is room for them."""
        found = free_inodes(self._folder)
        if found is None:
            return None
        left, of_all = found
        least = min(LEAST_INODES, of_all * LEAST_INODE_SHARE) * (MARGIN if self.few_inodes else 1)
        if left >= least:
            return None
        return (
            f"The disk has room for only {left} more files, whatever their size: of its {of_all} "
            "inodes nearly all are used (“df -i” shows that). Find the folder with very many small "
            "files, and delete them. Meanwhile clips and samples may be lost. Alerts still come."
        )


def trouble_text(error: OSError) -> str:
    """Return the sentences for the owner about *error*, which stops the disk guard."""
    undone = "kept" if error.errno == errno.EROFS else "deleted"
    cure = _CURES.get(error.errno or 0, "")
    return (
        f"The disk cannot be kept within its limits: {error}. {cure}Nothing is {undone} meanwhile; "
        "alerts still come."
    )
