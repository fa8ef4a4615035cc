"""The table of a clip's pictures: where each is in the file, and when it is shown.

It is read from the fragments of a file. `mp4_index` makes an index of it.
"""

import os
import struct
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import NamedTuple

from app.recording.boxes import FULL_HEAD_BYTES, HEAD_BYTES, boxes_in, find_box

#: No fragment of ours has a larger description; a larger one is garbage.
_LARGEST_BOX = 4_000_000
_NOT_A_KEY = 0x10000
#: No time in a file of ours is later, in ticks: it is over six hours.
_LATEST = 2**31
#: The flags of a run of pictures: what comes before the values, and which values each picture has.
_OFFSET, _FIRST_FLAGS = 0x1, 0x4
_VALUES = (0x100, 0x200, 0x400, 0x800)


class _Run(NamedTuple):
    """Pictures that follow one another in the file, the first *offset* bytes after their `moof`.

    The columns are those of a `PictureTable`, with a duration and flags for each picture.
    """

    offset: int
    decoded_at: int
    durations: Sequence[int]
    sizes: Sequence[int]
    flags: Sequence[int]
    shown_after: Sequence[int]


class _Defaults(NamedTuple):
    """The figures of a picture whose run does not have them."""

    duration: int = 0
    size: int = 0
    flags: int = 0


@dataclass(slots=True)
class PictureTable:
    """Columns with a figure for each picture, in the order of decoding; times are in ticks.

    *shown_after* is the time from decoding to showing. *positions* are in the file. *last_ticks* is
    the duration of the last picture.
    """

    positions: "array[int]" = field(default_factory=lambda: array("Q"))
    sizes: "array[int]" = field(default_factory=lambda: array("I"))
    decoded_at: "array[int]" = field(default_factory=lambda: array("q"))
    shown_after: "array[int]" = field(default_factory=lambda: array("i"))
    keys: bytearray = field(default_factory=bytearray)
    last_ticks: int = 0

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def end(self) -> int:
        """Return the position after the last picture in the file."""
        return self.positions[-1] + self.sizes[-1]

    def durations(self) -> list[int]:
        """Return the time from each picture to the next, in the order of decoding."""
        between = (later - at for at, later in pairwise(self.decoded_at))
        return [*between, self.last_ticks] if self else []

    def keep(self, count: int) -> None:
        """Drop all pictures but the first *count*."""
        if 0 < count < len(self):
            self.last_ticks = self.decoded_at[count] - self.decoded_at[count - 1]
        for column in (self.positions, self.sizes, self.decoded_at, self.shown_after, self.keys):
            del column[count:]

    def extend(
        self,
        position: int,
        decoded_at: Sequence[int],
        sizes: Sequence[int],
        shown_after: Sequence[int],
        keys: Sequence[bool],
    ) -> None:
        """Add pictures that follow one another in the file from *position* on."""
        self.positions.extend(accumulate(sizes[:-1], initial=position))
        self.decoded_at.extend(decoded_at)
        self.sizes.extend(sizes)
        self.shown_after.extend(shown_after)
        self.keys.extend(keys)

    def add(self, run: _Run, begin: int, end: int) -> bool:
        """Add the pictures of *run* that are before *end*; its `moof` is at *begin*.

        Returns False when some are not, or when *run* is garbage.
        """
        if not self._is_next(run):
            return False
        edges = list(accumulate(run.sizes, initial=begin + run.offset))
        count = bisect_right(edges, end) - 1
        if count > 0:
            times = list(accumulate(run.durations, initial=run.decoded_at))
            keys = [not flags & _NOT_A_KEY for flags in run.flags[:count]]
            sizes, shown_after = run.sizes[:count], run.shown_after[:count]
            self.extend(edges[0], times[:count], sizes, shown_after, keys)
            self.last_ticks = run.durations[count - 1]
        return count == len(run.sizes)

    def _is_next(self, run: _Run) -> bool:
        """Return whether *run* can follow: its times increase, and it is not absurdly late."""
        earliest = self.decoded_at[-1] if self else 0
        columns = (run.durations, run.sizes, run.shown_after)
        return not run.sizes or (
            earliest <= run.decoded_at <= run.decoded_at + sum(run.durations) < _LATEST
            and min(map(min, columns)) >= 0
        )


@dataclass(frozen=True, slots=True)
class FragmentedFile:
    """The content of a file of fragments: its *head*, the box `moov` at *head_at*, and its *table*.

    *data_at* are the positions of the boxes that hold the pictures.
    """

    head: bytes
    head_at: int
    table: PictureTable
    data_at: list[int]


def read_fragments(descriptor: int) -> FragmentedFile | None:
    """Return the content of a file up to the point where it breaks off; None when it has no head.

    A picture counts when all of it is in the file.
    """
    head, head_at = b"", 0
    data_at: list[int] = []
    table = PictureTable()
    runs: list[_Run] = []
    described_at = 0
    reader, usual = _Reader(descriptor), _Defaults()
    for kind, begin, end in reader.boxes():
        if kind == b"moov" and not head:
            head, head_at = reader.read(begin, end - begin), begin
            usual = _usual(head)
        elif kind == b"moof" and head:
            runs, described_at = _runs(reader.read(begin, end - begin), usual), begin
        elif kind == b"mdat" and runs:
            data_at.append(begin)
            inside = begin + HEAD_BYTES - described_at
            if not all(run.offset >= inside and table.add(run, described_at, end) for run in runs):
                break
            runs = []
        elif kind not in (b"ftyp", b"free", b"styp"):
            break
    return FragmentedFile(head, head_at, table, data_at) if head else None


class _Reader:
    """Reads small pieces of the file *descriptor*, which lie near one another."""

    def __init__(self, descriptor: int) -> None:
        self.whole = os.fstat(descriptor).st_size
        self._descriptor = descriptor
        self._begin, self._kept = 0, b""

    def read(self, begin: int, size: int) -> bytes:
        """Return *size* bytes from *begin* on; fewer at the end of the file."""
        if not self._begin <= begin <= begin + size <= self._begin + len(self._kept):
            self._begin, self._kept = begin, os.pread(self._descriptor, max(size, 2048), begin)
        return self._kept[begin - self._begin :][:size]

    def boxes(self) -> Iterator[tuple[bytes, int, int]]:
        """Yield name, beginning and end of the boxes; only one with pictures may be incomplete."""
        begin = 0
        while begin + HEAD_BYTES <= self.whole:
            size, kind = struct.unpack(">I4s", self.read(begin, HEAD_BYTES))
            if size < HEAD_BYTES or (kind != b"mdat" and size > _LARGEST_BOX):
                return
            if begin + size > self.whole:
                if kind == b"mdat":
                    yield kind, begin, self.whole
                return
            yield kind, begin, begin + size
            begin += size


def _runs(fragment: bytes, usual: _Defaults) -> list[_Run]:
    """Return the runs that *fragment*, a box `moof`, describes; none when it is garbage."""
    found = list[_Run]()
    described = find_box(fragment, b"moof", b"traf")
    if described is None:
        return found
    defaults, decoded_at = usual, 0
    try:
        for kind, begin, end in boxes_in(fragment, described.begin + HEAD_BYTES, described.end):
            if kind == b"tfhd":
                defaults = _defaults(fragment, begin, usual)
            elif kind == b"tfdt":
                layout = ">Q" if fragment[begin + HEAD_BYTES] else ">I"
                (decoded_at,) = struct.unpack_from(layout, fragment, begin + FULL_HEAD_BYTES)
            elif kind == b"trun":
                run = _run(fragment[begin:end], decoded_at, defaults)
                found.append(run)
                decoded_at += sum(run.durations)
    except (struct.error, IndexError):
        return []
    return found


def _usual(head: bytes) -> _Defaults:
    """Return the defaults for the pictures of all fragments, by *head*, a box `moov`."""
    found = find_box(head, b"moov", b"mvex", b"trex")
    if found is None or found.end - found.begin < FULL_HEAD_BYTES + 20:
        return _Defaults()
    return _Defaults(*struct.unpack_from(">III", head, found.begin + FULL_HEAD_BYTES + 8))


def _defaults(fragment: bytes, begin: int, usual: _Defaults) -> _Defaults:
    """Return the defaults in the box `tfhd` at *begin*, those that it leaves out from *usual*."""
    found = list(usual)
    (flags,) = struct.unpack_from(">I", fragment, begin + HEAD_BYTES)
    at = begin + FULL_HEAD_BYTES + 4 + (8 if flags & 0x1 else 0) + (4 if flags & 0x2 else 0)
    for number, flag in enumerate((0x8, 0x10, 0x20)):
        if flags & flag:
            (found[number],) = struct.unpack_from(">I", fragment, at)
            at += 4
    return _Defaults(*found)


def _run(run: bytes, decoded_at: int, defaults: _Defaults) -> _Run:
    """Return the pictures of *run*, a box `trun`, the first of which is *decoded_at*."""
    flags, count = struct.unpack_from(">II", run, HEAD_BYTES)
    at, offset, first = FULL_HEAD_BYTES + 4, 0, None
    if flags & _OFFSET:
        (offset,) = struct.unpack_from(">i", run, at)
        at += 4
    if flags & _FIRST_FLAGS:
        (first,) = struct.unpack_from(">I", run, at)
        at += 4
    given = [value for value in _VALUES if flags & value]
    count = min(count, _LARGEST_BOX)
    values = struct.unpack_from(f">{count * len(given)}i", run, at)
    columns = {value: values[number :: len(given)] for number, value in enumerate(given)}
    usual = dict(zip(_VALUES, (*defaults, 0), strict=True))
    durations, sizes, marks, shown_after = (
        columns[value] if value in columns else (usual[value],) * count for value in _VALUES
    )
    if first is not None and not flags & 0x400:
        marks = (first, *marks[1:])
    return _Run(offset, decoded_at, durations, sizes, marks, shown_after)
