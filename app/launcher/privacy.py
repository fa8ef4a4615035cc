"""Makes the files of earlier versions readable by this user alone."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from app.config import PROJECT, Config

_OTHERS = 0o077
#: The folders of the suite in `data_dir`, where that has files of others too.
_FOLDERS = ("events", "stills", "spool", "smaller", "redis", "run")


def make_private(config: Config) -> list[str]:
    """Take the permissions of others from the data and logs of *config*; returns warnings.

    Only what this user owns is changed, and no link is followed. Nobody else enters a private
    folder, so what is in it is not looked at: all work is done at the first start.
    """
    failures: list[str] = []
    for folder in _folders(config):
        _close(folder, failures)
    if not failures:
        return []
    return [
        f"Others on this machine may be able to read {failures[0]}, and it cannot be changed: "
        f"chmod -R go= {failures[0]}"
    ]


def _folders(config: Config) -> Iterator[Path]:
    yield config.logs_dir
    if not _is_shared(config):
        yield config.data_dir
        return
    yield from (config.data_dir / name for name in _FOLDERS)
    alerts = config.data_dir / Path(config.notify.folder).expanduser()
    if alerts.is_relative_to(config.data_dir):
        yield alerts


def _is_shared(config: Config) -> bool:
    """Return whether `data_dir` may have files that are not the suite's."""
    homes = (Path.home(), PROJECT, config.folder)
    return config.data_dir.is_mount() or any(home.is_relative_to(config.data_dir) for home in homes)


def _close(path: Path, failures: list[str]) -> None:
    """Make *path* private, and what is in it first: an interrupted start continues there."""
    try:
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode) or not found.st_mode & _OTHERS:
            return
        if stat.S_ISDIR(found.st_mode):
            for entry in sorted(path.iterdir()):
                _close(entry, failures)
        if found.st_uid == os.geteuid():
            path.chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS)
    except FileNotFoundError:
        return
    except OSError:
        failures.append(str(path))
