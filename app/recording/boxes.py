"""The boxes of MP4 files: a size of 4 bytes, a name of 4 bytes, and the content."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

#: The bytes of a box before its content; a box with a version and flags has 4 more.
HEAD_BYTES = 8
FULL_HEAD_BYTES = 12


class FileBox(NamedTuple):
    """A box named *kind*, from *begin* to *end* of the bytes that hold it."""

    kind: bytes
    begin: int
    end: int


def box(kind: bytes, *content: bytes) -> bytes:
    """Return the box *kind* with *content*."""
    joined = b"".join(content)
    return struct.pack(">I4s", HEAD_BYTES + len(joined), kind) + joined


def full_box(kind: bytes, version: int, flags: int, *content: bytes) -> bytes:
    """Return the box *kind* with a *version*, its *flags* and *content*."""
    return box(kind, struct.pack(">I", version << 24 | flags), *content)


def boxes_in(data: bytes | bytearray, begin: int = 0, end: int | None = None) -> Iterator[FileBox]:
    """Yield the boxes in *data* from *begin* to *end*, up to the first that is not whole."""
    end = len(data) if end is None else end
    while begin + HEAD_BYTES <= end:
        size, kind = struct.unpack_from(">I4s", data, begin)
        if size < HEAD_BYTES or begin + size > end:
            return
        yield FileBox(kind, begin, begin + size)
        begin += size


def find_box(data: bytes | bytearray, *path: bytes) -> FileBox | None:
    """Return the first box of *data* whose names from the outermost on are *path*, or None."""
    begin, end = 0, len(data)
    found = None
    for kind in path:
        found = next((one for one in boxes_in(data, begin, end) if one.kind == kind), None)
        if found is None:
            return None
        begin, end = found.begin + HEAD_BYTES, found.end
    return found
