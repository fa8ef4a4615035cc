"""Files from before a camera's privacy mask, which may show what the mask now hides.

Each camera notes on disk since when its present mask is in force.
"""

import json
import logging
import os
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from app.files import write_atomic
from app.frames import Polygon

_NOTE = "privacy.json"
#: An event's id; in the names of samples it has a dash in place of the dot.
_EVENT = r"([0-9]{{8}}T[0-9]{{6}})[.-]([0-9]{{3}})Z-{camera}(?![a-z0-9_-])"

_log = logging.getLogger(__name__)


def note_privacy(data_dir: Path, camera: str, areas: tuple[Polygon, ...], now: datetime) -> None:
    """Note that *areas* of *camera* are hidden since *now*, unless they were before.

    A disk that takes no files is logged, and stops no camera.
    """
    path = data_dir / "spool" / camera / _NOTE
    plain = [[list(corner) for corner in area] for area in areas]
    try:
        noted = _read(path)
        if plain == (noted[0] if noted else []):
            return
        content = {"areas": plain, "since": now.isoformat()}
        write_atomic(path, json.dumps(content).encode() + b"\n")
    except OSError as error:
        _log.warning("it is not noted since when areas are hidden: %s", error)


def hidden_since(data_dir: Path, camera: str) -> datetime | None:
    """Return since when the present privacy mask of *camera* is in force; None without one."""
    noted = _read(data_dir / "spool" / camera / _NOTE)
    return noted[1] if noted and noted[0] else None


def unpainted(data_dir: Path, camera: str) -> Iterator[Path]:
    """Yield the files and folders of *camera* with pictures from before its privacy mask."""
    since = hidden_since(data_dir, camera)
    if since is None:
        return
    pattern = re.compile(_EVENT.format(camera=re.escape(camera)))
    for root, folders, files in os.walk(data_dir):
        for name in sorted((*folders, *files)):
            match = pattern.search(name)
            if match and _time(match) < since:
                yield Path(root, name)
        folders[:] = [name for name in folders if not pattern.search(name)]


def delete(path: Path) -> None:
    """Delete the file or folder *path*; an `OSError` when the disk refuses."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _time(event: re.Match[str]) -> datetime:
    try:
        return datetime.strptime(f"{event[1]}.{event[2]}+0000", "%Y%m%dT%H%M%S.%f%z")
    except ValueError:  # it only looks like an event
        return datetime.max.replace(tzinfo=UTC)


def _read(path: Path) -> tuple[list[object], datetime] | None:
    try:
        noted = json.loads(path.read_bytes())
        return list(noted["areas"]), datetime.fromisoformat(noted["since"]).astimezone(UTC)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, RecursionError):
        _log.warning("%s is damaged", path)
        return None
