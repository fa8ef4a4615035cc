"""A thumbnail inside a picture, and pictures that have none."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from app.cameras.privacy import PrivacyMask
from app.recording.event_folder import SnapshotPair
from app.recording.repainting import repaint
from app.recording.thumbnail import HEAD_BYTES, WIDTH, thumbnail_of, with_thumbnail


def shape_of(jpeg: bytes | None) -> tuple[int, ...]:
    assert jpeg
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return tuple(picture.shape)


def test_the_marked_picture_of_an_event_has_a_thumbnail() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (720, 1280, 3), np.uint8)
    pictures = SnapshotPair.encoded(noise, noise)
    small = thumbnail_of(pictures.marked[:HEAD_BYTES])
    assert shape_of(small) == (WIDTH * 720 // 1280, WIDTH, 3)
    assert shape_of(pictures.marked) == (720, 1280, 3)
    assert thumbnail_of(pictures.clean) is None
    assert len(pictures.marked) == len(pictures.clean) + len(small or b"") + 10


def test_a_picture_that_is_painted_loses_its_thumbnail(tmp_path: Path) -> None:
    grey = np.full((240, 320, 3), 120, np.uint8)
    path = tmp_path / "snapshot.jpg"
    path.write_bytes(SnapshotPair.encoded(grey, grey).marked)
    repaint(path, PrivacyMask((((0, 0), (0.5, 0), (0.5, 0.5)),)))
    assert thumbnail_of(path.read_bytes()) is None


@pytest.mark.parametrize(
    "jpeg", [b"", b"GIF89a", b"\xff\xd8", b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xe0\0\0\xff\xe0"]
)
def test_what_has_none_is_left_as_it_is(jpeg: bytes) -> None:
    assert thumbnail_of(jpeg) is None
    assert with_thumbnail(jpeg, b"small") == jpeg


def test_a_thumbnail_that_is_cut_off_or_too_large_is_none() -> None:
    picture = cv2.imencode(".jpg", np.zeros((48, 64, 3), np.uint8))[1].tobytes()
    whole = with_thumbnail(picture, b"small")
    assert thumbnail_of(whole) == b"small"
    assert thumbnail_of(whole[: whole.index(b"small") + 3]) is None
    assert with_thumbnail(picture, bytes(30_000)) == picture
