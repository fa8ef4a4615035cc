"""Files that are whole or not there: written under a temporary name, synced, and renamed."""

import logging
import os
from pathlib import Path

_UNFINISHED = ".part"

_log = logging.getLogger(__name__)


def write_whole(path: Path, content: bytes) -> None:
    """Make *content* the file at *path*, its folders included. After a failure (an `OSError`) *path* is as it was before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}{_UNFINISHED}")
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def clear_unfinished(folder: Path) -> None:
    """Remove from *folder* what a killed program had not finished writing; what cannot be removed is logged and does no harm."""
    for unfinished in folder.glob(f".*{_UNFINISHED}"):
        try:
            unfinished.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("%s is left over from a run that was killed: %s", unfinished, error)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
