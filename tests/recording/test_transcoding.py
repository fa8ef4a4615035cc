"""Encoding what cannot be copied: a film is at its end as good as at its beginning."""

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
from tests.recording.harness import Studio
from tests.recording.videos import numbered_video

SIZE = (640, 480)


def films(
    room: NDArray[np.float64], noise: float, count: int, fps: int
) -> Iterator[tuple[int, Image, Image]]:
    """Of each picture of a room with so much *noise*: its bytes in a film, what it was, and what a
    player shows, (rows, columns, BGR).
    """
    chance = np.random.default_rng(2).normal(0, noise, room.shape)
    footage = VideoFormat("mjpeg", *SIZE, "yuvj420p")
    recoding = Transcoder(footage, 0.0)
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    for number in range(count):
        picture = np.clip(room + np.roll(chance, number * 37, axis=1), 0, 255).astype(np.uint8)
        (packet,) = recoding.transcode(
            Packet(jpeg(picture), number / fps, number / fps, True, footage)
        )
        (shown,) = decoder.decode(av.Packet(packet.data))
        yield len(packet.data), picture, np.asarray(shown.to_ndarray(format="bgr24"), np.uint8)


def furnished(side: int, darkest: int, brightest: int) -> NDArray[np.float64]:
    """A room of grey squares, *side* pixels wide."""
    squares = np.random.default_rng(1).integers(
        darkest, brightest, (SIZE[1] // side, SIZE[0] // side, 1)
    )
    return np.kron(squares, np.ones((side, side, 3))).astype(np.float64)


@pytest.mark.parametrize("fps", [5, 15])
def test_a_film_of_half_a_minute_does_not_fade(fps: int) -> None:
    shown = films(furnished(4, 20, 235), 4, 30 * fps, fps)
    assert max(np.abs(picture.astype(np.int16) - seen).mean() for _, picture, seen in shown) < 10


@pytest.mark.parametrize("fps", [5, 15])
def test_the_noise_of_a_dark_room_takes_little_of_the_disk_and_hides_nothing(fps: int) -> None:
    room = furnished(40, 30, 90)
    found = list(films(room, 25, 10 * fps, fps))
    assert 8 * np.mean([size for size, _, _ in found]) / (SIZE[0] * SIZE[1]) < 0.4
    assert (
        max(np.abs(cv2.blur(seen, (9, 9)) - cv2.blur(room, (9, 9))).mean() for _, _, seen in found)
        < 5
    )


def test_a_film_asks_no_more_of_a_decoder_than_phones_can_do() -> None:
    footage = VideoFormat("mjpeg", *SIZE, "yuvj420p")
    grey = jpeg(np.full((SIZE[1], SIZE[0], 3), 99, np.uint8))
    recoding = Transcoder(footage, 0.0)
    first = [*recoding.transcode(Packet(grey, 0.0, 0.0, True, footage)), *recoding.flush()][0]
    _profile, _constraints, level = first.data.split(b"\0\0\1\x67")[1][:3]
    assert level <= 31  # 3.1, enough for 1280x720 at 30 pictures a second


@pytest.mark.parametrize(("codec", "pixels"), [("mjpeg", "yuvj422p"), ("libx264rgb", "rgb24")])
def test_a_film_says_how_its_colours_are_meant_and_so_does_a_smaller_one(
    tmp_path: Path, codec: str, pixels: str
) -> None:
    source = numbered_video(tmp_path / "source.mkv", 40, codec=codec, pixels=pixels)
    (clip,) = Studio(RecordingSettings(pre_roll_s=1, post_roll_s=1)).film(
        source, tmp_path / "event", start_s=1.5, end_s=2.5
    )
    shrink(clip, 30_000, tmp_path / "shrink.mp4")
    shrink(source, 30_000, tmp_path / "shrink source.mp4")
    for film in (clip, tmp_path / "shrink.mp4", tmp_path / "shrink source.mp4"):
        with av.open(str(film)) as opened:
            coder = opened.streams.video[0].codec_context
            assert (Colorspace(coder.colorspace), ColorRange(coder.color_range)) == (
                Colorspace.ITU601,
                ColorRange.MPEG,
            )


def test_red_stays_red_when_a_camera_gives_red_green_and_blue() -> None:
    camera = av.CodecContext.create("libx264rgb", "w")
    assert isinstance(camera, av.VideoCodecContext)
    camera.width, camera.height, camera.pix_fmt, camera.time_base = (
        1280,
        720,
        "rgb24",
        Fraction(1, 25),
    )
    red = av.VideoFrame.from_ndarray(np.full((720, 1280, 3), (255, 0, 0), np.uint8), format="rgb24")
    (given,) = [*camera.encode(red), *camera.encode(None)]
    footage = VideoFormat("h264", 1280, 720, "gbrp")
    recoding = Transcoder(footage, 0.0)
    (film,) = [
        *recoding.transcode(Packet(bytes(given), 0.0, 0.0, True, footage)),
        *recoding.flush(),
    ]
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    (shown,) = [*decoder.decode(av.Packet(film.data)), *decoder.decode(None)]
    luma, blueness, redness = (bytes(plane)[0] for plane in shown.planes)
    assert Colorspace(shown.colorspace) == Colorspace.ITU601
    assert (luma, blueness, redness) == pytest.approx(
        (81, 90, 240), abs=2
    )  # what BT.601 makes of red; BT.709 makes 63, 102, 240
