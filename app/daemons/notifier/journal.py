"""The journal of the notifier: what was delivered, on the disk of this machine.

Redis syncs its log once a second, and a damaged log is cut. So Redis may forget that a message was
posted; the journal does not. It has one line for each mark, in a file of a fixed size, which is
written in place: that works on a full disk too, and a sync is fast. The newest lines overwrite the
oldest. Each line has a checksum, so a line that was not completely written is left out.
"""

import errno
import fcntl
import json
import logging
import os
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from app.errors import WorldError

#: The size of the file, enough for some 600 alerts: Redis keeps marks safely after some seconds.
SIZE_BYTES = 512 * 1024
#: The most subjects whose marks are in memory; the oldest are dropped.
MOST_SUBJECTS = 4000
#: Subjects in one line.
_SUBJECTS_IN_LINE = 50

_log = logging.getLogger(__name__)


class JournalInUse(WorldError):
    """Another notifier with the same `data_dir` runs on this machine."""


class DeliveryJournal:
    """The marks of deliveries in the file *path*. Several threads may use it.

    A disk that accepts no writes is logged once; the marks are then only in memory.
    """

    def __init__(self, path: Path, size_bytes: int = SIZE_BYTES) -> None:
        self._path = path
        self._size_bytes = size_bytes
        self._file: int | None = None
        self._marks: dict[str, dict[str, str]] = {}
        self._number = 0
        self._position = 0
        self._reported = False
        self._lock = threading.Lock()
        self._sync_lock = threading.Lock()
        self._synced = 0

    def open(self) -> None:
        """Read the file, and lock it against other notifiers; make it if it is missing.

        Raises `JournalInUse` while another notifier has it.
        """
        self.close()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._read(self._file)
        except BlockingIOError as error:
            self.close()
            raise JournalInUse(
                f"another notifier uses {self._path}: stop it, or give it another data_dir"
            ) from error
        except OSError as error:
            self._report(error)

    def close(self) -> None:
        """Release the file."""
        with self._sync_lock, self._lock:
            if self._file is not None:
                os.close(self._file)
            self._file = None

    def marks(self, subject: str) -> dict[str, str]:
        """Return the marks of *subject*: the id of a fact, a digest or a reply."""
        with self._lock:
            return dict(self._marks.get(subject, {}))

    def write(self, subjects: Sequence[str], marks: Mapping[str, str], *, sync: bool) -> None:
        """Write *marks* of each of *subjects*; with *sync* all lines are on the disk afterwards.

        One sync serves all threads that wait for one.
        """
        with self._lock:
            for place in range(0, len(subjects), _SUBJECTS_IN_LINE):
                some = subjects[place : place + _SUBJECTS_IN_LINE]
                self._remember(some, marks)
                self._append([self._number, some, marks])
            written = self._number
        if sync:
            self._sync(written)

    def _read(self, file: int) -> None:
        """Read all lines of *file*, and give it its full size."""
        content = os.pread(file, self._size_bytes, 0)
        for number, subjects, marks, end in sorted(_lines(content), key=lambda line: line[0]):
            self._remember(subjects, marks)
            self._number, self._position = number + 1, end
        if len(content) < self._size_bytes:
            os.pwrite(file, bytes(self._size_bytes - len(content)), len(content))
            os.fsync(file)

    def _remember(self, subjects: Sequence[str], marks: Mapping[str, str]) -> None:
        for subject in subjects:
            self._marks[subject] = {**self._marks.pop(subject, {}), **marks}
        while len(self._marks) > MOST_SUBJECTS:
            del self._marks[next(iter(self._marks))]

    def _append(self, record: list[Any]) -> None:
        text = json.dumps(record, separators=(",", ":")).encode()
        line = b"\n%08x %s\n" % (zlib.crc32(text), text)
        self._number += 1
        if self._position + len(line) > self._size_bytes:
            self._position = 0
        try:
            self._write_line(line)
        except OSError as error:
            self._report(error)

    def _write_line(self, line: bytes) -> None:
        if self._file is None:
            raise OSError(errno.EBADF, "the journal is not open")
        if os.pwrite(self._file, line, self._position) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._position += len(line)

    def _sync(self, written: int) -> None:
        """Sync unless another thread has done so since the line before *written* was written."""
        with self._sync_lock:
            if self._synced >= written:
                return
            with self._lock:
                file, written = self._file, self._number
            try:
                if file is not None:
                    os.fdatasync(file)
                    self._synced = written
            except OSError as error:
                self._report(error)

    def _report(self, error: OSError) -> None:
        """Log once that the journal cannot be written."""
        if not self._reported:
            _log.warning(
                "the journal %s cannot be written: %s; after a power cut an alert may be "
                "delivered twice",
                self._path,
                error.strerror or error,
            )
        self._reported = True


def _lines(content: bytes) -> Iterator[tuple[int, list[str], dict[str, str], int]]:
    """Yield the number, subjects and marks of each intact line, and the place of its end."""
    end = 0
    for line in content.split(b"\n"):
        end += len(line) + 1
        checksum, _, text = line.partition(b" ")
        if text and checksum == b"%08x" % zlib.crc32(text):
            number, subjects, marks = json.loads(text)
            yield number, subjects, marks, end
