"""Redis's append-only log: its files, their intact part, and a copy of that part.

Redis 7 has a folder `appendonlydir` with a manifest, a base (an RDB) and files of commands. Redis
6.2 has one file `appendonly.aof`, which may begin with an RDB. A folder of the same layout with
only the intact part is a view. It has links to whole files, and copies of shortened ones.
"""

import mmap
import os
import re
import shutil
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from app.launcher.redis_traces import TRACE, Trace, encoded

FOLDER, SINGLE_FILE = NAMES = ("appendonlydir", "appendonly.aof")
_MANIFEST = "appendonly.aof.manifest"
_ENTRY = re.compile(r"file (\S+) seq (\d+) type ([bih])( .*)?")
_FILE = re.compile(r".+\.(\d+)\.(base\.(?:rdb|aof)|incr\.aof)")
_ARRAY = re.compile(rb"\*(\d{1,7})\r\n")
_ITEM = re.compile(rb"\$(\d{1,10})\r\n")
_COMMAND = re.compile(rb"\*\d{1,7}\r\n\$\d{1,3}\r\n[A-Za-z]+\r\n")
_BEGIN, _END = b"*1\r\n$5\r\nMULTI\r\n", b"*1\r\n$4\r\nEXEC\r\n"
_RDB = b"REDIS"
# An RDB ends with 0xff and a checksum; Redis then begins with a SELECT.
_END_OF_RDB = re.compile(rb"\xff.{8}(?=\*2\r\n\$6\r\nSELECT\r\n)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Commands:
    """The commands in the file *path*, which has *size* bytes.

    They begin at *start*. *ends* has the end of each command or transaction of the intact part.
    *lost* is the number of commands after it, as far as they can be recognised. *is_cut* says
    whether the file only ends too early, as after a power cut.
    """

    path: Path
    seq: int
    start: int
    size: int
    ends: Sequence[int]
    lost: int
    is_cut: bool

    @property
    def intact(self) -> int:
        """The end of the intact part."""
        return self.ends[-1] if self.ends else self.start

    def end_of(self, count: int) -> int:
        """Return the end of the first *count* commands."""
        return self.ends[count - 1] if count else self.start


@dataclass(frozen=True, slots=True)
class Log:
    """A log: a *base* with its number, and files of commands.

    In the single file of Redis 6.2 the base is the beginning of that file.
    """

    base: Path | None = None
    base_seq: int = 0
    files: list[Commands] = field(default_factory=list)
    is_single: bool = False
    #: Files are missing or cannot be read.
    has_gaps: bool = False

    @property
    def count(self) -> int:
        """The number of intact commands and transactions."""
        return sum(len(one.ends) for one in self.files)

    @property
    def is_whole(self) -> bool:
        """Return whether nothing of it is damaged, as far as that shows without loading it."""
        return not self.has_gaps and all(one.intact == one.size for one in self.files)


def read_log(folder: Path) -> Log:
    """Return the log in *folder*; what cannot be read is left out, and leaves a gap."""
    try:
        names = [path.name for path in folder.iterdir()]
        if FOLDER in names:
            return _read_folder(folder / FOLDER)
    except OSError:  # also a folder that is not there: perhaps its disk is not mounted
        return Log(has_gaps=True)
    if SINGLE_FILE not in names:
        return Log()
    single = folder / SINGLE_FILE
    commands = _read_commands(single, 1)
    if commands is None:
        return Log(has_gaps=True)
    return Log(single if commands.start else None, 1, [commands], is_single=True)


def exists(folder: Path) -> bool:
    """Return whether there is a log in *folder*, or something in its place."""
    return any(os.path.lexists(folder / name) for name in NAMES)


def new_kept(folder: Path) -> Path:
    """Return the path of a new folder for a log of *folder* that is set aside now."""
    return folder / f"damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"


def has_bad_manifest(folder: Path) -> bool:
    """Return whether there is a log in *folder* whose list of files is damaged.

    Redis would begin a new log then, without a word.
    """
    with suppress(OSError):
        files = [path for path in (folder / FOLDER).iterdir() if _FILE.fullmatch(path.name)]
        return bool(files) and _named(folder / FOLDER) is None
    return os.path.lexists(folder / FOLDER)


def size(folder: Path) -> int:
    """Return the bytes of the log in *folder*; 0 when that cannot be found out."""
    with suppress(OSError):
        paths = [folder / SINGLE_FILE, *(folder / FOLDER).glob("*")]
        return sum(path.stat().st_size for path in paths if path.exists())
    return 0


def write_view(log: Log, folder: Path, count: int, *, base: bool, link: bool) -> None:
    """Write to *folder* a view of *log*: its base, if *base*, and its first *count* commands.

    Files of which all is wanted are linked, by a hard link or, without *link*, a symbolic one.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if log.is_single:
        (one,) = log.files
        start = 0 if base else one.start
        _take(one.path, folder / SINGLE_FILE, (start, one.end_of(count)), link=None)
        return
    view, entries = folder / FOLDER, []
    view.mkdir()
    if base and log.base:
        _link(log.base, view / log.base.name, hard=link)
        entries.append(f"file {log.base.name} seq {log.base_seq} type b")
    for one in log.files:
        taken = min(count, len(one.ends))
        count -= taken
        if taken:
            _take(one.path, view / one.path.name, (0, one.end_of(taken)), link=link)
            entries.append(f"file {one.path.name} seq {one.seq} type i")
    _write_end(view, entries, 1 + max([log.base_seq, *(one.seq for one in log.files)]))


def _write_end(view: Path, entries: list[str], seq: int) -> None:
    """Write the empty file to which Redis appends, so that no linked file changes; and the list."""
    last = f"{SINGLE_FILE}.{seq}.incr.aof"
    (view / last).touch()
    lines = [*entries, f"file {last} seq {seq} type i"]
    (view / _MANIFEST).write_text("\n".join(lines) + "\n", encoding="ascii")


def set_aside(folder: Path, kept: Path, trace: Trace) -> None:
    """Move the log of *folder* into the new folder *kept*, with *trace*."""
    begun = kept.with_name(f".{kept.name}.part")
    begun.mkdir(exist_ok=True)
    (begun / TRACE).write_bytes(encoded(trace))
    os.sync()
    begun.rename(kept)
    finish(folder, kept)


def finish(folder: Path, kept: Path) -> None:
    """Move the log of *folder* into *kept* and the view beside *kept* to its place.

    A start that was killed in between is finished by the next: what is moved already stays.
    """
    view = view_for(kept)
    for name in NAMES:
        is_replaced = os.path.lexists(view / name) or not view.exists()
        if os.path.lexists(folder / name) and is_replaced and not os.path.lexists(kept / name):
            (folder / name).rename(kept / name)
    for name in NAMES:
        if os.path.lexists(view / name):
            (view / name).rename(folder / name)
    os.sync()
    shutil.rmtree(view, ignore_errors=True)


def view_for(kept: Path) -> Path:
    """Return the folder of the view that replaces the log in *kept*."""
    return kept.with_name(f".repaired-{kept.name}")


def unfinished(folder: Path) -> Iterator[Path]:
    """Yield the folders to which a killed start was moving the log of *folder*.

    Views of starts that had not begun to move are deleted.
    """
    for view in sorted(folder.glob(".repaired-*")):
        kept = view.with_name(view.name.removeprefix(".repaired-"))
        if kept.exists():
            yield kept
        else:
            shutil.rmtree(view, ignore_errors=True)


def cut_tail(log: Log, kept: Path) -> bool:
    """Cut off the unfinished last command, which a power cut leaves; the file *kept* gets it.

    Returns False, and changes nothing, when that is not all the damage.
    """
    damaged = [one for one in log.files if one.intact != one.size]
    if log.has_gaps or damaged != log.files[-1:] or not damaged[0].is_cut:
        return False
    (one,) = damaged
    _take(one.path, kept, (one.intact, one.size), link=None)
    os.truncate(one.path, one.intact)
    os.sync()
    return True


def _read_folder(folder: Path) -> Log:
    named = _named(folder)
    entries = named or _listed(folder)
    bases = [(seq, path) for kind, seq, path in entries if kind == "b"][-1:]
    read = [_read_commands(path, seq) for kind, seq, path in entries if kind == "i"]
    files = [one for one in read if one is not None]
    base_seq, base = bases[0] if bases else (0, None)
    return Log(base, base_seq, files, has_gaps=named is None or len(files) < len(read))


def _named(folder: Path) -> list[tuple[str, int, Path]] | None:
    """Return the files of the manifest; None when it is damaged or one of them is missing."""
    try:
        lines = (folder / _MANIFEST).read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    matches = [_ENTRY.fullmatch(line) for line in lines if line and not line.startswith("#")]
    found = [
        (match[3], int(match[2]), folder / match[1])
        for match in matches
        if match and "/" not in match[1]
    ]
    wanted = [entry for entry in found if entry[0] != "h"]
    is_complete = len(found) == len(matches) and all(os.access(one[2], os.R_OK) for one in wanted)
    return wanted if wanted and is_complete else None


def _listed(folder: Path) -> list[tuple[str, int, Path]]:
    """Return the newest base and all files of commands, by their names."""
    found = [(match, path) for path in folder.iterdir() if (match := _FILE.fullmatch(path.name))]
    entries = sorted((match[2][0], int(match[1]), path) for match, path in found)
    bases = [entry for entry in entries if entry[0] == "b" and os.access(entry[2], os.R_OK)]
    return [*bases[-1:], *(entry for entry in entries if entry[0] == "i")]


def _read_commands(path: Path, seq: int) -> Commands | None:
    """Return the commands in *path*; None when it cannot be read."""
    try:
        with _mapped(path) as content:
            start = _start(content)
            ends, broken = _ends(content, start)
            lost = sum(1 for _ in _COMMAND.finditer(content, ends[-1] if ends else start))
            is_cut = _COMMAND.search(content, broken + 1) is None
            return Commands(path, seq, start, len(content), ends, lost, is_cut)
    except OSError:
        return None


@contextmanager
def _mapped(path: Path) -> Iterator[mmap.mmap | bytes]:
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            yield b""
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            yield content


def _start(content: mmap.mmap | bytes) -> int:
    """Return the end of the RDB with which *content* begins; 0 without one."""
    if content[: len(_RDB)] != _RDB:
        return 0
    end = _END_OF_RDB.search(content)
    return end.end() if end else len(content)


def _ends(content: mmap.mmap | bytes, at: int) -> "tuple[array[int], int]":
    """Return the end of each whole command or transaction from *at* on, and where no other is."""
    ends, in_transaction = array("Q"), False
    while (end := _command_end(content, at)) is not None:
        if end - at in (len(_BEGIN), len(_END)):
            in_transaction = (in_transaction or content[at:end] == _BEGIN) and (
                content[at:end] != _END
            )
        if not in_transaction:
            ends.append(end)
        at = end
    return ends, at


def _command_end(content: mmap.mmap | bytes, at: int) -> int | None:
    """Return the end of the command at *at*; None when there is no whole command."""
    if content[at : at + 1] == b"#":  # a time stamp
        return content.find(b"\n", at) + 1 or None
    head = _ARRAY.match(content, at)
    if head is None or int(head[1]) < 1:
        return None
    at = head.end()
    for _ in range(int(head[1])):
        item = _ITEM.match(content, at)
        if item is None:
            return None
        at = item.end() + int(item[1]) + 2
        if content[at - 2 : at] != b"\r\n":
            return None
    return at


def _take(path: Path, to: Path, part: tuple[int, int], *, link: bool | None) -> None:
    """Link the file at *path*, or copy the bytes of *part* where that is not all of it."""
    start, end = part
    if link is not None and start == 0 and end == path.stat().st_size:
        _link(path, to, hard=link)
        return
    with path.open("rb") as source, to.open("wb") as target:
        source.seek(start)
        left = end - start
        while left and (block := source.read(min(left, 2**20))):
            target.write(block)
            left -= len(block)


def _link(path: Path, to: Path, *, hard: bool) -> None:
    if not hard:
        to.symlink_to(path.resolve())
        return
    with suppress(OSError):  # FAT has no links
        to.hardlink_to(path)
        return
    shutil.copyfile(path, to)
