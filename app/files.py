"""Atomic files, which are complete or absent, and the free space of a disk.

A file is written under a temporary name, synced to the disk, and renamed.
"""

import logging
import os
import re
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from io import BufferedReader
from pathlib import Path
from typing import IO

#: Bytes in a GB, as disks are sold and as the settings count.
GB = 1e9
_UNFINISHED = ".part"
_PROBE = ".probe"

_log = logging.getLogger(__name__)


@contextmanager
def atomic_file(path: Path, like: Path | None = None, mode: int = 0o666) -> Iterator[IO[bytes]]:
    """Yield a file whose content becomes the file at *path* when the block ends.

    Missing folders are made. After a failure *path* is unchanged. A symbolic link at *path* is
    replaced, not followed. The file and the folders get the permissions of *like*, a folder above
    them that the owner may share with others. Without *like* the file has at most those of *mode*.
    """
    _make_folders(path.parent, like)
    unfinished = _unfinished(path)
    try:
        with open(unfinished, "wb", opener=partial(_no_link, mode=mode)) as file:
            if like:
                _permit(unfinished, like, 0o666)
            yield file
        put_in_place(unfinished, path)
    except BaseException:  # also Ctrl-C
        unfinished.unlink(missing_ok=True)
        raise


def open_unlinked(path: Path | str) -> BufferedReader:
    """Open the file at *path* for reading; an `OSError` when it is a symbolic link."""
    return open(path, "rb", opener=_no_link)


def read_unlinked(path: Path | str, most_bytes: int) -> bytes:
    """Return the first *most_bytes* of the file at *path*; an `OSError` when it is a link.

    It needs half the time of `open_unlinked`, which matters for thousands of small files.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        return os.read(descriptor, most_bytes)
    finally:
        os.close(descriptor)


def has_link(path: Path, root: Path) -> bool:
    """Return whether *path* is a symbolic link, or one of the folders between it and *root* is.

    *root* itself may be a link. A recording is never read through a link below it, which could lead
    to any other file.
    """
    between = [path, *path.parents]
    return any(one.is_symlink() for one in between[: between.index(root)])


def put_in_place(unfinished: Path, path: Path) -> None:
    """Rename the complete file *unfinished* to *path* in the same folder.

    The file and the folder are synced, so the file survives a power cut.
    """
    _sync_and_rename(unfinished, path)
    _sync_folder(path.parent)


def write_atomic(path: Path, content: bytes) -> None:
    """Write *content* to the file at *path*.

    Missing folders are made. After a failure, an `OSError`, *path* is as it was before.
    """
    write_together([(path, content)])


def write_together(files: Sequence[tuple[Path, bytes]], like: Path | None = None) -> None:
    """Write each content of *files* to its path like `write_atomic`; they appear in this order.

    They have the permissions of *like* as in `atomic_file`. Each folder is synced once for all its
    files. After a failure, an `OSError`, the first files may be there and the others not.
    """
    try:
        # All are written before the first is synced, so the disk can do that in few steps.
        for path, content in files:
            _make_folders(path.parent, like)
            with open(_unfinished(path), "wb", opener=_no_link) as file:
                if like:
                    _permit(_unfinished(path), like, 0o666)
                file.write(content)
        for path, _ in files:
            _sync_and_rename(_unfinished(path), path)
        for folder in dict.fromkeys(path.parent for path, _ in files):
            _sync_folder(folder)
    except BaseException:  # also Ctrl-C
        for path, _ in files:
            with suppress(OSError):
                _unfinished(path).unlink(missing_ok=True)
        raise


def is_unfinished(name: str) -> bool:
    """Return whether *name* is the temporary name of a file that is not complete.

    Its program is still writing it, or was killed before it finished.
    """
    return name.startswith(".") and name.endswith(_UNFINISHED)


def free_bytes(folder: Path) -> int:
    """Return the bytes that the disk of *folder* has left for users other than root.

    The folder need not exist yet.
    """
    return shutil.disk_usage(_existing(folder)).free


def is_read_only(folder: Path) -> bool:
    """Return whether the disk of *folder* is read-only, like a worn-out SD card.

    The folder need not exist yet.
    """
    return bool(os.statvfs(_existing(folder)).f_flag & os.ST_RDONLY)


def free_inodes(folder: Path) -> tuple[int, int] | None:
    """Return how many files the disk of *folder* can still hold, and how many in all.

    None for a disk that has no such limit. The folder need not exist yet.
    """
    found = os.statvfs(_existing(folder))
    return (found.f_favail, found.f_files) if found.f_files else None


def try_to_write(folder: Path, *, sync: bool) -> None:
    """Write a small file to *folder*, and delete it; an `OSError` when that fails.

    A full, read-only or broken disk does not always show otherwise. With *sync* the disk must have
    taken it, which wakes it up. A missing folder is not made:
    perhaps its disk is not mounted.
    """
    probe = folder / f"{_PROBE}{_UNFINISHED}"
    try:
        with probe.open("wb") as file:
            file.write(bytes(4096))
            if sync:
                os.fsync(file.fileno())
        probe.unlink()
    except OSError:
        with suppress(OSError):
            probe.unlink(missing_ok=True)
        raise


def check_writable(folder: Path, *, write: bool) -> None:
    """Open a small file in *folder* for writing; an `OSError` when that fails.

    Only with *write* is something written, so otherwise the disk has no work. But a disk that the
    system has made read-only after errors shows. The file stays, and the folder is made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = _no_link(f"{folder}/{_PROBE}", os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        if write:
            os.pwrite(descriptor, b".", 0)
    finally:
        os.close(descriptor)


def refusal(folder: Path) -> str | None:
    """Return why *folder* accepts no files, in the system's words; None when it does."""
    try:
        try_to_write(folder, sync=True)
    except OSError as error:
        return error.strerror or str(error)
    return None


def has_room(folder: Path, min_free_gb: float) -> bool:
    """Return whether a large file may be written to *folder*.

    The uploader keeps *min_free_gb* free by deleting old files. Half of that is for files written
    until it checks again. Below that half the uploader has nothing left to delete, or does not run,
    and the rest of the disk is for small files.
    """
    return free_bytes(folder) >= min_free_gb * GB / 2


def remove_unfinished(folder: Path, but: re.Pattern[str] | None = None) -> None:
    """Delete the files in *folder* that a killed program had not finished writing.

    Files whose whole name matches *but* stay. A file that cannot be deleted is logged; it does no
    harm.
    """
    for unfinished in folder.glob(f".*{_UNFINISHED}"):
        if but and but.fullmatch(unfinished.name):
            continue
        try:
            unfinished.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("%s, left by a killed program, cannot be deleted: %s", unfinished, error)


def remove_if_empty(folder: Path) -> None:
    """Delete *folder* if it is empty and can be deleted."""
    with suppress(OSError):
        folder.rmdir()


def _make_folders(folder: Path, like: Path | None) -> None:
    missing = [one for one in (folder, *folder.parents) if not one.exists()] if like else []
    folder.mkdir(parents=True, exist_ok=True)
    for made in missing:
        if like and like in made.parents:
            _permit(made, like, 0o7777)


def _permit(path: Path, like: Path, mask: int) -> None:
    """Give *path* the permissions of the folder *like*, as far as *mask* and the disk allow."""
    mode = stat.S_IMODE(like.stat().st_mode)
    if mode & 0o077:
        with suppress(OSError):  # a share may have no permissions of its own
            path.chmod(mode & mask)


def _unfinished(path: Path) -> Path:
    """Return the temporary name of the file *path* while it is written."""
    return path.with_name(f".{path.name}{_UNFINISHED}")


def _sync_and_rename(unfinished: Path, path: Path) -> None:
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    unfinished.replace(path)


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _no_link(name: str, flags: int, mode: int = 0o666) -> int:
    return os.open(name, flags | os.O_NOFOLLOW, mode)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
