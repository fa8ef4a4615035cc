"""The pictures in a file of fragments are found, whatever the file holds otherwise."""

import os
import struct
from itertools import pairwise
from pathlib import Path
from random import Random

import av
import pytest

from app.recording.boxes import box, full_box
from app.recording.picture_table import FragmentedFile, read_fragments


def read(path: Path) -> FragmentedFile | None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return read_fragments(descriptor)
    finally:
        os.close(descriptor)


def test_the_table_is_what_libav_reads(killed_part: bytes, tmp_path: Path) -> None:
    path = tmp_path / "part"
    path.write_bytes(killed_part)
    found = read(path)
    assert found
    table = found.table
    with av.open(str(path)) as opened:
        packets = [one for one in opened.demux(video=0) if one.dts is not None]
    assert list(table.sizes) == [packet.size for packet in packets]
    assert list(table.positions) == [packet.pos for packet in packets]
    assert list(map(bool, table.keys)) == [packet.is_keyframe for packet in packets]
    assert list(table.shown_after) == [(one.pts or 0) - (one.dts or 0) for one in packets]
    assert table.durations()[:-1] == [
        (later.dts or 0) - (one.dts or 0) for one, later in pairwise(packets)
    ]


def test_garbage_is_no_error(killed_part: bytes, tmp_path: Path) -> None:
    path, random = tmp_path / "part", Random(1)
    for _ in range(200):
        content = bytearray(killed_part)
        for _ in range(random.choice((1, 20, 2000))):
            content[random.randrange(len(content))] = random.randrange(256)
        path.write_bytes(content[: random.randrange(len(content))])
        found = read(path)
        if found:
            assert all(map(path.stat().st_size.__ge__, found.table.positions))


@pytest.mark.parametrize("given", [0x0, 0x100, 0x300, 0xB00])
def test_what_a_run_leaves_out_is_the_default(tmp_path: Path, given: int) -> None:
    trex = full_box(b"trex", 0, 0, struct.pack(">5I", 1, 1, 3000, 5, 0x10000))
    values = [value for flag, value in ((0x100, 4000), (0x200, 4), (0x800, 70)) if given & flag]
    run = (
        struct.pack(">IiI", 3, 80 + 12 * len(values), 0)
        + struct.pack(f">{len(values)}I", *values) * 3
    )
    traf = (
        full_box(b"tfhd", 0, 0x20000, struct.pack(">I", 1)),
        full_box(b"tfdt", 0, 0, struct.pack(">I", 77)),
        full_box(b"trun", 0, given | 0x5, run),
    )
    moof = box(b"moof", box(b"traf", *traf))
    path = tmp_path / "part"
    path.write_bytes(box(b"moov", box(b"mvex", trex)) + moof + box(b"mdat", b"x" * 15))
    found = read(path)
    assert found
    size, duration = 4 if given & 0x200 else 5, 4000 if given & 0x100 else 3000
    assert list(found.table.sizes) == [size] * 3
    assert list(found.table.decoded_at) == [77, 77 + duration, 77 + 2 * duration]
    assert list(found.table.keys) == [True, False, False]
    assert set(found.table.shown_after) == {70 if given & 0x800 else 0}
    assert found.table.positions[0] == 48 + len(moof) + 8
