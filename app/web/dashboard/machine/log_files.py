"""The log of each program on disk: its end, what was added since, and a search in it.

Every line is made safe here: without secrets, without control characters, and not too long. A log
is never read as a whole, however long it is.
"""

import os
import re
import stat
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from app.logs import printable

BLOCK = 65_536
#: The bytes of a log that are read at most to show its end, what was added, or a search in it.
TAIL_BYTES = 262_144
SEARCH_BYTES = 4 * 2**20
SEARCH_S = 1.5
#: The characters of a line that are shown.
LINE_CHARS = 2_000
#: The rotated files that a search reads besides the newest, the newest of them first.
ROTATED = (".1", ".2", ".3")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

_ENTRY = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:[.,]\d{3})?) (?P<level>[A-Z]{4,8}) "
)
#: Redis has its own form: the number of the process, its role, the time, and a sign for the level.
_REDIS = re.compile(
    r"\d+:[XCSM] (?P<day>\d\d) (?P<month>[A-Z][a-z]{2}) (?P<year>\d{4}) "
    r"(?P<clock>\d\d:\d\d:\d\d\.\d{3}) (?P<sign>[.*#-]) "
)
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_REDIS_LEVELS = {".": "DEBUG", "-": "INFO", "*": "INFO", "#": "WARNING"}
_SUPERVISORD_LEVELS = {"DEBG": "DEBUG", "WARN": "WARNING", "ERRO": "ERROR", "CRIT": "CRITICAL"}
_CURSOR = re.compile(r"(?P<file>\d{1,20})\.(?P<at>\d{1,16})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is safe to show: its *time* as the log has it, and its *level*, "" without one.

    The lines below an entry, as of a traceback, have the time and the level of the entry.
    """

    program: str
    text: str
    time: str = ""
    level: str = ""

    def is_at_least(self, level: str) -> bool:
        """Return whether this line is as important as *level*.

        A line without a level may be the trace of a crash, so it is.
        """
        return self.level not in LEVELS or LEVELS.index(self.level) >= LEVELS.index(level)


@dataclass(frozen=True, slots=True)
class LogPlace:
    """A place in a log: the number of the *file* on its disk, and the bytes before it, *at*."""

    file: int
    at: int

    def __str__(self) -> str:
        return f"{self.file}.{self.at}"

    @classmethod
    def of(cls, text: str) -> "LogPlace | None":
        """Return the place that *text* names, None when it names none."""
        found = _CURSOR.fullmatch(text)
        return cls(int(found["file"]), int(found["at"])) if found else None


@dataclass(frozen=True, slots=True)
class Added:
    """Lines from a log, the place after them, and whether lines before them were left out."""

    lines: list[Line]
    place: LogPlace | None
    skipped: bool = False


class LogReader:
    """Reads the logs in *folder*; *redact* hides secrets."""

    def __init__(self, folder: Path, redact: Callable[[str], str]) -> None:
        self._folder = folder
        self._redact = redact

    def existing(self, programs: Collection[str]) -> list[str]:
        """Return those of *programs* that have a log."""
        return [name for name in programs if self._path(name).is_file()]

    def end(self, program: str, most_lines: int, most_bytes: int = TAIL_BYTES) -> Added:
        """Return the last lines of the log of *program*."""
        with _opened(self._path(program)) as file:
            if file is None:
                return Added([], None)
            raw, start, end = _end_of(file, most_bytes)
            lines = self._lines(program, raw)
            skipped = start > 0 or len(lines) > most_lines
            return Added(lines[-most_lines:], LogPlace(_number_of(file), end), skipped)

    def added(self, program: str, since: LogPlace, most_lines: int) -> Added:
        """Return the lines that were added to the log of *program* *since* a place in it.

        The log may have been rotated or emptied meanwhile.
        """
        with _opened(self._path(program)) as file:
            if file is None:
                return Added([], since)
            before, begin = b"", 0
            if _number_of(file) == since.file:
                begin = since.at if _continues(file, since.at) else 0
            else:
                before = self._rest_of_rotated(program, since)
            raw, start, end = _end_of(file, TAIL_BYTES, begin)
            lines = self._lines(program, before + raw)
            skipped = start > begin or len(lines) > most_lines
            return Added(lines[-most_lines:], LogPlace(_number_of(file), end), skipped)

    def search(
        self, program: str, needle: str, level: str, most_lines: int, until_s: float
    ) -> tuple[list[Line], bool]:
        """Return the newest lines with *needle* that are at least *level*, the oldest first.

        Older files are read until there are enough lines, until `SEARCH_BYTES` are read, or until
        *until_s* (monotonic). The second value says whether all that exists was searched.
        """
        wanted, left = needle.casefold(), SEARCH_BYTES
        found: list[Line] = []
        for path in (self._path(program), *map(self._path, (program,) * 3, ROTATED)):
            with _opened(path) as file:
                if file is None:
                    continue
                for raw in _blocks_backwards(file, left):
                    lines = [
                        line
                        for line in self._lines(program, raw)
                        if line.is_at_least(level) and wanted in line.text.casefold()
                    ]
                    found = lines + found
                    if len(found) > most_lines or time.monotonic() > until_s:
                        return found[-most_lines:], False
                left -= os.fstat(file.fileno()).st_size
                if left <= 0:
                    return found[-most_lines:], False
        return found, True

    def _path(self, program: str, rotated: str = "") -> Path:
        """Return the path of a log; *program* is one of the names that the caller knows."""
        return self._folder / f"{program}.log{rotated}"

    def _rest_of_rotated(self, program: str, since: LogPlace) -> bytes:
        """Return what was added to the log before it was rotated."""
        with _opened(self._path(program, ROTATED[0])) as file:
            if file is None or _number_of(file) != since.file:
                return b""
            return _end_of(file, TAIL_BYTES, since.at)[0]

    def _lines(self, program: str, raw: bytes) -> list[Line]:
        text = self._redact(raw.decode("utf-8", "backslashreplace"))
        lines, at, level = [], "", ""
        for content in text.split("\n")[:-1]:
            found = _head(content)
            if found:
                at, level = found
            elif not content.startswith((" ", "\t")):
                level = ""  # not of an entry: the trace of a crash, or the words of a library
            lines.append(Line(program, _cut(printable(content.rstrip("\r"))), at, level))
        return lines


def end_of_file(path: Path, most: int) -> bytes:
    """Return the whole lines at the end of the file at *path*, of *most* bytes; b"" without one."""
    with _opened(path) as file:
        return _end_of(file, most)[0] if file else b""


def _head(content: str) -> tuple[str, str] | None:
    """Return time and level of the entry that *content* begins; None when it begins none."""
    if entry := _ENTRY.match(content):
        level = _SUPERVISORD_LEVELS.get(entry["level"], entry["level"])
        return entry["time"].replace(",", "."), level
    if entry := _REDIS.match(content):
        if entry["month"] not in _MONTHS:
            return None
        month = _MONTHS.index(entry["month"]) + 1
        at = f"{entry['year']}-{month:02d}-{entry['day']} {entry['clock']}"
        return at, _REDIS_LEVELS[entry["sign"]]
    return None


def _cut(text: str) -> str:
    left = len(text) - LINE_CHARS
    return f"{text[:LINE_CHARS]}… ({left:,} more characters)" if left > 0 else text


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes] | None]:
    """Yield the regular file at *path*, opened; None when there is none."""
    try:
        # Nobody waits here for the writer of a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        yield None
        return
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        yield file if stat.S_ISREG(os.fstat(descriptor).st_mode) else None


def _number_of(file: IO[bytes]) -> int:
    return os.fstat(file.fileno()).st_ino


def _continues(file: IO[bytes], at: int) -> bool:
    """Return whether a line of *file* ends *at*: if not, the file was emptied meanwhile."""
    return at == 0 or os.pread(file.fileno(), 1, at - 1) == b"\n"


def _end_of(file: IO[bytes], most: int, begin: int = 0) -> tuple[bytes, int, int]:
    """Return the whole lines at the end of *file*, of *most* bytes at most; then start and end.

    What is before *begin* does not count. A last line that is not complete yet is left out.
    """
    size = os.fstat(file.fileno()).st_size
    start = max(begin, size - most)
    raw = os.pread(file.fileno(), size - start, start)
    if start > begin:
        cut = raw.find(b"\n") + 1
        raw, start = (raw[cut:], start + cut) if cut else (b"", start)
    end = raw.rfind(b"\n") + 1
    return raw[:end], start, start + end


def _blocks_backwards(file: IO[bytes], most: int) -> Iterator[bytes]:
    """Yield the whole lines of *file* in blocks, the last first, of *most* bytes in all."""
    end = os.fstat(file.fileno()).st_size
    stop, rest = max(0, end - most), b""
    while end > stop:
        start = max(stop, end - BLOCK)
        raw = os.pread(file.fileno(), end - start, start) + rest
        end = start
        cut = 0 if start == 0 else raw.find(b"\n") + 1
        if cut == 0 and start > 0:  # a part of a very long line
            rest = raw[:BLOCK] + b"\n"
            continue
        rest, raw = raw[:cut], raw[cut:]
        if raw:
            yield raw
