"""The markers beside uploaded files."""

import json
from pathlib import Path

import pytest

from app.uploads.markers import (
    Confirmation,
    encoded_marker,
    marked_path,
    marker_path,
    read_confirmations,
)

CONFIRMATION = Confirmation("clips/a.mp4", 1000, "ab" * 32, 5, "2026-11-20T12:00:00+00:00")


def test_the_fields_of_a_marker_stay_as_they_are() -> None:
    fields = {
        "key": "clips/a.mp4",
        "size": 1000,
        "checksum": "ab" * 32,
        "changed_ns": 5,
        "at": "2026-11-20T12:00:00+00:00",
        "told": True,
    }
    assert encoded_marker({"s3": CONFIRMATION}) == json.dumps({"s3": fields}).encode()


def test_a_marker_is_read_as_it_was_written(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    assert read_confirmations(clip) == {}
    marker_path(clip).write_bytes(encoded_marker({"s3": CONFIRMATION}))
    assert read_confirmations(clip) == {"s3": CONFIRMATION}
    assert marker_path(clip) == tmp_path / ".clip.mp4.uploaded"
    assert marked_path(marker_path(clip)) == clip


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"s3": 1}', b'{"s3": {"key": "x"}}', b"\xff"]
)
def test_a_broken_marker_says_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".clip.mp4.uploaded").write_bytes(content)
    assert read_confirmations(tmp_path / "clip.mp4") == {}
