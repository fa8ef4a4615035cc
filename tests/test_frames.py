"""Frames, and the few things done to their pictures."""

import subprocess
import sys
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest

from app.frames import Box, Frame, FrameCounter, Image, annotated, caption, jpeg, shrunk
from tests.conftest import REPO

TAKEN_AT = datetime(2026, 11, 20, 10, 15, 30, tzinfo=UTC)


def grey(level: int = 90) -> Image:
    return np.full((120, 160, 3), level, np.uint8)


def test_colour_is_made_only_when_it_is_asked_for() -> None:
    made: list[Image] = []

    def make_bgr() -> Image:
        made.append(grey())
        return made[-1]

    frame = Frame(grey()[:, :, 0], 0.0, TAKEN_AT, 0, make_bgr)
    assert made == []
    assert frame.bgr() is made[0]


def test_a_caption_has_the_camera_and_the_local_time() -> None:
    frame = Frame(grey()[:, :, 0], 0.0, TAKEN_AT, 0, grey)
    assert caption("front", frame) == f"front  {TAKEN_AT.astimezone():%Y-%m-%d %H:%M:%S}"


def test_boxes_and_a_line_are_drawn_into_a_copy() -> None:
    picture, box = grey(), Box(40, 20, 60, 50)
    drawn = annotated(picture, [box], "front")
    assert np.array_equal(picture, grey())
    assert tuple(drawn[box.y, box.x + 30]) == (64, 200, 64)
    assert tuple(drawn[box.y + 25, box.x + 30]) == (90, 90, 90)
    line = drawn[105:, :60]
    assert line.min() == 0
    assert line.max() > 200


@pytest.mark.parametrize("picture", [grey(), grey()[:, :, 0]], ids=["colour", "luma"])
def test_a_jpeg_shows_the_picture(picture: Image) -> None:
    decoded = cv2.imdecode(np.frombuffer(jpeg(picture), np.uint8), cv2.IMREAD_UNCHANGED)
    assert decoded is not None
    assert decoded.shape == picture.shape
    assert np.abs(decoded.astype(int) - picture).max() <= 2


def test_a_jpeg_of_lower_quality_is_smaller() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (120, 160, 3), np.uint8)
    assert len(jpeg(noise, quality=20)) < len(jpeg(noise, quality=90)) / 2


def test_a_picture_too_wide_for_a_jpeg_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"shape \(1, 70000\)"):
        jpeg(np.zeros((1, 70_000), np.uint8))


def test_importing_frames_imports_neither_opencv_nor_numpy() -> None:
    code = "import sys, app.frames; print(sorted({'cv2', 'numpy'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("fps", "times_s", "counts"),
    [
        (10, [0, 0.1, 0.2, 0.31, 0.45], [1, 1, 1, 1, 1]),
        (10, [0, 0.04, 0.08, 0.12], [1, 1, 1, 1]),
        (10, [0, 0.5, 1.0, 1.4], [1, 5, 5, 4]),
        (10, [0, 30, 29, 29.5], [1, 6, 1, 5]),
        (None, [0, 5, 10], [1, 1, 1]),
    ],
    ids=["the same rate", "faster", "slower", "jumps", "any rate"],
)
def test_a_frame_of_a_slow_source_counts_as_several(
    fps: float | None, times_s: list[float], counts: list[int]
) -> None:
    counter = FrameCounter(fps, most=6)
    assert [counter.count(at_s) for at_s in times_s] == counts


@pytest.mark.parametrize(
    ("shape", "shown"),
    [((720, 1280), (540, 960)), ((480, 640), (480, 640)), ((1, 4000), (1, 960))],
)
def test_a_wide_picture_is_shrunk(shape: tuple[int, int], shown: tuple[int, int]) -> None:
    picture = shrunk(np.full((*shape, 3), 70, np.uint8), 960)
    assert picture.shape == (*shown, 3)
    assert picture.dtype == np.uint8
    assert (picture == 70).all()
