"""Makes a clip of a file that was written as fragments, even if its last bytes are missing.

The pictures stay where they are. An index comes after them, and then the head of the file changes:
what was a row of fragments is now one box of pictures. This works after a kill, too.
"""

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import av

from app.errors import ClipError
from app.files import put_in_place
from app.recording.boxes import HEAD_BYTES, find_box
from app.recording.fragments import ClipMetadata
from app.recording.mp4 import TICKS_PER_S, without_log
from app.recording.mp4_index import make_index, zero_of
from app.recording.picture_table import FragmentedFile, PictureTable, read_fragments

_LARGEST_32 = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class ClipSurvey:
    """The content of a clip's file: its *metadata*, and the seconds for which it is shown."""

    metadata: ClipMetadata
    shown_s: float


class NothingShown(ClipError):
    """A file holds no picture that could be shown."""


def finish(
    part: Path, clip: Path, end_s: float | None = None, known: FragmentedFile | None = None
) -> ClipSurvey:
    """Make *part* the file *clip*, up to *end_s* if that is given.

    *known* is the content of *part*, if it need not be read. `NothingShown` when *part* shows
    nothing before *end_s*. *clip* is complete afterwards, or there is none. A kill at any moment
    leaves a *part* of which the same clip can be made.
    """
    with part.open("r+b") as file:
        fragments = None if _has_index(file) else known or read_fragments(file.fileno())
        try:
            found = _finish_in_place(file, fragments, end_s) if fragments else survey(part)
        except (struct.error, OverflowError) as error:
            raise ClipError(f"{part} is broken: {error}") from None
    put_in_place(part, clip)
    return found


def shows_anything(part: Path) -> bool:
    """Return whether a clip can be made of *part*. `OSError` when the disk cannot be read."""
    try:
        with part.open("rb") as file:
            if _has_index(file):
                return True
            fragments = read_fragments(file.fileno())
    except FileNotFoundError:
        return False
    return fragments is not None and _last_shown(fragments) > 0


def survey(file: Path) -> ClipSurvey:
    """Return the content of *file*, which has an index; `NothingShown` without pictures."""
    try:
        with av.open(str(file)) as opened:
            metadata = ClipMetadata.from_text(opened.metadata.get("comment", ""))
            shown_s = (opened.duration or 0) / av.time_base
    except av.FFmpegError as error:
        if isinstance(error, OSError):
            raise without_log(error) from None
        raise NothingShown(f"{file} holds no video: {without_log(error)}") from None
    if shown_s <= 0:
        raise NothingShown(f"{file} shows nothing")
    return ClipSurvey(metadata, shown_s)


def _has_index(file: IO[bytes]) -> bool:
    """Return whether *file* is finished: its pictures are one box, which comes second."""
    file.seek(0)
    size, kind = struct.unpack(">I4s", file.read(HEAD_BYTES).ljust(HEAD_BYTES, b"\0"))
    file.seek(size if kind == b"ftyp" else 0)
    return kind == b"ftyp" and file.read(HEAD_BYTES)[4:] == b"mdat"


def _finish_in_place(file: IO[bytes], fragments: FragmentedFile, end_s: float | None) -> ClipSurvey:
    table, zero = fragments.table, zero_of(fragments.head)
    end = None if end_s is None else zero + round(end_s * TICKS_PER_S)
    shown_ticks = _keep_shown(table, end) - zero
    if not table or shown_ticks <= 0:
        raise NothingShown(f"{file.name} shows nothing")
    metadata = _metadata(fragments.head)
    index = make_index(fragments.head, table, shown_ticks, turned=metadata.turned)
    _cut_off(file, fragments)
    descriptor = file.fileno()
    _write_at(descriptor, index, table.end)
    # Until the next line, the file is one of fragments, with something behind the last.
    os.fdatasync(descriptor)
    _write_at(descriptor, _box_of_pictures(table.end - fragments.head_at), fragments.head_at)
    return ClipSurvey(metadata, shown_ticks / TICKS_PER_S)


def _last_shown(fragments: FragmentedFile) -> int:
    """Return the ticks for which players can show *fragments*."""
    return max(_shown_until(fragments.table), default=0) - zero_of(fragments.head)


def _shown_until(table: PictureTable) -> list[int]:
    return [
        decoded_at + after + duration
        for decoded_at, after, duration in zip(
            table.decoded_at, table.shown_after, table.durations(), strict=True
        )
    ]


def _keep_shown(table: PictureTable, end: int | None) -> int:
    """Keep the pictures that are shown before *end*, and those that they need.

    Return the tick at which players stop. Pictures that others need may be shown later: the edit
    list hides them.
    """
    until = _shown_until(table)
    if end is None:
        return max(until, default=0)
    wanted = [
        number
        for number, (decoded_at, after) in enumerate(
            zip(table.decoded_at, table.shown_after, strict=True)
        )
        if decoded_at + after < end
    ]
    if not wanted:
        return 0
    table.keep(wanted[-1] + 1)
    return min(max(until[number] for number in wanted), end)


def _cut_off(file: IO[bytes], fragments: FragmentedFile) -> None:
    """Cut off what comes after the last picture, so that nothing is mistaken for a picture."""
    descriptor, end = file.fileno(), fragments.table.end
    if os.fstat(descriptor).st_size == end:
        return
    data_at = max(begin for begin in fragments.data_at if begin < end)
    size = struct.pack(">I", end - data_at)
    if os.pread(descriptor, 4, data_at) != size:
        _write_at(descriptor, size, data_at)
        os.fdatasync(descriptor)
    os.ftruncate(descriptor, end)


def _box_of_pictures(size: int) -> bytes:
    """Return the head of a box of *size* bytes, which covers all fragments."""
    if size > _LARGEST_32:
        return struct.pack(">I4sQ", 1, b"mdat", size)
    return struct.pack(">I4s", size, b"mdat")


def _write_at(descriptor: int, data: bytes, position: int) -> None:
    left = memoryview(data)
    while left:
        done = os.pwrite(descriptor, left, position)
        left, position = left[done:], position + done


def _metadata(head: bytes) -> ClipMetadata:
    """Return the metadata in the comment of *head*, a box `moov`."""
    # The box `meta` has a version and flags before its boxes.
    meta = find_box(head, b"moov", b"udta", b"meta")
    if meta is None:
        return ClipMetadata()
    inside = head[meta.begin + HEAD_BYTES + 4 : meta.end]
    text = find_box(inside, b"ilst", b"\xa9cmt", b"data")
    if text is None:
        return ClipMetadata()
    return ClipMetadata.from_text(
        inside[text.begin + HEAD_BYTES + 8 : text.end].decode(errors="replace")
    )
