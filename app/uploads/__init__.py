"""Stores for the recordings of this machine."""

from pathlib import Path

from app.uploads.base import DropboxSettings, Receipt, S3Settings, Store

__all__ = ["Receipt", "Store", "event_stores", "still_store"]


def event_stores(s3: S3Settings, folder: Path | None) -> list[Store]:
    """The configured stores that get a copy of every event's files."""
    stores: list[Store] = []
    if s3.bucket:
        from app.uploads.s3 import S3Store

        stores.append(S3Store(s3))
    if folder:
        from app.uploads.folder import FolderStore

        stores.append(FolderStore(folder))
    return stores


def still_store(dropbox: DropboxSettings) -> Store | None:
    """The store that gets single pictures; None when it is not configured."""
    if not dropbox.is_set_up:
        return None
    from app.uploads.dropbox import DropboxStore

    return DropboxStore(dropbox)
