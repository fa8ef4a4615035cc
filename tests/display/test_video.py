"""Videos of the display, which every player takes."""

import errno
from pathlib import Path

import av
import numpy as np
import pytest

from app.display.panels import HEIGHT, WIDTH
from app.display.video import display_video, problem_with
from app.errors import ClipError
from app.frames import Image


def picture(level: int) -> Image:
    return np.full((HEIGHT, WIDTH, 3), level, np.uint8)


def test_each_picture_is_shown_at_its_time(tmp_path: Path) -> None:
    times = [5.0, 5.1, 5.2, 5.7, 5.7, 6.0]
    with display_video(tmp_path / "out.mp4") as add:
        for number, at_s in enumerate(times):
            add(picture(40 * number), at_s)
    with av.open(str(tmp_path / "out.mp4")) as written:
        stream = written.streams.video[0]
        coder = stream.codec_context
        assert (coder.name, coder.pix_fmt, coder.width, coder.height) == (
            *("h264", "yuv420p"),
            *(1280, 720),
        )
        decoded = list(written.decode(stream))
    assert [one.time for one in decoded] == pytest.approx([0, 0.1, 0.2, 0.7, 0.7, 1.0], abs=1e-3)
    levels = [one.to_ndarray(format="bgr24").mean() for one in decoded]
    assert levels == pytest.approx([0, 40, 80, 120, 160, 200], abs=4)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, ClipError])
def test_after_a_failure_there_is_no_file(tmp_path: Path, error: type[BaseException]) -> None:
    def fail() -> None:
        with display_video(tmp_path / "out.mp4") as add:
            add(picture(90), 0.0)
            raise error

    with pytest.raises(error):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_video_without_pictures_is_an_error(tmp_path: Path) -> None:
    def write_nothing() -> None:
        with display_video(tmp_path / "out.mp4"):
            pass

    with pytest.raises(ClipError, match=r"out\.mp4 is not written: there was no picture"):
        write_nothing()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_takes_no_file_is_an_error_of_the_system() -> None:
    def write() -> None:
        with display_video(Path("/proc/out.mp4")) as add:
            add(picture(90), 0.0)

    with pytest.raises(OSError) as raised:
        write()
    assert raised.value.errno in (errno.ENOENT, errno.EACCES, errno.EROFS)


def test_each_place_that_takes_no_video_is_named(tmp_path: Path) -> None:
    (tmp_path / "old.mp4").touch()
    (tmp_path / "link.mp4").symlink_to(tmp_path / "nowhere")
    assert problem_with(tmp_path / "new.mp4") is None
    for name, problem in {
        "new.avi": "must end in .mp4",
        "old.mp4": "exists already",
        "link.mp4": "exists already",
        "none/new.mp4": "none does not exist",
    }.items():
        assert problem in str(problem_with(tmp_path / name))
