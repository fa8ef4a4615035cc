"""The reports to the owner that do not go through Redis, in a small file.

The file says which troubles were reported, since when, and how far each channel has come, so that a
restart neither forgets nor repeats a report. Only one program at a time delivers: it holds a lock.
A disk that accepts no files is one of the troubles. The file is then written to the second folder,
or only kept in memory.
"""

import fcntl
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from pydantic.types import AwareDatetime

from app.files import write_atomic

FILE = "emergency.json"
_LOCK = "emergency.lock"

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class EmergencyReport:
    """A trouble that *subject* is in, and the two messages about its beginning and its end.

    It has lasted since *since*, and was reported at *begun_at*. *over_at* and *over_text* are None
    while it lasts. *stages* are the stages of the deliveries, by message, channel and stage.
    """

    subject: str
    since: AwareDatetime
    begun_at: AwareDatetime
    text: str
    over_at: AwareDatetime | None = None
    over_text: str | None = None
    stages: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Stored:
    """The content of the file; the copy with the higher *revision* is the newer one."""

    revision: int
    reports: list[EmergencyReport]


_ADAPTER = TypeAdapter(_Stored)


class Ledger:
    """The file in the first of *folders* that accepts it, and the lock in the last.

    One thread of each program uses it.
    """

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._newest = _Stored(0, [])
        # Whether no disk accepted the newest reports; otherwise the files count, not the memory.
        self._is_only_here = False

    def exists(self) -> bool:
        """Return whether some program has reported something that is not finished."""
        return any((folder / FILE).exists() for folder in self._folders)

    def load(self) -> list[EmergencyReport]:
        """Return the newest reports, of this or another program."""
        found = [stored for folder in self._folders if (stored := _read(folder / FILE))]
        if self._is_only_here:
            found.append(self._newest)
        self._newest = max(found, key=lambda one: one.revision, default=_Stored(0, []))
        return self._newest.reports

    def save(self) -> None:
        """Store the reports that `load` returned, as they are now."""
        self._newest.revision += 1
        content = json.dumps(asdict(self._newest), default=lambda at: at.isoformat()).encode()
        self._is_only_here = False
        for folder in self._folders:
            with suppress(OSError):
                write_atomic(folder / FILE, content)
                return
        self._is_only_here = True

    def clear(self) -> None:
        """Delete the file: nothing is left to report."""
        self._newest.revision += 1
        self._is_only_here = False
        for folder in self._folders:
            try:
                (folder / FILE).unlink(missing_ok=True)
            except OSError:
                self._is_only_here = True

    @contextmanager
    def lock(self) -> Iterator[bool]:
        """Yield whether this program may deliver now; another one may hold the lock."""
        for folder in reversed(self._folders):
            try:
                folder.mkdir(parents=True, exist_ok=True)
                file = (folder / _LOCK).open("w")
            except OSError:
                continue
            with file:
                yield _locked(file.fileno())
            return
        # No program can take the lock on a disk that accepts no files.
        yield True


def _locked(number: int) -> bool:
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _read(path: Path) -> _Stored | None:
    """Return the content of the file at *path*; None when it is missing or is no such file."""
    try:
        return _ADAPTER.validate_json(path.read_bytes())
    except OSError:
        return None
    except ValidationError as error:
        _log.warning("%s is ignored: %s", path, str(error).partition("\n")[0])
        return None
