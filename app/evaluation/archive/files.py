"""The files of an archive: in a folder, or in a bucket of S3."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Protocol
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

from app.errors import StoreError, StoreRefused
from app.files import open_unlinked
from app.uploads.base import Bucket, S3Settings
from app.uploads.s3 import S3Store

#: A file up to this size is kept in memory while it is read.
_SPOOL_BYTES = 2**22


class ArchiveFiles(Protocol):
    """Files with names such as `2026-11-20/ID/event.json` or `labels/ID.json`.

    *skipped* has the names that could not be listed, each with the reason.
    """

    skipped: dict[str, str]

    def names(self) -> Iterator[str]:
        """Yield the name of each file, in no order."""

    def open(self, name: str, most_bytes: int) -> IO[bytes]:
        """Return the file *name*, which the caller closes; an `OSError` when it is larger."""

    def local(self, name: str, most_bytes: int) -> AbstractContextManager[Path]:
        """Return a path to the file *name* for a block; an `OSError` when it is larger."""

    def close(self) -> None:
        """Release the connections."""


class FolderFiles:
    """The files in *folder*: `data_dir`, its `events`, or a copy of a store. Links are skipped."""

    def __init__(self, folder: Path) -> None:
        events = folder / "events"
        self._root = events if events.is_dir() else folder
        self.skipped: dict[str, str] = {}

    def __str__(self) -> str:
        return str(self._root)

    def names(self) -> Iterator[str]:
        for folder, folders, files in os.walk(self._root, onerror=self._unreadable):
            here = Path(folder)
            folders.sort()
            for name in [*folders, *files]:
                path = here / name
                if path.is_symlink():
                    self.skipped[self._name(path)] = "it is a link"
                elif name in files:
                    yield self._name(path)

    def open(self, name: str, most_bytes: int) -> IO[bytes]:
        file = open_unlinked(self._root / name)
        size = os.fstat(file.fileno()).st_size
        if size > most_bytes:
            file.close()
            raise StoreError(f"it is too large: {size / 1e6:.0f} MB")
        return file

    @contextmanager
    def local(self, name: str, most_bytes: int) -> Iterator[Path]:
        self.open(name, most_bytes).close()
        yield self._root / name

    def close(self) -> None:
        """Do nothing: no file stays open."""

    def _name(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()

    def _unreadable(self, error: OSError) -> None:
        place = Path(str(error.filename))
        self.skipped[self._name(place)] = error.strerror or str(error)


class BucketFiles:
    """The files in a bucket whose keys begin with *prefix*."""

    def __init__(self, store: S3Store, prefix: str) -> None:
        self._store = store
        self._prefix = prefix
        self.skipped: dict[str, str] = {}

    def __str__(self) -> str:
        return f"{self._store}, {self._prefix}" if self._prefix else str(self._store)

    def names(self) -> Iterator[str]:
        try:
            yield from self._store.keys(self._prefix)
        except StoreRefused as error:
            raise StoreRefused(
                f"{error} (to list a bucket needs s3:ListBucket; docs/tuning.md shows how)"
            ) from None

    def open(self, name: str, most_bytes: int) -> IO[bytes]:
        file = tempfile.SpooledTemporaryFile(_SPOOL_BYTES)  # noqa: SIM115 (the caller closes it)
        try:
            self._store.get(name, file, most_bytes)
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return file

    @contextmanager
    def local(self, name: str, most_bytes: int) -> Iterator[Path]:
        with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
            self._store.get(name, file, most_bytes)
            file.flush()
            yield Path(file.name)

    def close(self) -> None:
        self._store.close()


def open_files(place: str, settings: S3Settings) -> FolderFiles | BucketFiles:
    """Return the files at *place*, a folder or `s3://bucket/prefix`, for which *settings* are.

    Raises `ValueError` with the reason when there is no such place.
    """
    if not place.startswith("s3://"):
        folder = Path(place).expanduser()
        if not folder.is_dir():
            raise ValueError(f"{place}: there is no such folder")
        return FolderFiles(folder)
    parts = urlsplit(place)
    try:
        bucket: str = TypeAdapter(Bucket).validate_python(parts.netloc)
    except ValidationError:
        raise ValueError(f"{place}: must be s3://BUCKET or s3://BUCKET/PREFIX") from None
    return BucketFiles(S3Store(replace(settings, bucket=bucket)), parts.path.lstrip("/"))
