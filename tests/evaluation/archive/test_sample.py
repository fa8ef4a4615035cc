"""Samples as the suite writes them, and tars that do harm."""

import io
import json
import struct
import tarfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.evaluation.archive import sample as samples
from app.evaluation.archive.sample import Sample, SampleError, decoded, read_sample
from app.frames import Box, jpeg
from app.protocol import event_id
from tests.evaluation.tagged import NOON, TaggedHouse, picture

EVENT = event_id(NOON, "front")
KEY = EVENT.replace(".", "-")
GOOD: dict[str, Any] = {
    "id": EVENT,
    "kind": "alert",
    "at": NOON.isoformat(),
    "frames": [],
    "classification": {"motion": True, "boxes": []},
}


def read(files: dict[str, bytes]) -> Sample:
    return read_sample(io.BytesIO(tar_of(files)), EVENT)


def tar_of(files: dict[str, bytes]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return written.getvalue()


def described(**changes: Any) -> dict[str, bytes]:
    return {
        f"{KEY}.json": json.dumps(GOOD | changes).encode(),
        f"{KEY}.frame.jpg": jpeg(picture(1)),
    }


def test_a_sample_of_the_suite_is_read_whole(tmp_path: Path) -> None:
    house, box = TaggedHouse(tmp_path), Box(1, 2, 30, 40)
    path = house.add_sample(NOON, [picture(number) for number in range(5)], boxes=[box])
    with path.open("rb") as file:
        found = read_sample(file, EVENT)
    assert (found.id, found.kind, found.motion, found.boxes) == (EVENT, "alert", True, (box,))
    assert [NOON - one.at for one in found.frames] == [
        timedelta(seconds=number / 10) for number in (4, 3, 2, 1, 0)
    ]
    assert decoded(found.frames[0].jpeg).shape == (48, 64, 3)
    assert found.background is not None and np.all(found.background == 90)
    assert found.settings == {"motion": {}}


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "description is missing"),
        ({"../../etc/passwd": b"x"}, "something else"),
        ({f"/{KEY}.json": b"{}"}, "something else"),
        ({f"{KEY}.json": b"not JSON"}, "not JSON"),
        ({f"{KEY}.json": b"[" * 100_000}, "not JSON"),
        ({f"{KEY}.json": b"{}"}, "not as it should be"),
        (described(id=EVENT.replace("front", "back")), "another event"),
        (described(at="2026-11-20T12:00:00"), "not as it should be: at"),
        (described(frames=[{"file": "00.jpg", "at": NOON.isoformat()}]), "00.jpg is missing"),
        ({f"{KEY}.json": json.dumps(GOOD).encode()}, "frame.jpg is missing"),
        ({f"{KEY}.json": bytes(2**24 + 1)}, "too much"),
        ({f"{KEY}.{number}.jpg": b"" for number in range(1101)}, "too much"),
    ],
)
def test_a_harmful_tar_is_refused(files: dict[str, bytes], reason: str) -> None:
    with pytest.raises(SampleError, match=reason):
        read(files)


def test_a_link_in_a_tar_is_refused() -> None:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        link = tarfile.TarInfo(f"{KEY}.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    written.seek(0)
    with pytest.raises(SampleError, match="something else"):
        read_sample(written, EVENT)


@pytest.mark.parametrize("content", [b"", b"no tar at all", bytes(600), b"\x1f\x8b" + bytes(600)])
def test_what_is_no_tar_is_refused(content: bytes) -> None:
    with pytest.raises(SampleError):
        read_sample(io.BytesIO(content), EVENT)


def test_a_tar_that_was_cut_is_refused() -> None:
    whole = tar_of(described())
    with pytest.raises(SampleError):
        read_sample(io.BytesIO(whole[:1800]), EVENT)


def test_a_path_in_the_description_is_not_used(tmp_path: Path) -> None:
    outside = tmp_path / "outside.jpg"
    outside.write_bytes(jpeg(picture(1)))
    found = read(described(frames=[{"file": str(outside), "at": NOON.isoformat()}]))
    assert len(found.frames) == 1


def test_a_small_jpeg_that_says_it_is_huge_is_not_decoded() -> None:
    content = jpeg(picture(1))
    place = content.index(b"\xff\xc0") + 5
    huge = content[:place] + struct.pack(">HH", 65000, 65000) + content[place + 4 :]
    with pytest.raises(SampleError, match="far too large"):
        decoded(huge)


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"\xff\xd8\xff", jpeg(picture(1))[:200]])
def test_a_damaged_picture_is_named(content: bytes) -> None:
    with pytest.raises(SampleError, match="damaged"):
        decoded(content)


def test_a_background_that_is_no_picture_is_none() -> None:
    for content in (b"", b"x" * 40, b"\x89PNG" + bytes(12) + struct.pack(">II", 9999999, 9999999)):
        found = read(described() | {f"{KEY}.background.png": content})
        assert found.background is None


def test_the_limits_leave_room_for_the_largest_setting() -> None:
    assert samples.LARGEST_SAMPLE > 1000 * 300_000
