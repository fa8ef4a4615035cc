"""Files that are whole or not there: written under a temporary name, synced, and renamed."""

import logging
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

#: Bytes in a GB, as disks are sold and as the settings count.
GB = 1e9
_UNFINISHED = ".part"

_log = logging.getLogger(__name__)


@contextmanager
def atomic_file(path: Path) -> Iterator[IO[bytes]]:
    """What is written to the file that this yields becomes the file at *path*, its folders
    included, when the block is left.

    After a failure (an `OSError`) *path* is as it was before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}{_UNFINISHED}")
    try:
        with unfinished.open("wb") as file:
            yield file
        put_in_place(unfinished, path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise


def put_in_place(unfinished: Path, path: Path) -> None:
    """Make the file *unfinished*, which is whole now, the file at *path* beside it, so that it is
    there after a power cut too.
    """
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    unfinished.replace(path)
    _sync_folder(path.parent)


def write_atomic(path: Path, content: bytes) -> None:
    """Make *content* the file at *path*, its folders included. After a failure (an `OSError`)
    *path* is as it was before.
    """
    with atomic_file(path) as file:
        file.write(content)


def is_unfinished(name: str) -> bool:
    """Whether *name* is that of a file that is still being written, or was when its program was
    killed.
    """
    return name.startswith(".") and name.endswith(_UNFINISHED)


def free_bytes(folder: Path) -> int:
    """What the disk with *folder*, which need not be there yet, has left for the likes of us."""
    return shutil.disk_usage(_there(folder)).free


def is_read_only(folder: Path) -> bool:
    """Whether the disk with *folder*, which need not be there yet, takes nothing whatever is free,
    like a card that is worn out.
    """
    return bool(os.statvfs(_there(folder)).f_flag & os.ST_RDONLY)


def has_room(folder: Path, min_free_gb: float) -> bool:
    """Whether something big may be written to *folder*.

    The uploader keeps *min_free_gb* free by deleting what is old. Half of that is for what comes
    until it looks again; below that half there is nothing left to delete, or no uploader, and the
    rest of the disk is for what is small.
    """
    return free_bytes(folder) >= min_free_gb * GB / 2


def remove_unfinished(folder: Path, but: re.Pattern[str] | None = None) -> None:
    """Remove from *folder* what a killed program had not finished writing, unless its whole name is
    as *but* says.

    What cannot be removed is logged and does no harm.
    """
    for unfinished in folder.glob(f".*{_UNFINISHED}"):
        if but and but.fullmatch(unfinished.name):
            continue
        try:
            unfinished.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("%s is left over from a run that was killed: %s", unfinished, error)


def remove_if_empty(folder: Path) -> None:
    """Remove *folder* unless there is something in it."""
    try:
        folder.rmdir()
    except OSError:  # there is
        return


def _there(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
