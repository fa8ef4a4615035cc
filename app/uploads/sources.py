"""Sources of an upload queue: the files of events, and the pictures that wait for Dropbox."""

import logging
from collections.abc import Callable
from os import DirEntry, scandir
from pathlib import Path
from typing import Protocol

from app.clock import Clock
from app.errors import StateUnavailable
from app.uploads.base import Receipt
from app.uploads.folder_reader import UploadFile
from app.uploads.inventory import Inventory

STILLS = "stills"

_log = logging.getLogger(__name__)


class UploadSource(Protocol):
    """The files for one store."""

    def waiting(self, event: str | None = None) -> list[UploadFile]:
        """The files that the store has not confirmed, only those of *event* if it is given.

        An `OSError` when they cannot be read.
        """

    def confirm(self, file: UploadFile, receipt: Receipt) -> None:
        """Record that the store has *file*."""


class EventFiles:
    """The files of *inventory* for *store*.

    *publish* publishes the place of an uploaded picture or clip. It returns whether that is done,
    or raises `StateUnavailable`.
    """

    def __init__(
        self,
        inventory: Inventory,
        store: str,
        clock: Clock,
        publish: Callable[[UploadFile], bool] | None = None,
    ) -> None:
        self._inventory = inventory
        self._store = store
        self._clock = clock
        self._publish = publish

    def waiting(self, event: str | None = None) -> list[UploadFile]:
        now = self._clock.now()
        found = [self._inventory.look(event, now)] if event else self._inventory.scan(now)
        files = [file for folder in found if folder for file in folder.files]
        self._publish_late(files)
        return [file for file in files if self._store in self._inventory.missing_stores(file)]

    def confirm(self, file: UploadFile, receipt: Receipt) -> None:
        now, published = self._clock.now(), self._published(file)
        self._inventory.confirm(file, self._store, receipt, now, published)

    def _publish_late(self, files: list[UploadFile]) -> None:
        """Publish the uploads that could not be published before; stop when Redis is away again."""
        if not self._publish:
            return
        for file in files:
            confirmation = (file.confirmed or {}).get(self._store)
            if not confirmation or confirmation.published:
                continue
            try:
                published = self._publish(file)
            except StateUnavailable:
                return
            if published:
                self._inventory.set_published(file, self._store)

    def _published(self, file: UploadFile) -> bool:
        try:
            return self._publish is None or not file.is_media or self._publish(file)
        except StateUnavailable:
            return False


class StillFiles:
    """The pictures in *data_dir*/stills. Each is deleted when the store has it."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / STILLS
        self._undeletable: set[tuple[Path, int]] = set()

    def waiting(self, event: str | None = None) -> list[UploadFile]:
        if event or not self._folder.is_dir():
            return []
        with scandir(self._folder) as entries:
            found = [
                entry
                for entry in entries
                if entry.name.endswith(".jpg")
                and not entry.name.startswith(".")
                and not entry.is_symlink()
            ]
        files = [file for entry in found if (file := self._file(entry))]
        return [file for file in files if (file.path, file.changed_ns) not in self._undeletable]

    def confirm(self, file: UploadFile, receipt: Receipt) -> None:  # noqa: ARG002
        try:
            file.path.unlink(missing_ok=True)
        except OSError as error:
            self._undeletable.add((file.path, file.changed_ns))
            _log.warning("%s is uploaded, but cannot be deleted: %s", file.path, error)

    def _file(self, entry: "DirEntry[str]") -> UploadFile | None:
        """Return the file at *entry*; None when the disk guard has just deleted it."""
        try:
            stat = entry.stat()
        except FileNotFoundError:
            return None
        path = Path(entry.path)
        return UploadFile(path, entry.name, "image/jpeg", stat.st_size, stat.st_mtime_ns)
