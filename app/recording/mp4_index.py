"""The index of an MP4 file: made of the head of a file of fragments and the table of its pictures.

What libav has put into the head stays: the parameters of the decoder, the size of the pictures, and
the comment.
"""

import struct
from collections.abc import Iterable, Iterator
from itertools import groupby

from app.recording.boxes import FULL_HEAD_BYTES, HEAD_BYTES, box, boxes_in, find_box, full_box
from app.recording.mp4 import TICKS_PER_S
from app.recording.picture_table import PictureTable

#: The boxes in which something is replaced or added.
_PARENTS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
#: The boxes that only a file of fragments has, and those that are made for the new index.
_DROPPED = (b"mvex", b"edts", b"stts", b"ctts", b"stss", b"stsc", b"stsz", b"stco", b"co64")
#: The position of the matrix in a `tkhd`, and the matrix that turns pictures upside down.
_MATRIX_AT = 48
_UPSIDE_DOWN = struct.pack(">9i", -0x10000, 0, 0, 0, -0x10000, 0, 0, 0, 0x40000000)
_LARGEST_32 = 0xFFFF_FFFF


def begin_at(head: bytes, zero: int) -> bytes:
    """Return *head*, a box `moov`, with an edit list: *zero* is the tick where players begin."""
    return _rebuilt(head, 0, len(head), edit=_edit_list(zero, 0, _movie_scale(head)), table=())


def zero_of(head: bytes) -> int:
    """Return the tick where players begin, by the edit list of *head*, a box `moov`."""
    edits = find_box(head, b"moov", b"trak", b"edts", b"elst")
    if edits is None:
        return 0
    zero = 0
    content = head[edits.begin + FULL_HEAD_BYTES + 4 : edits.end]
    for duration, media_at, _ in struct.iter_unpack(">IiI", content):
        if media_at >= 0:
            return zero + int(media_at)
        zero -= round(duration * TICKS_PER_S / _movie_scale(head))
    return zero


def make_index(head: bytes, table: PictureTable, shown_ticks: int, *, turned: bool) -> bytes:
    """Return the box `moov` for the pictures in *table*, which players show for *shown_ticks*.

    *turned* says whether players turn the pictures upside down.
    """
    scale = _movie_scale(head)
    durations = table.durations()
    index = bytearray(
        _rebuilt(
            head,
            0,
            len(head),
            edit=_edit_list(zero_of(head), shown_ticks, scale),
            table=tuple(_tables(table, durations)),
        )
    )
    shown = round(shown_ticks * scale / TICKS_PER_S)
    for path, offset, value in (
        ((b"moov", b"mvhd"), 24, shown),
        ((b"moov", b"trak", b"tkhd"), 28, shown),
        ((b"moov", b"trak", b"mdia", b"mdhd"), 24, sum(durations)),
    ):
        found = find_box(index, *path)
        if found:
            struct.pack_into(">I", index, found.begin + offset, value)
    track = find_box(index, b"moov", b"trak", b"tkhd")
    if turned and track:
        at = track.begin + _MATRIX_AT
        index[at : at + len(_UPSIDE_DOWN)] = _UPSIDE_DOWN
    return bytes(index)


def _movie_scale(head: bytes) -> int:
    """Return the ticks a second in which *head* says how long the file is."""
    movie = find_box(head, b"moov", b"mvhd")
    if movie is None:
        return TICKS_PER_S
    (scale,) = struct.unpack_from(">I", head, movie.begin + 20)
    return int(scale) or TICKS_PER_S


def _rebuilt(head: bytes, begin: int, end: int, edit: bytes, table: tuple[bytes, ...]) -> bytes:
    """Return the boxes of *head* from *begin* to *end*, with *edit* and, if not empty, *table*."""
    made = []
    for kind, start, stop in boxes_in(head, begin, end):
        inside = start + HEAD_BYTES
        if kind in _PARENTS:
            added = table if kind == b"stbl" else ()
            made.append(box(kind, _rebuilt(head, inside, stop, edit, table), *added))
        elif kind == b"edts" or (kind in _DROPPED and table):
            continue
        else:
            made.append(head[start:stop])
            made.extend([edit] if kind == b"tkhd" else [])
    return b"".join(made)


def _edit_list(zero: int, shown_ticks: int, scale: int) -> bytes:
    """Return an edit list that begins at the tick *zero*, perhaps before the first picture."""
    shown = round(shown_ticks * scale / TICKS_PER_S)
    rows = [struct.pack(">Iii", shown, max(zero, 0), 0x10000)]
    if zero < 0:
        rows.insert(0, struct.pack(">Iii", round(-zero * scale / TICKS_PER_S), -1, 0x10000))
    return box(b"edts", full_box(b"elst", 0, 0, struct.pack(">I", len(rows)), *rows))


def _tables(table: PictureTable, durations: list[int]) -> Iterator[bytes]:
    yield full_box(b"stts", 0, 0, _counted(_runs(durations)))
    if any(table.shown_after):
        yield full_box(b"ctts", 0, 0, _counted(_runs(table.shown_after)))
    keys = [number for number, key in enumerate(table.keys, start=1) if key]
    yield full_box(b"stss", 0, 0, _counted((number,) for number in keys))
    begins = _chunk_begins(table)
    yield full_box(b"stsc", 0, 0, _counted(_chunk_sizes(begins, len(table))))
    sizes = struct.pack(f">II{len(table)}I", 0, len(table), *table.sizes)
    yield full_box(b"stsz", 0, 0, sizes)
    at = [table.positions[number] for number in begins]
    wide = at[-1] > _LARGEST_32
    places = struct.pack(f">I{len(at)}{'Q' if wide else 'I'}", len(at), *at)
    yield full_box(b"co64" if wide else b"stco", 0, 0, places)


def _counted(rows: Iterable[tuple[int, ...]]) -> bytes:
    packed = [struct.pack(f">{len(row)}I", *row) for row in rows]
    return struct.pack(">I", len(packed)) + b"".join(packed)


def _runs(values: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield how many equal *values* follow one another, and the value."""
    for value, same in groupby(values):
        yield sum(1 for _ in same), value


def _chunk_begins(table: PictureTable) -> list[int]:
    """Return the numbers, from 0, of the pictures that do not follow another without a gap."""
    end, begins = -1, []
    for number, (position, size) in enumerate(zip(table.positions, table.sizes, strict=True)):
        if position != end:
            begins.append(number)
        end = position + size
    return begins


def _chunk_sizes(begins: list[int], count: int) -> Iterator[tuple[int, int, int]]:
    """Yield where a number of pictures in a chunk begins to apply, and that number."""
    last = 0
    ends = [*begins[1:], count]
    for chunk, (begin, end) in enumerate(zip(begins, ends, strict=True), start=1):
        if end - begin != last:
            last = end - begin
            yield chunk, last, 1
