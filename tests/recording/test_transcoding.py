"""Clips that must be encoded are as good at their end as at their beginning."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from app.frames import Image, Packet, VideoFormat, jpeg
from app.recording.base import RecordingSettings
from app.recording.shrink import shrink
from app.recording.transcoding import Transcoder
from tests.recording.harness import RecorderHarness
from tests.recording.videos import numbered_video

SIZE = (320, 240)
JPEGS = VideoFormat("mjpeg", *SIZE, "yuvj420p")


def transcoded(
    room: NDArray[np.float64], noise: float, count: int, fps: int
) -> Iterator[tuple[int, Image, Image]]:
    """Of each picture of a *room* with *noise*: its bytes, itself, and what a player shows.

    Pictures are (rows, columns, BGR) uint8.
    """
    grain = np.random.default_rng(2).normal(0, noise, room.shape)
    transcoder = Transcoder(JPEGS, 0.0)
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    for number in range(count):
        picture = np.clip(room + np.roll(grain, number * 37, axis=1), 0, 255).astype(np.uint8)
        at_s = number / fps
        (packet,) = transcoder.transcode(Packet(jpeg(picture), at_s, at_s, True, JPEGS))
        (shown,) = decoder.decode(av.Packet(packet.data))
        yield len(packet.data), picture, np.asarray(shown.to_ndarray(format="bgr24"), np.uint8)


def furnished(side: int, darkest: int, brightest: int) -> NDArray[np.float64]:
    """A room of grey squares, *side* pixels wide."""
    squares = np.random.default_rng(1).integers(
        darkest, brightest, (SIZE[1] // side, SIZE[0] // side, 1)
    )
    return np.kron(squares, np.ones((side, side, 3))).astype(np.float64)


@pytest.mark.parametrize("fps", [5, 15])
def test_a_clip_of_half_a_minute_does_not_fade(fps: int) -> None:
    found = transcoded(furnished(4, 20, 235), 4, 30 * fps, fps)
    worst = max(np.abs(picture.astype(np.int16) - seen).mean() for _, picture, seen in found)
    assert worst < 10


@pytest.mark.parametrize("fps", [5, 15])
def test_the_noise_of_a_dark_room_costs_little(fps: int) -> None:
    room = furnished(20, 30, 90)
    found = list(transcoded(room, 25, 10 * fps, fps))
    assert 8 * np.mean([size for size, _, _ in found]) / (SIZE[0] * SIZE[1]) < 0.4
    blurred = cv2.blur(room, (9, 9))
    worst = max(np.abs(cv2.blur(seen, (9, 9)) - blurred).mean() for _, _, seen in found)
    assert worst < 5


def test_a_clip_needs_no_better_decoder_than_phones_have() -> None:
    video_format = VideoFormat("mjpeg", 640, 480, "yuvj420p")
    grey = jpeg(np.full((480, 640, 3), 99, np.uint8))
    transcoder = Transcoder(video_format, 0.0)
    packets = [*transcoder.transcode(Packet(grey, 0.0, 0.0, True, video_format))]
    packets += transcoder.flush()
    _profile, _constraints, level = packets[0].data.split(b"\0\0\1\x67")[1][:3]
    assert level <= 31  # 3.1, enough for 1280x720 at 30 pictures a second


@pytest.mark.parametrize(("codec", "pixels"), [("mjpeg", "yuvj422p"), ("libx264rgb", "rgb24")])
def test_clips_and_their_renditions_declare_their_colours(
    tmp_path: Path, codec: str, pixels: str
) -> None:
    source = numbered_video(tmp_path / "source.mkv", 40, codec=codec, pixels=pixels)
    (clip,) = RecorderHarness(RecordingSettings(pre_roll_s=1, post_roll_s=1)).record(
        source, tmp_path / "event", start_s=1.5, end_s=2.5
    )
    small, small_source = tmp_path / "small.mp4", tmp_path / "small source.mp4"
    shrink(clip, 30_000, small)
    shrink(source, 30_000, small_source)
    for path in (clip, small, small_source):
        with av.open(str(path)) as opened:
            coder = opened.streams.video[0].codec_context
            assert Colorspace(coder.colorspace) == Colorspace.ITU601
            assert ColorRange(coder.color_range) == ColorRange.MPEG


def test_red_stays_red_if_a_camera_gives_red_green_and_blue() -> None:
    camera = av.CodecContext.create("libx264rgb", "w")
    assert isinstance(camera, av.VideoCodecContext)
    camera.width, camera.height, camera.pix_fmt = 1280, 720, "rgb24"
    camera.time_base = Fraction(1, 25)
    red = av.VideoFrame.from_ndarray(np.full((720, 1280, 3), (255, 0, 0), np.uint8), format="rgb24")
    (given,) = [*camera.encode(red), *camera.encode(None)]
    video_format = VideoFormat("h264", 1280, 720, "gbrp")
    transcoder = Transcoder(video_format, 0.0)
    packets = [*transcoder.transcode(Packet(bytes(given), 0.0, 0.0, True, video_format))]
    (packet,) = [*packets, *transcoder.flush()]
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    (shown,) = [*decoder.decode(av.Packet(packet.data)), *decoder.decode(None)]
    luma, blueness, redness = (bytes(plane)[0] for plane in shown.planes)
    assert Colorspace(shown.colorspace) == Colorspace.ITU601
    # This is what BT.601 makes of red; BT.709 makes 63, 102, 240.
    assert (luma, blueness, redness) == pytest.approx((81, 90, 240), abs=2)
