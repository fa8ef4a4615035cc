"""The file of one camera's silencer: the events that it learns from, and what it has asked.

`silencer-CAMERA.json`, beside the configuration. The file is whole or absent, and has a version. A
file of another version, or with anything else in it, is named in the log and ignored.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from app.files import open_unlinked, write_atomic
from app.protocol.ids import CAMERA_NAME
from app.protocol.records import Moment
from app.silencer.numbers import NAMES, Example

VERSION: Literal[1] = 1
#: The newest events that are kept, with a tag and without.
_MOST_TAGGED, _MOST_FREE = 400, 2000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Memory:
    """The knowledge of the silencer of one camera.

    *names* are those of the numbers of the *examples*. *asked* are the events of which it has asked
    for a tag, the last time on *asked_on*. Events before *begins* are forgotten. It watches since
    *watching_since*, and has published at *reported_at* what it would have silenced by then.
    """

    camera: str
    version: Literal[1] = VERSION
    names: tuple[str, ...] = NAMES
    examples: tuple[Example, ...] = ()
    asked: tuple[str, ...] = ()
    asked_on: date | None = None
    begins: Moment | None = None
    watching_since: Moment | None = None
    reported_at: Moment | None = None

    def with_examples(self, new: Iterable[Example]) -> "Memory":
        """Return the memory with *new* examples in place of older ones of the same events."""
        by_event = {one.event: one for one in (*self.examples, *new)}
        ordered = sorted(by_event.values(), key=lambda one: one.at)
        if self.begins:
            ordered = [one for one in ordered if one.at >= self.begins]
        tagged = [one for one in ordered if one.label is not None][-_MOST_TAGGED:]
        free = [one for one in ordered if one.label is None][-_MOST_FREE:]
        kept = sorted((*tagged, *free), key=lambda one: one.at)
        return replace(self, examples=tuple(kept))


_MEMORY: TypeAdapter[Memory] = TypeAdapter(Memory)


def memory_path(folder: Path, camera: str) -> Path:
    """Return the file of *camera* in the configuration's *folder*."""
    if not CAMERA_NAME.fullmatch(camera):
        raise ValueError(f"{camera!r} is no camera's name")
    return folder / f"silencer-{camera}.json"


def read_memory(folder: Path, camera: str) -> Memory:
    """Return the memory of *camera*; an empty one where there is none that can be used."""
    path = memory_path(folder, camera)
    try:
        with open_unlinked(path) as file:
            memory = _decoded(file.read(), camera)
    except FileNotFoundError:
        return Memory(camera)
    except (OSError, ValueError) as error:
        _log.warning(
            "%s is not used: %s. The silencer of camera %s begins again.", path, error, camera
        )
        return Memory(camera)
    return memory


def write_memory(folder: Path, memory: Memory) -> None:
    """Write *memory*; after a failure, an `OSError`, its file is as it was before."""
    write_atomic(memory_path(folder, memory.camera), _MEMORY.dump_json(memory))


def is_on(folder: Path, camera: str) -> datetime | None:
    """Return since when the owner lets the silencer of *camera* silence alerts; None: it may not.

    A file of its own says so, since the program rewrites the other at any time.
    """
    path = _switch_path(folder, camera)
    try:
        with open_unlinked(path) as file:
            return datetime.fromisoformat(file.read(64).decode("ascii")).astimezone()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        _log.warning("%s is not used, so nothing is silenced: %s", path, error)
        return None


def switch_on(folder: Path, camera: str, at: datetime) -> None:
    """Let the silencer of *camera* silence alerts from *at* on; an `OSError` when that fails."""
    write_atomic(_switch_path(folder, camera), at.isoformat().encode())


def switch_off(folder: Path, camera: str) -> None:
    """Let the silencer of *camera* silence nothing; an `OSError` when that fails."""
    _switch_path(folder, camera).unlink(missing_ok=True)


def _switch_path(folder: Path, camera: str) -> Path:
    return memory_path(folder, camera).with_suffix(".on")


def _decoded(content: bytes, camera: str) -> Memory:
    """Return the memory in *content*; `ValueError` in words when it is of no use."""
    plain = from_json(content, allow_inf_nan=False)
    version = plain.get("version") if isinstance(plain, dict) else None
    if version != VERSION:
        raise ValueError(f"it is of version {version!r}, and this program reads {VERSION}")
    try:
        memory = _MEMORY.validate_python(plain)
    except ValidationError as error:
        raise ValueError(f"{error.error_count()} of its values are not as they should be") from None
    if memory.camera != camera or memory.names != NAMES:
        raise ValueError("it is of another camera, or has other numbers")
    if any(len(one.numbers) != len(NAMES) for one in memory.examples):
        raise ValueError("an event in it has too few or too many numbers")
    return memory
