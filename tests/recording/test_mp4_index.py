"""The index of a clip: where players begin and end, and where the pictures are."""

import struct
from array import array

from app.recording.boxes import box, find_box, full_box
from app.recording.mp4_index import begin_at, make_index, zero_of
from app.recording.picture_table import PictureTable

SCALE = 1000
MOVIE = full_box(b"mvhd", 0, 0, struct.pack(">4I", 0, 0, SCALE, 0), bytes(80))
TRACK = full_box(b"tkhd", 0, 3, bytes(80))
MEDIA = box(b"mdia", full_box(b"mdhd", 0, 0, bytes(20)), box(b"minf", box(b"stbl", box(b"stsd"))))
HEAD = box(b"moov", MOVIE, box(b"trak", TRACK, MEDIA), box(b"mvex"))
TABLES = (b"moov", b"trak", b"mdia", b"minf", b"stbl")


def table(count: int, first_at: int = 100) -> PictureTable:
    """A table of *count* pictures of 10 bytes, of which every third does not follow directly."""
    return PictureTable(
        array("Q", (first_at + 10 * number + 50 * (number // 3) for number in range(count))),
        array("I", [10] * count),
        array("q", (9000 * number for number in range(count))),
        array("i", [0] * count),
        bytearray(number % 5 == 0 for number in range(count)),
        9000,
    )


def numbers_in(index: bytes, *path: bytes) -> tuple[int, ...]:
    found = find_box(index, *path)
    assert found
    return tuple(one for (one,) in struct.iter_unpack(">i", index[found.begin + 12 : found.end]))


def test_players_begin_at_zero_wherever_it_is() -> None:
    for zero in (0, 45_000, -45_000):
        assert zero_of(begin_at(HEAD, zero)) == zero
    assert zero_of(HEAD) == 0


def test_the_index_says_when_and_where() -> None:
    index = make_index(begin_at(HEAD, 9000), table(8), 54_000, turned=True)
    assert find_box(index, b"moov", b"mvex") is None
    assert numbers_in(index, b"moov", b"trak", b"edts", b"elst") == (1, 600, 9000, 0x10000)
    assert numbers_in(index, b"moov", b"mvhd")[3] == 600
    assert numbers_in(index, b"moov", b"trak", b"tkhd")[9:14] == (-0x10000, 0, 0, 0, -0x10000)
    assert numbers_in(index, *TABLES, b"stts") == (1, 8, 9000)
    assert numbers_in(index, *TABLES, b"stss") == (2, 1, 6)
    assert numbers_in(index, *TABLES, b"stsc") == (2, 1, 3, 1, 3, 2, 1)
    assert numbers_in(index, *TABLES, b"stsz") == (0, 8, *[10] * 8)
    assert numbers_in(index, *TABLES, b"stco") == (3, 100, 180, 260)
    assert find_box(index, *TABLES, b"ctts") is None


def test_a_file_may_be_larger_than_four_gigabytes() -> None:
    index = make_index(HEAD, table(4, first_at=2**32 - 20), 36_000, turned=False)
    assert numbers_in(index, *TABLES, b"co64") == (2, 0, -20, 1, 60)
