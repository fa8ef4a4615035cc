"""A folder as a store: on a NAS, on another disk, or in a test."""

import hashlib
import os
from io import BufferedReader
from pathlib import Path
from typing import IO

from app.errors import StoreError, StoreRefused
from app.files import atomic_file
from app.uploads.base import Receipt, Store

FSTAB = Path("/etc/fstab")
_READ = 2**20


class FolderStore(Store):
    """Keeps files in *folder*, which must be there: where a share is not mounted, the card would
    fill instead.
    """

    name = "folder"

    def __init__(self, folder: Path, fstab: Path = FSTAB) -> None:
        self.folder = folder
        self._fstab = fstab

    def __str__(self) -> str:
        return f"the folder {self.folder}"

    def put(self, path: Path, key: str, content_type: str) -> Receipt:  # noqa: ARG002 (a file's name says it)
        with path.open("rb") as source:
            try:
                self._check_mounted()
                return self._copy(source, key)
            except StoreError:
                raise
            except OSError as error:
                raise StoreError(f"{self} takes nothing: {error.strerror or error}") from error

    def _check_mounted(self) -> None:
        away = next((place for place in self._mount_points() if not place.is_mount()), None)
        if away or not self.folder.is_dir():
            what = f"nothing is mounted at {away}" if away else "it is not there"
            raise StoreRefused(
                f"{self} cannot be used, for {what}: mount it, or correct uploads.folder"
            )

    def _mount_points(self) -> list[Path]:
        """The folder and those above it that are to be mounted, by what the system's table says."""
        try:
            lines = [
                line.split()
                for line in self._fstab.read_text(encoding="utf-8", errors="replace").splitlines()
            ]
        except FileNotFoundError:
            return []
        named = {words[1] for words in lines if len(words) > 2 and not words[0].startswith("#")}
        return [place for place in (self.folder, *self.folder.parents) if str(place) in named]

    def _copy(self, source: BufferedReader, key: str) -> Receipt:
        with atomic_file(self.folder / key) as copy:
            digest, size = hashlib.sha256(), 0
            while part := source.read(_READ):
                copy.write(part)
                digest.update(part)
                size += len(part)
            copy.flush()
            os.fsync(copy.fileno())
            if _read_again(copy) != (size, digest.digest()):
                raise StoreError(f"{self} has {key} otherwise than it was written")
        return Receipt(size, digest.hexdigest())


def _read_again(copy: IO[bytes]) -> tuple[int, bytes]:
    """The size and the SHA-256 of what is in the file *copy*, as far as may be by the disk and not
    by memory.
    """
    os.posix_fadvise(copy.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    with Path(copy.name).open("rb") as written:
        checksum = hashlib.file_digest(written, "sha256").digest()
        return written.tell(), checksum
