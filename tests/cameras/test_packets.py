"""The compressed pictures that cameras forward beside their frames, and their times."""

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random

import av
import cv2
import numpy as np
import pytest

from app.cameras import make_camera
from app.cameras.base import Camera, CameraSettings
from app.cameras.packets import PacketTimer, parameter_sets
from app.clock import Clock, FakeClock, SystemClock
from app.errors import CameraEnded
from app.frames import Frame, Image, Packet, VideoFormat
from tests.cameras.pictures import FPS, SIZE, write_video
from tests.servers.rtsp_server import RtspServer
from tests.servers.video_server import VideoServer

STREAMED = [
    "file",
    "file, own pace",
    "file with B-frames",
    "transport stream",
    "http video",
    "rtsp",
    "picamera2",
    "picamera",
]
SINGLE = ["motion jpeg", "jpegs over http"]


@dataclass
class Source:
    """A camera of one kind, and the packets and frames that it gave."""

    camera: Camera
    packets: list[Packet] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)

    def play(self, count: int) -> None:
        """Open the camera, read *count* frames or as many as there are, and close it."""
        self.camera.sink = self.packets.append
        with closing(self.camera):
            self.camera.open()
            with suppress(CameraEnded):
                self.frames.extend(self.camera.read() for _ in range(count))


Make = Callable[..., Source]


@pytest.fixture
def rtsp() -> Iterator[RtspServer]:
    with RtspServer(60) as server:
        yield server


@pytest.fixture
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """A function that makes a camera of the kind that the test names."""
    kind: str = request.param

    def make(**settings: object) -> Source:
        address, clock = _address(kind, request, tmp_path)
        usual: dict[str, object] = {
            "source": address,
            "resolution": SIZE,
            "fps": FPS,
            "warmup_s": 0,
            "stall_s": 5,
        }
        pace = (
            "fast"
            if kind in ("file", "file with B-frames", "transport stream", "motion jpeg")
            else "own"
        )
        return Source(make_camera("attic", CameraSettings(**(usual | settings)), clock, pace))  # type: ignore[arg-type]

    return make


def _address(kind: str, request: pytest.FixtureRequest, folder: Path) -> tuple[str, Clock]:
    if kind in ("picamera2", "picamera"):
        request.getfixturevalue("pi")
        request.getfixturevalue("monkeypatch").setattr(
            "app.cameras.find_spec", lambda package: package == kind or None
        )
        return "auto", SystemClock()
    if kind == "rtsp":
        return f"rtsp://{request.getfixturevalue('rtsp').address}/stream", SystemClock()
    if kind in ("http video", "jpegs over http"):
        network: VideoServer = request.getfixturevalue("network")
        return network.url("video" if kind == "http video" else "stream"), SystemClock()
    videos: dict[str, dict[str, object]] = {
        "motion jpeg": {"codec": "mjpeg", "pixels": "yuvj422p"},
        "file with B-frames": {"coder": {"bf": "3", "g": "15"}},
    }
    suffix = {"motion jpeg": "avi", "transport stream": "ts"}.get(kind, "mp4")
    options = videos.get(kind, {"coder": {"g": "15"}})
    return str(write_video(folder / f"video.{suffix}", 60, **options)), FakeClock()  # type: ignore[arg-type]


def decoded(packets: list[Packet]) -> dict[float, Image]:
    """Return the grey pictures in *packets* by their times, decoded from the packets alone."""
    coder = av.CodecContext.create(packets[0].video_format.codec, "r")
    assert isinstance(coder, av.VideoCodecContext)
    found = {}
    for packet in [*packets, None]:
        given = None
        if packet:
            given = av.Packet(packet.data)
            given.pts = round(packet.at_s * 1e6)
        for picture in coder.decode(given):
            found[round((picture.pts or 0) / 1e6, 4)] = np.asarray(
                picture.to_ndarray(format="gray"), np.uint8
            )
    return found


def at_full_span(frame: Frame) -> Image:
    luma = frame.luma.astype(float)
    grey = luma if frame.luma_span == 255 else (luma - 16) * 255 / 219
    return np.clip(grey, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("source", STREAMED, indirect=True)
def test_every_frame_is_in_a_packet_of_its_own_time(source: Make) -> None:
    one = source()
    one.play(30)
    pictures, late_s = decoded(one.packets), []
    for frame in one.frames[:25]:
        luma = at_full_span(frame)
        # The pictures repeat after 18.
        unlike = {
            at_s: np.abs(picture.astype(int) - luma).mean()
            for at_s, picture in pictures.items()
            if abs(at_s - frame.at_s) < 8 / FPS
        }
        at_s = min(unlike, key=lambda at_s: unlike[at_s])
        assert unlike[at_s] < 6
        late_s.append(frame.at_s - at_s)
    # The first frames of an RTSP camera come at once; a busy machine reads some frames late.
    assert min(late_s) > -1.5 / FPS
    assert abs(np.median(late_s)) < 0.5 / FPS


@pytest.mark.parametrize("source", STREAMED, indirect=True)
def test_packets_can_be_decoded_from_each_key_frame(source: Make) -> None:
    one = source()
    one.play(45)
    assert one.packets[0].key
    assert all(before.decode_s < after.decode_s for before, after in pairwise(one.packets))
    assert all(packet.decode_s <= packet.at_s for packet in one.packets)
    assert {packet.video_format.codec for packet in one.packets} == {"h264"}
    for key in [number for number, packet in enumerate(one.packets[:-8]) if packet.key]:
        assert one.packets[key].data.startswith((b"\0\0\1", b"\0\0\0\1"))
        assert len(decoded(one.packets[key : key + 8])) > 4


@pytest.mark.parametrize("source", SINGLE, indirect=True)
def test_single_pictures_are_forwarded_if_they_become_frames(source: Make) -> None:
    one = source(fps=FPS / 4)
    one.play(5)
    times_s = [frame.at_s for frame in one.frames]
    assert [packet.at_s for packet in one.packets] == times_s
    assert [packet.decode_s for packet in one.packets] == times_s
    assert all(packet.key for packet in one.packets)
    for packet, frame in zip(one.packets, one.frames, strict=True):
        grey = cv2.imdecode(np.frombuffer(packet.data, np.uint8), cv2.IMREAD_GRAYSCALE)
        assert grey is not None
        assert np.abs(grey.astype(int) - at_full_span(frame)).mean() < 4


@pytest.mark.parametrize("source", ["file", "jpegs over http"], indirect=True)
def test_packets_say_how_to_flip_their_pictures(source: Make) -> None:
    one = source(hflip=True, vflip=False)
    one.play(3)
    assert {(packet.video_format.hflip, packet.video_format.vflip) for packet in one.packets} == {
        (True, False)
    }


@pytest.mark.parametrize("source", ["picamera2", "picamera"], indirect=True)
def test_the_pis_encoder_gets_flipped_pictures(source: Make) -> None:
    one = source(hflip=True, vflip=True)
    one.play(10)
    assert {(packet.video_format.hflip, packet.video_format.vflip) for packet in one.packets} == {
        (False, False)
    }
    first = next(iter(decoded(one.packets).values()))
    assert np.abs(first.astype(int) - at_full_span(one.frames[0])).mean() < 6


def test_a_source_that_is_not_compressed_has_no_packets(tmp_path: Path) -> None:
    raw = write_video(tmp_path / "raw.avi", 5, codec="rawvideo", pixels="yuyv422")
    for address in (str(raw), "synthetic:empty"):
        one = Source(
            make_camera("attic", CameraSettings(source=address, fps=FPS), FakeClock(), "fast")
        )
        one.play(5)
        assert (len(one.frames), one.packets) == (5, [])


def test_a_late_frame_has_the_time_of_its_picture() -> None:
    timer = PacketTimer(VideoFormat("h264", *SIZE, "yuv420p"), list[Packet]().append)
    ready = [500 + number / 10 + (0.4 if number % 7 else 0.01) for number in range(100)]
    taken = [timer.record_frame(number / 10, at_s) for number, at_s in enumerate(ready)]
    assert taken == pytest.approx([500.01 + number / 10 for number in range(100)])
    assert taken[0] == ready[0]


def test_the_time_of_a_frame_never_goes_back_or_ahead() -> None:
    timer = PacketTimer(VideoFormat("h264", *SIZE, "yuv420p"), list[Packet]().append)
    ready = [500.5, 500.51, 500.52, 500.53, 500.8]
    taken = [timer.record_frame(number / 10, at_s) for number, at_s in enumerate(ready)]
    assert taken == sorted(taken)
    assert all(took <= was_ready for took, was_ready in zip(taken, ready, strict=True))


@pytest.mark.parametrize("jump_s", [5000.0, 60.0, -3.0, -60.0])
def test_a_jump_of_the_stamps_gives_no_wrong_time(jump_s: float) -> None:
    packets: list[Packet] = []
    timer = PacketTimer(VideoFormat("h264", *SIZE, "yuv420p"), packets.append)
    stamps = [100 + number / 10 + (jump_s if number >= 50 else 0) for number in range(100)]
    taken = []
    for number, stamp_s in enumerate(stamps):
        timer.add_packet(b"picture", stamp_s, stamp_s, key=True)
        if number >= 2:
            taken.append(timer.record_frame(stamps[number - 2], 500 + number / 10))
    shown_s = [packet.at_s for packet in packets]
    assert shown_s[:50] == pytest.approx([500.2 + number / 10 for number in range(50)])
    assert shown_s[-48:] == pytest.approx([500.2 + number / 10 for number in range(52, 100)])
    assert taken == pytest.approx([500.2 + number / 10 for number in range(98)], abs=0.21)


@pytest.mark.parametrize("speed", [0.5, 0.84, 0.97, 1.25])
def test_stamps_of_another_speed_give_the_time_of_arrival(speed: float) -> None:
    packets: list[Packet] = []
    timer = PacketTimer(VideoFormat("h264", *SIZE, "yuv420p"), packets.append)
    random = Random(4)
    late_s = []
    for number in range(1200):
        stamp_s, taken_s = number / 10 * speed, 500 + number / 10
        # The network delays some pictures, and all of a second in each ten.
        delay_s = random.random() * 0.05 + (0.9 - number % 100 / 11 if number % 100 < 10 else 0)
        timer.add_packet(b"picture", stamp_s, stamp_s, key=True)
        at_s = timer.record_frame(stamp_s, taken_s + delay_s)
        late_s.append(at_s - taken_s)
    steps_s = [after.at_s - before.at_s for before, after in pairwise(packets)]
    assert max(map(abs, late_s[150:])) < 0.35
    assert max(steps_s[150:]) < 0.35
    assert min(steps_s[150:]) >= 0


@pytest.mark.parametrize("speed", [0.0, -1.0])
def test_useless_stamps_give_the_time_of_arrival(speed: float) -> None:
    packets: list[Packet] = []
    timer = PacketTimer(VideoFormat("h264", *SIZE, "yuv420p"), packets.append)
    for number in range(200):
        stamp_s, taken_s = 900 + number / 10 * speed, 500 + number / 10
        timer.add_packet(b"picture", stamp_s, stamp_s, key=True)
        at_s = timer.record_frame(stamp_s, taken_s)
        assert number < 100 or at_s == taken_s
    steps_s = [after.at_s - before.at_s for before, after in pairwise(packets[100:])]
    assert steps_s == pytest.approx([0.1] * 99, abs=0.001)


def test_packets_before_a_jump_without_a_time_are_dropped() -> None:
    packets: list[Packet] = []
    timer = PacketTimer(VideoFormat("h264", *SIZE, "yuv420p"), packets.append)
    timer.add_packet(b"before", 900.0, 900.0, key=True)
    timer.add_packet(b"after", 0.0, 0.0, key=True)
    timer.record_frame(0.0, 500.0)
    assert [(packet.data, packet.at_s) for packet in packets] == [(b"after", 500.0)]


@pytest.mark.parametrize("start", [b"\0\0\1", b"\0\0\0\1"])
def test_the_parameters_before_a_picture_are_found(start: bytes) -> None:
    h264 = [b"\x09\xf0", b"\x67\x42\x01", b"\x68\xce", b"\x65\x88\x01", b"\x68\xcf"]
    assert parameter_sets(start + start.join(h264), "h264") == {b"\x67\x42\x01", b"\x68\xce"}
    hevc = [b"\x40\x01", b"\x42\x01", b"\x44\x01", b"\x26\x01"]
    assert parameter_sets(start + start.join(hevc), "hevc") == set(hevc[:3])
    assert parameter_sets(b"", "h264") == frozenset()
