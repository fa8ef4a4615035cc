"""Starts Redis, whatever has happened to its log and to its disk.

    python -m app.launcher.redis_starter SERVER CONF FOLDER RUN_DIR

supervisord runs this in place of Redis; it prepares the log in FOLDER, and then becomes SERVER with
the file CONF. A damaged log is set aside and its intact part used. If the disk accepts no writes,
Redis starts without a log, with the data of the log that is there. Nothing is deleted.

A log is examined only if its list of files is damaged, or if the last start may have failed: it was
so short a time ago that Redis may not have finished loading.
"""

import os
import re
import shutil
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NoReturn

from app.errors import StateUnavailable, SuiteError
from app.files import refusal
from app.launcher import redis_log, redis_traces
from app.launcher.redis_log import Log
from app.launcher.redis_server import version_of
from app.launcher.redis_traces import VIEW, new_trace
from app.launcher.redis_trial import Part, Trial

_STARTED = "started"
_CONF = "redis.conf"
#: A Redis that ran for less than this, and less than its log may take to load, may have failed.
_SHORT_RUN_S = 10.0
_LOADED_BYTES_PER_S = 2e6
_NO_FILES = """
# The disk accepts no files, until the uploader finds that it does again.
dir "{folder}"
save ""
"""
#: Redis 7 lets nobody change its folder otherwise.
_MAY_MOVE = "enable-protected-configs local\n"


@dataclass(frozen=True, slots=True)
class Start:
    """A start of *server* with the file *conf*; its log is in *folder*.

    *memory* is the folder in memory, None when there is none.
    """

    server: Path
    conf: Path
    folder: Path
    memory: Path | None

    @property
    def databases(self) -> int:
        """The number of databases in the configuration."""
        found = re.findall(r"^databases (\d+)$", self.conf_text(), re.MULTILINE)
        return int(found[-1]) if found else 16

    def conf_text(self) -> str:
        """Return the configuration; its copy in memory if the disk cannot be read."""
        try:
            return self.conf.read_text(encoding="utf-8")
        except OSError:
            if self.memory is None:
                raise
            return (self.memory / _CONF).read_text(encoding="utf-8")


def main() -> NoReturn:
    """Prepare the log and become Redis."""
    server, conf, folder, run_dir = map(Path, sys.argv[1:])
    os.umask(0o077)
    try:
        memory: Path | None = redis_traces.made_memory_folder(run_dir)
    except OSError as error:
        _say(f"without a folder in memory every log is examined: {error}")
        memory = None
    start = Start(server, conf, folder, memory)
    try:
        command = prepared(start)
    except Exception:  # noqa: BLE001 (Redis must start, also after a mistake of ours)
        _say(traceback.format_exc())
        command = [str(server), str(conf)]
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606


def prepared(start: Start) -> list[str]:
    """Prepare the log; returns the command that starts Redis."""
    is_suspect = _may_have_failed(start)
    why = refusal(start.folder)
    if why:
        return _without_log(start, why, is_suspect=is_suspect)
    try:
        with suppress(OSError):
            if start.memory:
                shutil.copyfile(start.conf, start.memory / _CONF)
        for kept in redis_log.unfinished(start.folder):
            redis_log.finish(start.folder, kept)
        if is_suspect or redis_log.has_bad_manifest(start.folder):
            _repair(start)
    except SuiteError as error:
        _say(f"the log stays as it is: {error}")
    except OSError as error:
        return _without_log(start, str(error), is_suspect=True)
    if start.memory:
        redis_traces.clear_no_log(start.memory)
        shutil.rmtree(start.memory / VIEW, ignore_errors=True)
    return [str(start.server), str(start.conf)]


def _may_have_failed(start: Start) -> bool:
    """Return whether the last start may have failed, and record this one."""
    if start.memory is None:
        return True
    record, now_s = start.memory / _STARTED, time.monotonic()
    try:
        lived_s = now_s - float(record.read_text(encoding="ascii"))
    except (OSError, ValueError):
        lived_s = float("inf")
    with suppress(OSError):
        record.write_text(str(now_s), encoding="ascii")
    load_s = redis_log.size(start.folder) / _LOADED_BYTES_PER_S
    return lived_s < _SHORT_RUN_S + load_s


def _repair(start: Start) -> None:
    """Set the log aside if Redis does not load it, and put its intact part in its place."""
    kept = redis_log.new_kept(start.folder)
    log = redis_log.read_log(start.folder)
    tail = kept.with_name(f"{kept.name.replace('damaged', 'cut')}.aof")
    if not log.is_whole and redis_log.cut_tail(log, tail):
        _say(f"the last change in the log was unfinished; it is kept in {tail}")
        log = redis_log.read_log(start.folder)
    view = redis_log.view_for(kept)
    write = partial(_write_view, link=True)
    part = Trial(start.server, view, start.databases).largest(log, write)
    if log.is_whole and part == Part(log.count, True):
        shutil.rmtree(view)
        return
    _write_view(log, view, part.count, part.base, link=True)
    text = f"Redis's log was damaged. {_lost(log, part)} The damaged log is kept in {kept}."
    _say(text)
    redis_log.set_aside(start.folder, kept, new_trace(text, kept))


def _lost(log: Log, part: Part) -> str:
    lost = log.count - part.count + sum(one.lost for one in log.files)
    if not part.count and not (part.base and log.base):
        return "Nothing in it could be used: switches, events and waiting alerts are lost."
    if log.base and not part.base:
        return "Only its newer part could be used: older events and switches may be lost."
    return (
        f"Its intact part is in use; about {lost} later changes are lost."
        if lost
        else "Its intact part is in use."
    )


def _without_log(start: Start, why: str, *, is_suspect: bool) -> list[str]:
    """Return the command that starts Redis without its log, but with what that contains."""
    memory, server = start.memory, str(start.server)
    if memory is None:
        _say(f"the disk accepts no files ({why}): Redis starts empty and without a log")
        return [server, _conf_without_files(start, Path("/"), "appendonly no\n")]
    view = memory / VIEW
    text = (
        f"The disk accepts no files ({why}), so Redis was started without its log: alerts go out "
        "meanwhile, but are forgotten if the power fails."
    )
    is_whole = _load_from(start, view, is_suspect=is_suspect)
    if not is_whole:
        text += " It could not load all of the log that is on the disk."
    _say(text)
    redis_traces.write_no_log(memory, new_trace(text, pid=os.getpid(), whole=is_whole))
    return [server, _conf_without_files(start, view, _may_move(start.server))]


def _conf_without_files(start: Start, folder: Path, more: str) -> str:
    """Return the path of the configuration, changed to keep all files in *folder*, with *more*.

    The file is in memory, and exists as long as this process.
    """
    text = re.sub(r"^dir .*$", "", start.conf_text(), flags=re.MULTILINE)
    file = os.memfd_create(_CONF, 0)
    os.write(file, (text + _NO_FILES.format(folder=folder) + more).encode())
    return f"/proc/self/fd/{file}"


def _load_from(start: Start, view: Path, *, is_suspect: bool) -> bool:
    """Write a view of the log into memory; returns whether it has all of the log."""
    log = redis_log.read_log(start.folder)
    part = Part(log.count, True)
    try:
        if is_suspect or not log.is_whole:
            part = Trial(start.server, view, start.databases).largest(log, _write_linked)
        _write_linked(log, view, part.count, part.base)
    except OSError as error:  # also SuiteError
        _say(f"the log on the disk cannot be loaded: {error}")
        shutil.rmtree(view, ignore_errors=True)
        view.mkdir()
        return False
    return log.is_whole and part == Part(log.count, True)


def _write_view(log: Log, view: Path, count: int, base: bool, *, link: bool) -> None:
    redis_log.write_view(log, view, count, base=base, link=link)


def _write_linked(log: Log, view: Path, count: int, base: bool) -> None:
    _write_view(log, view, count, base, link=False)


def _may_move(server: Path) -> str:
    try:
        version = version_of(server)
    except StateUnavailable:
        return _MAY_MOVE
    return "" if version.startswith("6.") else _MAY_MOVE


def _say(text: str) -> None:
    sys.stdout.write(f"{datetime.now():%Y-%m-%d %H:%M:%S} {text}\n")  # noqa: DTZ005


if __name__ == "__main__":
    main()
