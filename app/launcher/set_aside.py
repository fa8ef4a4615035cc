"""The files that were set aside for a person to look at.

These are damaged logs of Redis, their unfinished ends, and the facts that Redis refused because of
their content. The uploader deletes old ones.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

_KEPT = "No program needs it. After 30 days the uploader deletes all but the newest"


def damaged_logs(redis_folder: Path) -> list[Path]:
    """Return the folders of *redis_folder* with a log that Redis could not load."""
    return sorted(redis_folder.glob("damaged-*"))


def cut_ends(redis_folder: Path) -> list[Path]:
    """Return the files of *redis_folder* with the unfinished end of a log."""
    return sorted(redis_folder.glob("cut-*.aof"))


def refused_facts(data_dir: Path) -> list[Path]:
    """Return the files of the facts that Redis refused."""
    return sorted(data_dir.glob("spool/*/refused/*.json"))


def sentences(data_dir: Path, redis_folder: Path) -> Iterator[str]:
    """Yield a sentence for each log, and for each camera with refused facts."""
    for path in damaged_logs(redis_folder):
        yield f"{path}: a log that Redis could not load. {_KEPT}"
    for path in cut_ends(redis_folder):
        yield f"{path}: the unfinished end of a log of Redis. {_KEPT}"
    for folder, count in Counter(path.parent for path in refused_facts(data_dir)).items():
        what = "a record" if count == 1 else f"{count} records"
        yield f"{folder}: {what} that Redis refused. {_KEPT}"
