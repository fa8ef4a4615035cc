"""Files from before a camera's privacy mask, which may show what the mask now hides.

Each camera notes on disk since when its present mask is in force.
"""

import json
import logging
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from app.files import write_atomic
from app.frames import Polygon

_NOTE = "privacy.json"
#: A line for each file and folder into which the present mask was painted: since when that mask is
#: in force, and the path.
_REPAINTED = "repainted"
#: An event's id; in the names of samples it has a dash in place of the dot.
_EVENT = r"([0-9]{{8}}T[0-9]{{6}})[.-]([0-9]{{3}})Z-{camera}(?![a-z0-9_-])"

_log = logging.getLogger(__name__)


def note_privacy(data_dir: Path, camera: str, areas: tuple[Polygon, ...], now: datetime) -> None:
    """Note that *areas* of *camera* are hidden since *now*, unless they were before.

    A disk that takes no files is logged, and stops no camera.
    """
    path = data_dir / "spool" / camera / _NOTE
    plain = _plain(areas)
    try:
        noted = _read(path)
        if plain == (noted[0] if noted else []):
            return
        content = {"areas": plain, "since": now.isoformat()}
        write_atomic(path, json.dumps(content).encode() + b"\n")
        path.with_name(_REPAINTED).unlink(missing_ok=True)
    except OSError as error:
        _log.warning("it is not noted since when areas are hidden: %s", error)


def hidden_since(data_dir: Path, camera: str) -> datetime | None:
    """Return since when the present privacy mask of *camera* is in force; None without one."""
    noted = _read(data_dir / "spool" / camera / _NOTE)
    return noted[1] if noted and noted[0] else None


def is_noted(data_dir: Path, camera: str, areas: tuple[Polygon, ...]) -> bool:
    """Return whether *areas* are what the program of *camera* hides, as far as it has noted."""
    noted = _read(data_dir / "spool" / camera / _NOTE)
    return noted is not None and noted[0] == _plain(areas)


def unpainted(data_dir: Path, camera: str, copies: Iterable[Path] = ()) -> Iterator[Path]:
    """Yield the files and folders of *camera* with pictures from before its privacy mask.

    They are in *data_dir*, and in the folders *copies*, which may be elsewhere.
    """
    since = hidden_since(data_dir, camera)
    if since is None:
        return
    pattern = re.compile(_EVENT.format(camera=re.escape(camera)))
    repainted = _repainted(data_dir, camera, since)
    for top in (data_dir, *(one for one in copies if not one.is_relative_to(data_dir))):
        for root, folders, files in os.walk(top):
            for name in sorted((*folders, *files)):
                match, path = pattern.search(name), Path(root, name)
                if match and _time(match) < since and str(path) not in repainted:
                    yield path
            folders[:] = [name for name in folders if not pattern.search(name)]


def is_repainted(data_dir: Path, camera: str, path: Path) -> bool:
    """Return whether the present mask of *camera* was painted into *path*."""
    since = hidden_since(data_dir, camera)
    return since is not None and str(path) in _repainted(data_dir, camera, since)


def note_repainted(data_dir: Path, camera: str, path: Path) -> None:
    """Note that the present mask of *camera* was painted into *path*; an `OSError` by the disk."""
    since = hidden_since(data_dir, camera)
    if since:
        line = f"{since.isoformat()} {path}\n".encode(errors="surrogateescape")
        with (data_dir / "spool" / camera / _REPAINTED).open("ab") as file:
            file.write(line)


def _repainted(data_dir: Path, camera: str, since: datetime) -> set[str]:
    try:
        text = (data_dir / "spool" / camera / _REPAINTED).read_text("utf-8", "surrogateescape")
    except FileNotFoundError:
        return set()
    begin = f"{since.isoformat()} "
    return {line.removeprefix(begin) for line in text.split("\n") if line.startswith(begin)}


def delete(path: Path) -> None:
    """Delete the file or folder *path*; an `OSError` when the disk refuses."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _plain(areas: tuple[Polygon, ...]) -> list[object]:
    return [[list(corner) for corner in area] for area in areas]


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
