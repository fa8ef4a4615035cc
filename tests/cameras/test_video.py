"""Files and streams of many kinds, also broken, stuck or silent ones."""

import re
from dataclasses import replace
from pathlib import Path
from random import Random

import cv2
import numpy as np
import pytest

from app.cameras import make_camera
from app.clock import FakeClock
from app.errors import CameraEnded, CameraStalled
from tests.cameras.pictures import FPS, SIZE, picture, write_video
from tests.cameras.playing import SETTINGS, fast, live, played
from tests.servers.rtsp_server import RtspServer
from tests.servers.video_server import FEW, VideoServer


def spoiled(path: Path, source: Path, every: int) -> Path:
    """Copy *source* to *path* with bytes changed in its middle."""
    data, random = bytearray(source.read_bytes()), Random(1)
    for at in range(len(data) // 3, len(data) * 2 // 3, every):
        data[at] = random.randrange(256)
    path.write_bytes(data)
    return path


FORMATS: dict[str, dict[str, object]] = {
    "video.mp4": {},
    "video.mkv": {"codec": "ffv1"},
    "video.ts": {},
    "video.avi": {"codec": "mjpeg", "pixels": "yuvj420p"},
    "film422.avi": {"codec": "mjpeg", "pixels": "yuvj422p"},
    "video.h264": {},
    "video.mjpeg": {"codec": "mjpeg", "pixels": "yuvj420p"},
    "ten_bits.mkv": {"codec": "ffv1", "pixels": "yuv420p10le"},
    "colours.mkv": {"codec": "ffv1", "pixels": "bgr0"},
    "grey.mkv": {"codec": "ffv1", "pixels": "gray"},
    "packed.avi": {"codec": "rawvideo", "pixels": "yuyv422"},
    "padded.mp4": {"size": (150, 90)},
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_video_of_any_format_is_played_whole(tmp_path: Path, name: str) -> None:
    make = FORMATS[name]
    size = make.get("size", SIZE)
    assert isinstance(size, tuple)
    path = write_video(tmp_path / name, 20, **make)  # type: ignore[arg-type]
    frames, error = played(fast(path, fps=60))
    assert isinstance(error, CameraEnded)
    assert str(error) == f"attic ({path}) has ended"
    assert [frame.number for frame in frames] == list(range(20))
    for frame in frames:
        grey = cv2.cvtColor(picture(frame.number, size), cv2.COLOR_BGR2GRAY).astype(float)
        seen = frame.luma if frame.luma_span == 255 else (frame.luma.astype(float) - 16) * 255 / 219
        assert np.abs(seen - grey).mean() < 4


def test_a_video_without_stamps_is_timed_by_its_rate(tmp_path: Path) -> None:
    frames, _ = played(fast(write_video(tmp_path / "video.h264", 20)))
    assert [frame.at_s for frame in frames] == pytest.approx([number / FPS for number in range(20)])


def test_a_fast_video_has_the_times_of_its_own_pace(short_video: Path) -> None:
    frames, _ = played(fast(short_video))
    assert [frame.at_s for frame in frames] == pytest.approx([number / FPS for number in range(60)])
    began = FakeClock().now()
    assert [(frame.taken_at - began).total_seconds() for frame in frames] == pytest.approx(
        [frame.at_s for frame in frames], abs=1e-5
    )


def test_a_video_is_reduced_to_fps(short_video: Path) -> None:
    camera = fast(short_video, fps=8)
    frames, _ = played(camera)
    assert [frame.number for frame in frames] == list(range(0, 60, 4))
    assert camera.dropped == 0


def test_a_video_at_its_own_pace_takes_its_duration(short_video: Path) -> None:
    clock = FakeClock()
    frames, error = played(make_camera("attic", replace(SETTINGS, source=str(short_video)), clock))
    assert isinstance(error, CameraEnded)
    assert clock.monotonic() == pytest.approx(59 / FPS)
    assert [frame.at_s for frame in frames] == pytest.approx([number / FPS for number in range(60)])


def test_a_video_that_is_read_too_slowly_drops_pictures(short_video: Path) -> None:
    clock = FakeClock()
    camera = make_camera("attic", replace(SETTINGS, source=str(short_video)), clock)
    camera.open()
    camera.read()
    clock.advance(0.51)
    frame = camera.read()
    camera.close()
    assert frame.number == 0.5 * FPS
    assert camera.dropped == frame.number - 1
    assert clock.monotonic() == pytest.approx(0.51)


def test_a_video_over_http_is_played_at_its_own_pace(network: VideoServer) -> None:
    clock = FakeClock()
    frames, error = played(
        make_camera("attic", replace(SETTINGS, source=network.url("video")), clock)
    )
    assert isinstance(error, CameraEnded)
    assert len(frames) == 60
    assert clock.monotonic() == pytest.approx(59 / FPS)


def test_luma_is_read_only(short_video: Path) -> None:
    camera = fast(short_video)
    camera.open()
    frame = camera.read()
    with pytest.raises(ValueError, match="read-only"):
        frame.luma[0, 0] = 1
    camera.close()


def test_the_real_footage_is_read_whole(footage: Path) -> None:
    frames = 0
    camera = fast(footage / "car-detection.mp4", fps=20)
    camera.open()
    with pytest.raises(CameraEnded):
        while camera.read():
            frames += 1
    camera.close()
    assert (frames, camera.corrupt) == (377, 0)


@pytest.mark.parametrize("suffix", ["ts", "mkv", "avi"])
def test_a_video_that_breaks_off_is_played_up_to_there(tmp_path: Path, suffix: str) -> None:
    whole = write_video(
        tmp_path / f"whole.{suffix}",
        codec="mjpeg" if suffix == "avi" else "libx264",
        pixels="yuvj420p" if suffix == "avi" else "yuv420p",
    )
    cut = tmp_path / f"cut.{suffix}"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    frames, error = played(fast(cut))
    assert isinstance(error, CameraEnded)
    assert 10 < len(frames) < 50


@pytest.mark.parametrize("every", [400, 60])
@pytest.mark.parametrize("suffix", ["ts", "mkv", "avi", "mp4"])
def test_damage_in_a_stream_is_counted_and_skipped(
    tmp_path: Path, suffix: str, every: int, capfd: pytest.CaptureFixture[str]
) -> None:
    codec, pixels = ("mjpeg", "yuvj420p") if suffix == "avi" else ("libx264", "yuv420p")
    whole = write_video(tmp_path / f"whole.{suffix}", codec=codec, pixels=pixels)
    camera = fast(spoiled(tmp_path / f"spoiled.{suffix}", whole, every))
    frames, _ = played(camera)
    assert len(frames) > 5
    assert camera.corrupt > 0
    assert [frame.number for frame in frames] == sorted({frame.number for frame in frames})
    assert capfd.readouterr().err == ""


def test_a_video_of_damaged_pictures_only_is_an_error(tmp_path: Path) -> None:
    path = write_video(tmp_path / "video.avi", 3, codec="mjpeg", pixels="yuvj420p")
    path.write_bytes(
        re.sub(rb"(?s)\xff\xd8.*?\xff\xd9", lambda jpeg: bytes(len(jpeg[0])), path.read_bytes())
    )
    frames, error = played(fast(path))
    assert frames == []
    assert str(error) == f"attic ({path}) contains no picture that can be decoded"


def test_a_stream_that_falls_silent_has_stalled(network: VideoServer) -> None:
    frames, error = played(live(network.url("stalls"), stall_s=1))
    assert 1 <= len(frames) <= FEW  # a busy machine drops some
    assert isinstance(error, CameraStalled)
    assert str(error) == f"attic ({network.url('stalls')}) sent nothing for 1 s"


def test_a_stream_that_hangs_up_is_an_error(network: VideoServer) -> None:
    frames, error = played(live(network.url("ends")))
    assert 1 <= len(frames) <= FEW  # a busy machine drops some
    assert "broke off" in str(error) or isinstance(error, CameraEnded)


def test_a_stream_without_decodable_data_has_stalled(network: VideoServer) -> None:
    camera = live(network.url("spoils"), stall_s=1)
    frames, error = played(camera)
    assert 1 <= len(frames) <= FEW  # a busy machine drops some
    assert isinstance(error, CameraStalled)
    assert "no data could be decoded" in str(error)
    assert camera.corrupt > 0


def test_an_rtsp_camera_is_played_through_one_connection() -> None:
    with RtspServer(30) as server:
        frames, error = played(live(f"rtsp://{server.address}/stream", stall_s=1))
        assert "TCP" in server.transports[0]
    assert [frame.number for frame in frames] == list(range(30))
    for frame in frames:
        grey = cv2.cvtColor(picture(frame.number), cv2.COLOR_BGR2GRAY).astype(float)
        assert np.abs((frame.luma.astype(float) - 16) * 255 / 219 - grey).mean() < 6
    assert isinstance(error, CameraStalled)


def test_an_rtsp_camera_is_reduced_to_fps_by_its_stamps() -> None:
    with RtspServer(30) as server:
        frames, _ = played(live(f"rtsp://{server.address}/stream", stall_s=1, fps=8))
    assert [frame.number for frame in frames] == list(range(0, 30, 4))
