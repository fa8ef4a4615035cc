"""Deletes what was set aside long ago for a person to look at, so it cannot fill the disk.

These are damaged logs of Redis, their unfinished ends, and the facts that Redis refused because of
their content.
"""

import logging
import math
import shutil
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from app.clock import Clock
from app.launcher import redis_log, redis_traces, set_aside

KEEP_S = 30 * 86_400.0
#: The number that is kept of each kind: a disk that damages the log every day would fill up.
MOST_LOGS, MOST_FACTS = 5, 1000
#: The time between two searches. An idle disk is not woken for this.
_EVERY_S = 86_400.0

_log = logging.getLogger(__name__)


class SetAside:
    """The logs set aside in *redis_folder*, and the facts set aside in spools of *data_dir*.

    Each is kept for `KEEP_S`, at most so many of each kind, and the newest without limit. So a
    clock that is ahead cannot cost all of it.
    """

    def __init__(self, data_dir: Path, redis_folder: Path, clock: Clock) -> None:
        self._data_dir = data_dir
        self._redis = redis_folder
        self._clock = clock
        self._search_at_s = -math.inf

    def step(self) -> None:
        """Search, and delete what is old, once a day."""
        now_s = self._clock.monotonic()
        if now_s < self._search_at_s:
            return
        self._search_at_s = now_s + _EVERY_S
        logs = (path for path in set_aside.damaged_logs(self._redis) if _is_done(path))
        self._delete_old(logs, MOST_LOGS)
        self._delete_old(set_aside.cut_ends(self._redis), MOST_LOGS)
        facts = set_aside.refused_facts(self._data_dir)
        for _, of_camera in groupby(facts, lambda path: path.parent):
            self._delete_old(of_camera, MOST_FACTS)

    def _delete_old(self, paths: Iterable[Path], most: int) -> None:
        """Delete of *paths* what is older than `KEEP_S` or beyond the newest *most*."""
        try:
            aged = sorted(((path.lstat().st_mtime, path) for path in paths), reverse=True)
            for number, (changed_s, path) in enumerate(aged):
                is_old = number > 0 and self._clock.now().timestamp() - changed_s > KEEP_S
                if is_old or number >= most:
                    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
                    _log.info("deleted %s, which was set aside long ago", path)
        except OSError as error:
            _log.warning("what was set aside long ago cannot be deleted: %s", error)


def _is_done(kept: Path) -> bool:
    """Return whether the move of a log to *kept* is complete, and published."""
    is_moving = redis_log.view_for(kept).exists()
    return not is_moving and not (kept / redis_traces.TRACE).exists()
