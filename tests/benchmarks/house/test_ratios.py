"""Covers several modules: the cost of a camera beside a bare decoder, with a generous limit.

Both decode the same video in this process, in turn, so other work of the machine disturbs both.
"""

import time
from collections.abc import Callable
from contextlib import closing
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path

import av
import pytest

from app.benchmarks.clip_load import new_recorder
from app.cameras import make_camera
from app.cameras.base import CameraSettings
from app.clock import SystemClock
from app.detector import Detector, EventSettings
from app.motion import make_motion
from app.motion.base import MotionSettings

SIZE, FPS, COUNT = (640, 480), 10, 120


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """A video of the drawn room with a visitor, in H.264 like that of a network camera."""
    settings = CameraSettings(source="synthetic:person", resolution=SIZE, fps=FPS)
    options = {"preset": "veryfast", "tune": "zerolatency", "g": "20", "threads": "1"}
    path = tmp_path / "video.mp4"
    with (
        closing(make_camera("test", settings, SystemClock(), "fast")) as camera,
        av.open(str(path), "w") as written,
    ):
        camera.open()
        stream = written.add_stream("libx264", rate=FPS, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.codec_context.time_base = Fraction(1, FPS)
        for frame in islice(iter(camera.read, None), COUNT):
            written.mux(stream.encode(av.VideoFrame.from_ndarray(frame.bgr(), format="bgr24")))
        written.mux(stream.encode())
    return path


def decode(video: Path) -> None:
    with av.open(str(video)) as played:
        played.streams.video[0].codec_context.thread_count = 1
        assert sum(1 for _ in played.decode(video=0)) == COUNT


def watch(video: Path, folder: Path) -> None:
    """Read, judge and record *video* as a camera's program does."""
    settings = CameraSettings(source=str(video), resolution=SIZE, fps=FPS)
    detector = Detector(make_motion(MotionSettings(), fps=FPS), EventSettings(), fps=FPS)
    recorder = new_recorder()
    with closing(make_camera("test", settings, SystemClock(), "fast")) as camera:
        camera.sink = recorder.add_packet
        camera.open()
        for frame in camera.frames():
            recorder.add_frame(frame)
            if frame.number == 0:
                recorder.begin_clip(folder, frame.at_s, "")
            detector.judge(frame)
            if frame.number % 3 == 0:
                recorder.step()
    recorder.stop_clips()
    while recorder.busy:
        recorder.step()
    assert detector.last_alert_at_s > 0


def cpu_s(call: Callable[[], None]) -> float:
    began_s = time.process_time()
    call()
    return time.process_time() - began_s


def test_a_camera_costs_less_than_three_bare_decoders(video: Path, tmp_path: Path) -> None:
    bare_s, ours_s = [], []
    for number in range(2):
        bare_s.append(cpu_s(partial(decode, video)))
        ours_s.append(cpu_s(partial(watch, video, tmp_path / f"clip-{number}")))
    assert min(ours_s) < 3 * min(bare_s)
