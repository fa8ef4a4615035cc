"""The traces that the starter of Redis leaves for the programs that notify the owner.

A log that was set aside is in a folder `damaged-TIME` beside Redis's log, with `trace.json`. While
Redis runs without a log, `no-log.json` is in a folder of this user in memory, since the disk may
accept no files.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.files import write_atomic

TRACE = "trace.json"
#: The folder in memory from which a Redis without its log has loaded its data.
VIEW = "view"
_PUBLISHED = "published.json"
_NO_LOG = "no-log.json"
_MEMORY = Path("/dev/shm")  # noqa: S108 (a folder of this user is made in it and checked)


@dataclass(frozen=True, slots=True)
class Trace:
    """The reason why Redis was started in another way than usual, as a sentence for the owner.

    *kept* is the folder of a log that was set aside. For a Redis without a log, *pid* is its
    process, and *whole* says whether it has loaded the whole log on the disk.
    """

    at: str
    text: str
    kept: str | None = None
    pid: int | None = None
    whole: bool = False

    @property
    def time(self) -> datetime:
        """The time of that start."""
        return datetime.fromisoformat(self.at)


def new_trace(
    text: str, kept: Path | None = None, pid: int | None = None, *, whole: bool = False
) -> Trace:
    """Return a trace of now."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    return Trace(at, text, None if kept is None else str(kept), pid, whole)


def encoded(trace: Trace) -> bytes:
    """Return *trace* as the content of its file."""
    return json.dumps(asdict(trace)).encode()


def memory_folder(run_dir: Path) -> Path:
    """Return the folder in memory for the suite in *run_dir*; it need not exist."""
    digest = hashlib.sha256(os.fsencode(run_dir)).hexdigest()[:12]
    return _MEMORY / f"whos-there-{os.geteuid()}-{digest}"


def made_memory_folder(run_dir: Path) -> Path:
    """Return `memory_folder`, made if necessary; `OSError` when it is not this user's alone."""
    folder = memory_folder(run_dir)
    with suppress(FileExistsError):
        folder.mkdir(0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} is not a folder of this user alone")
    return folder


def write_no_log(folder: Path, trace: Trace) -> None:
    """Record in *folder*, the one in memory, that Redis runs without a log."""
    write_atomic(folder / _NO_LOG, encoded(trace))


def read_no_log(folder: Path) -> Trace | None:
    """Return the trace of a Redis without a log; None when there is none."""
    return _read(folder / _NO_LOG)


def clear_no_log(folder: Path) -> None:
    """Remove the trace of a Redis without a log."""
    (folder / _NO_LOG).unlink(missing_ok=True)


def unpublished(redis_folder: Path) -> Iterator[tuple[Path, Trace]]:
    """Yield the trace of each log that was set aside in *redis_folder*, until it is published."""
    for path in sorted(redis_folder.glob(f"damaged-*/{TRACE}")):
        trace = _read(path)
        if trace is not None:
            yield path, trace


def set_published(path: Path) -> None:
    """Record that the trace at *path* is published; it stays, under another name."""
    path.rename(path.with_name(_PUBLISHED))


def _read(path: Path) -> Trace | None:
    try:
        trace = Trace(**json.loads(path.read_bytes()))
        return trace if trace.time.tzinfo else None
    except (OSError, ValueError, TypeError):
        return None
