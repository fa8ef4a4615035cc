"""What a store's carrier takes from: the events, or the pictures that wait for Dropbox."""

import logging
from collections.abc import Callable
from os import DirEntry, scandir
from pathlib import Path
from typing import Protocol

from app.clock import Clock
from app.errors import StateUnavailable
from app.uploads.base import Receipt
from app.uploads.inventory import Inventory, Parcel

STILLS = "stills"

_log = logging.getLogger(__name__)


class Shelf(Protocol):
    """What is to be carried to one store."""

    def waiting(self) -> list[Parcel]:
        """What the store has not confirmed yet. An `OSError` when that cannot be read."""

    def confirm(self, parcel: Parcel, receipt: Receipt) -> None:
        """The store has *parcel*."""


class Events:
    """What *inventory* has for *store*. *tell* makes known where the pictures and clips are.

    It says whether that is done, or raises `StateUnavailable`.
    """

    def __init__(
        self,
        inventory: Inventory,
        store: str,
        clock: Clock,
        tell: Callable[[Parcel], bool] | None = None,
    ) -> None:
        self._inventory = inventory
        self._store = store
        self._clock = clock
        self._tell = tell

    def waiting(self) -> list[Parcel]:
        parcels = [
            parcel
            for folder in self._inventory.look(self._clock.now())
            for parcel in folder.parcels
        ]
        self._tell_again(parcels)
        return [parcel for parcel in parcels if self._store in self._inventory.waits_for(parcel)]

    def confirm(self, parcel: Parcel, receipt: Receipt) -> None:
        self._inventory.confirm(parcel, self._store, receipt, self._clock.now(), self._told(parcel))

    def _tell_again(self, parcels: list[Parcel]) -> None:
        """Make known what could not be made known when it was uploaded, as far as that goes now."""
        for parcel in parcels:
            confirmed = (parcel.confirmed or {}).get(self._store)
            if confirmed and not confirmed.told and self._tell:
                try:
                    told = self._tell(parcel)
                except StateUnavailable:
                    return
                if told:
                    self._inventory.set_told(parcel, self._store)

    def _told(self, parcel: Parcel) -> bool:
        try:
            return self._tell is None or not parcel.is_media or self._tell(parcel)
        except StateUnavailable:
            return False


class Stills:
    """The pictures in *data_dir*/stills, each of which is deleted when it is where it should be."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / STILLS
        self._left: set[tuple[Path, int]] = set()

    def waiting(self) -> list[Parcel]:
        if not self._folder.is_dir():
            return []
        with scandir(self._folder) as entries:
            found = [
                entry
                for entry in entries
                if entry.name.endswith(".jpg") and not entry.name.startswith(".")
            ]
        parcels = [parcel for entry in found if (parcel := self._parcel(entry))]
        return [parcel for parcel in parcels if (parcel.path, parcel.changed_ns) not in self._left]

    def confirm(self, parcel: Parcel, receipt: Receipt) -> None:  # noqa: ARG002 (it is not noted, for nothing is left)
        try:
            parcel.path.unlink(missing_ok=True)
        except OSError as error:
            self._left.add((parcel.path, parcel.changed_ns))
            _log.warning("%s is uploaded, but cannot be deleted: %s", parcel.path, error)

    def _parcel(self, entry: "DirEntry[str]") -> Parcel | None:
        """None when the guard has just deleted it."""
        try:
            stat = entry.stat()
        except FileNotFoundError:
            return None
        return Parcel(Path(entry.path), entry.name, "image/jpeg", stat.st_size, stat.st_mtime_ns)
