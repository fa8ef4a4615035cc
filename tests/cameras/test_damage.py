"""Lost data: no picture that is made of it is judged, and a camera does not go blind for long."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random

import av
import cv2
import numpy as np
import pytest

from app.cameras import make_camera
from app.cameras.base import CameraSettings, Pace
from app.cameras.damage import HEALED_S, MOST_COMPLAINTS
from app.clock import FakeClock, SystemClock
from app.detector import Detector, EventSettings
from app.errors import CameraEnded, CameraStalled
from app.frames import Frame, Image
from app.motion import make_motion
from app.motion.base import Method, MotionSettings
from tests.servers.rtsp_server import RtspServer
from tests.servers.video_server import VideoServer

FPS, SIZE = 10, (320, 240)
_TS_PACKET = 188
X264 = {"preset": "ultrafast", "tune": "zerolatency", "crf": "20", "threads": "1"}
CODERS: dict[str, tuple[str, dict[str, str]]] = {
    "h264": ("libx264", {**X264, "g": "10"}),
    "B-frames": ("libx264", {**X264, "tune": "film", "g": "20", "bf": "2"}),
    "hevc": ("libx265", {"preset": "ultrafast", "x265-params": "keyint=20:log-level=none:pools=1"}),
    "no key frames": ("libx264", {**X264, "g": "1000"}),
}


@pytest.fixture(scope="module")
def hall() -> list[Image]:
    """20 seconds of a room in which nothing moves."""
    return drawn_room("empty", 20 * FPS)


def drawn_room(scene: str, count: int) -> list[Image]:
    settings = CameraSettings(source=f"synthetic:{scene}", fps=FPS, resolution=SIZE)
    camera = make_camera("attic", settings, FakeClock(), "fast")
    with closing(camera):
        camera.open()
        return [camera.read().bgr() for _ in range(count)]


def written(path: Path, pictures: list[Image], codec: str, options: dict[str, str]) -> Path:
    with av.open(str(path), "w") as opened:
        stream = opened.add_stream(codec, rate=FPS, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for picture in pictures:
            opened.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        opened.mux(stream.encode())
    return path


def without_some(path: Path, share: float, seed: int) -> Path:
    """Return a copy of *path* without *share* of its packets between 30 and 80 %."""
    random, data = Random(seed), path.read_bytes()
    packets = [data[at : at + _TS_PACKET] for at in range(0, len(data), _TS_PACKET)]
    kept = [
        packet
        for number, packet in enumerate(packets)
        if not (0.3 < number / len(packets) < 0.8 and random.random() < share)
    ]
    damaged = path.with_suffix(".damaged.ts")
    damaged.write_bytes(b"".join(kept))
    return damaged


def frames_of(source: object, pace: Pace = "fast", stall_s: float = 10) -> Iterator[Frame]:
    settings = CameraSettings(source=str(source), fps=60, warmup_s=0, stall_s=stall_s)
    camera = make_camera("attic", settings, SystemClock(), pace)
    with closing(camera):
        camera.open()
        while True:
            try:
                yield camera.read()
            except (CameraEnded, CameraStalled):
                return


def events_in(frames: list[Frame], method: Method = "structure") -> int:
    detector = Detector(make_motion(MotionSettings(method=method)), EventSettings())
    return sum(detector.judge(frame).changed == "opened" for frame in frames)


def looks_like(luma: Image, other: Image) -> bool:
    """Return whether both show the same, in each part of the picture."""
    difference = cv2.blur(luma.astype(np.float32) - other, (16, 16))
    return float(np.abs(difference).max()) < 6


def test_a_hall_with_lost_packets_has_no_event(footage: Path) -> None:
    frames = list(frames_of(footage / "trouble" / "damaged-hall.ts"))
    assert events_in(frames) == events_in(frames, "running_average") == 0
    assert 0.3 < sum(frame.damaged for frame in frames) / len(frames) < 0.6
    as_before = [replace(frame, damaged=False) for frame in frames]
    # The input is one that would raise an alert.
    assert events_in(as_before, "running_average") == 1


@pytest.mark.parametrize("share", [0.01, 0.1])
@pytest.mark.parametrize("coder", ["h264", "B-frames", "hevc"])
def test_every_picture_that_is_judged_is_intact(
    tmp_path: Path, hall: list[Image], coder: str, share: float
) -> None:
    whole = written(tmp_path / "hall.ts", hall, *CODERS[coder])
    intact = {round(frame.at_s, 2): frame.luma for frame in frames_of(whole)}
    frames = list(frames_of(without_some(whole, share, seed=3)))
    assert sum(frame.damaged for frame in frames) > 5
    assert not frames[-1].damaged
    judged = [frame for frame in frames if not frame.damaged]
    assert len(judged) > len(frames) / 4
    for frame in judged:
        assert looks_like(frame.luma, intact[round(frame.at_s, 2)]), frame.at_s


def test_somebody_is_found_in_spite_of_light_loss(tmp_path: Path) -> None:
    whole = written(tmp_path / "walk.ts", drawn_room("person", 12 * FPS), *CODERS["h264"])
    frames = list(frames_of(without_some(whole, 0.005, seed=1)))
    assert 5 < sum(frame.damaged for frame in frames) < 60
    assert events_in(frames) == 1


def test_an_intact_video_has_no_damaged_picture(tmp_path: Path, hall: list[Image]) -> None:
    for name, (codec, options) in CODERS.items():
        frames = list(frames_of(written(tmp_path / f"{name}.ts", hall[:40], codec, options)))
        assert [frame.damaged for frame in frames] == [False] * 40, name


def test_a_stream_without_key_frames_is_judged_again(tmp_path: Path, hall: list[Image]) -> None:
    whole = written(tmp_path / "hall.ts", hall, *CODERS["no key frames"])
    data = whole.read_bytes()
    at = len(data) * 2 // 5 // _TS_PACKET * _TS_PACKET
    whole.write_bytes(data[:at] + data[at + 2 * _TS_PACKET :])
    frames = list(frames_of(whole))
    damaged_s = [frame.at_s for frame in frames if frame.damaged]
    assert damaged_s[-1] - damaged_s[0] == pytest.approx(HEALED_S, abs=0.3)
    assert frames[-1].scene == frames[0].scene + 1  # the background is learned again


def test_packets_that_an_rtsp_camera_leaves_out_are_noticed() -> None:
    with RtspServer(60, fps=FPS * 4, lost=[29]) as server:
        frames = list(frames_of(f"rtsp://{server.address}/stream", "own", stall_s=1))
    damaged = [frame.number for frame in frames if frame.damaged]
    # The lost packet was one of the pictures 20 to 39; picture 40 has number 39.
    assert 20 <= damaged[0] < 30
    assert damaged == list(range(damaged[0], 39))


def spoiled(jpeg: bytes) -> bytes:
    """Return *jpeg* without its second half."""
    return jpeg[: len(jpeg) // 2]


def drawn(number: int, picture: Image, every: int) -> bytes:
    jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()
    return spoiled(jpeg) if number % every == 0 else jpeg


def test_a_jpeg_with_missing_bytes_is_damaged(hall: list[Image]) -> None:
    with VideoServer(draw=lambda number: drawn(number + 1, hall[number % 9], 3), fps=50) as server:
        frames = frames_of(server.url("stream"), "own")
        damaged = [next(frames).damaged for _ in range(30)]
        frames.close()  # type: ignore[attr-defined]
    assert 8 <= sum(damaged) <= 12


def test_a_decoder_that_always_complains_is_ignored(hall: list[Image]) -> None:
    with VideoServer(draw=lambda number: drawn(number, hall[number % 9], 1), fps=300) as server:
        frames = frames_of(server.url("stream"), "own")
        damaged = [next(frames).damaged for _ in range(MOST_COMPLAINTS)]
        frames.close()  # type: ignore[attr-defined]
    assert all(damaged[:10])
    assert not any(damaged[-10:])
