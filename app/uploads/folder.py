"""Stores files in a folder: on a NAS, on another disk, or in a test."""

import hashlib
import os
from io import BufferedReader
from pathlib import Path
from typing import IO

from app.errors import StoreError, StoreRefused
from app.files import atomic_file, open_unlinked
from app.uploads.base import Receipt, Store

FSTAB = Path("/etc/fstab")
_READ = 2**20


class FolderStore(Store):
    """Stores files in *folder*, which must exist.

    The copies get the permissions of the folder, which may be there for others too. It is never
    created: while a share is not mounted, the copies would fill the card instead.
    *fstab* is the system's table of mounts.
    """

    name = "folder"

    def __init__(self, folder: Path, fstab: Path = FSTAB) -> None:
        self.folder = folder
        self._fstab = fstab

    def __str__(self) -> str:
        return f"the folder {self.folder}"

    def put(self, path: Path, key: str, content_type: str) -> Receipt:  # noqa: ARG002
        with open_unlinked(path) as source:
            try:
                self._check_mounted()
                self._check_inside(key)
                return self._copy(source, key)
            except StoreError:
                raise
            except OSError as error:
                raise StoreError(f"{self} accepts nothing: {error.strerror or error}") from error

    def _check_mounted(self) -> None:
        missing = next((path for path in self._mount_points() if not path.is_mount()), None)
        if missing or not self.folder.is_dir():
            why = f"nothing is mounted at {missing}" if missing else "it is not there"
            raise StoreRefused(f"{self} cannot be used: {why}; mount it, or correct uploads.folder")

    def _check_inside(self, key: str) -> None:
        """Raise `StoreRefused` when a link leads the copy *key* out of the folder."""
        place = (self.folder / key).parent
        if not place.resolve().is_relative_to(self.folder.resolve()):
            raise StoreRefused(
                f"{self} cannot be used: {place} is a link that leads out of it; put a folder there"
            )

    def _mount_points(self) -> list[Path]:
        """Return the folders, *folder* and above it, that the system's table says to mount."""
        try:
            text = self._fstab.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return []
        rows = [line.split() for line in text.splitlines()]
        named = {row[1] for row in rows if len(row) > 2 and not row[0].startswith("#")}
        return [path for path in (self.folder, *self.folder.parents) if str(path) in named]

    def _copy(self, source: BufferedReader, key: str) -> Receipt:
        with atomic_file(self.folder / key, like=self.folder) as copy:
            digest, size = hashlib.sha256(), 0
            while part := source.read(_READ):
                copy.write(part)
                digest.update(part)
                size += len(part)
            copy.flush()
            os.fsync(copy.fileno())
            if _read_again(copy) != (size, digest.digest()):
                raise StoreError(f"{self} has {key} with bytes other than were written")
        return Receipt(size, digest.hexdigest())


def _read_again(copy: IO[bytes]) -> tuple[int, bytes]:
    """Return size and SHA-256 of the file *copy*, read from the disk where the system allows it."""
    os.posix_fadvise(copy.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    with Path(copy.name).open("rb") as written:
        checksum = hashlib.file_digest(written, "sha256").digest()
        return written.tell(), checksum
