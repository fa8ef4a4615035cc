"""Clips for services that accept a limited number of bytes."""

import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from app.errors import ClipError
from app.recording.shrink import shrink
from tests.cameras.pictures import write_video
from tests.conftest import REPO
from tests.recording.videos import beginning_of, is_for_browsers, lasts_s, shown
from tests.servers.small_disk import SmallDisk


@pytest.fixture(scope="module")
def cars(footage: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds of real footage, 900 kB."""
    path = tmp_path_factory.mktemp("cars") / "cars.mp4"
    return beginning_of(footage / "car-detection.mp4", 125, path)


@pytest.mark.parametrize("target_bytes", [333_000, 133_000])
def test_real_footage_fits_its_bytes_and_lasts_as_long(
    cars: Path, tmp_path: Path, target_bytes: int
) -> None:
    out = tmp_path / "small.mp4"
    shrink(cars, target_bytes, out)
    assert target_bytes / 2 < out.stat().st_size <= target_bytes
    assert is_for_browsers(out)
    assert lasts_s(out) == pytest.approx(lasts_s(cars), abs=0.2)
    assert len(shown(out)) >= lasts_s(cars) * 8
    assert [path.name for path in tmp_path.iterdir()] == ["small.mp4"]


def test_it_shows_the_same_pictures_at_the_same_times(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", 40, fps=10, size=(320, 240))
    shrink(clip, 30_000, tmp_path / "small.mp4")
    before, after = shown(clip), shown(tmp_path / "small.mp4")
    assert [one.at_s for one in after] == pytest.approx([one.at_s for one in before], abs=0.001)
    for small, large in zip(after, before, strict=True):
        wide = cv2.resize(small.grey, (320, 240))
        assert np.abs(wide.astype(int) - large.grey).mean() < 10


def test_a_clip_that_is_shown_turned_becomes_upright(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", 20, fps=10, size=(320, 240))
    turned = tmp_path / "turned.mp4"
    with av.open(str(clip)) as source, av.open(str(turned), "w") as written:
        stream = written.add_stream_from_template(source.streams.video[0], opaque=True)
        stream.set_display_rotation(180)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                written.mux(packet)
    shrink(turned, 30_000, tmp_path / "small.mp4")
    corner = shown(tmp_path / "small.mp4")[0].grey
    assert corner[-4:, -4:].mean() > 200


def test_too_few_bytes_are_an_error_and_leave_no_file(footage: Path, tmp_path: Path) -> None:
    with pytest.raises(ClipError, match="lasts 30 s, which cannot be shown in 60000 bytes"):
        shrink(footage / "car-detection.mp4", 60_000, tmp_path / "small.mp4")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_clip_is_named_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"no video at all" * 100)
    for name in ("clip.mp4", "nothing.mp4"):
        with pytest.raises(ClipError, match=name):
            shrink(tmp_path / name, 100_000, tmp_path / "small.mp4")


def test_a_full_disk_is_an_error_of_the_disk(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", 20)
    with SmallDisk(tmp_path / "folder", 1) as disk:
        disk.fill()
        with pytest.raises(OSError, match="No space left"):
            shrink(clip, 30_000, disk.path / "small.mp4")
        assert not list(disk.path.glob("*small.mp4*"))


def test_it_runs_as_a_process(tmp_path: Path) -> None:
    clip, out = write_video(tmp_path / "clip.mp4", 20), tmp_path / "small.mp4"
    command = [sys.executable, "-m", "app.recording.shrink", str(clip), "30000", str(out)]
    subprocess.run(command, cwd=REPO, check=True)
    assert 0 < out.stat().st_size <= 30_000
