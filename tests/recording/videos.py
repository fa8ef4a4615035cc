"""Videos whose pictures show their number, and reading clips as a player does."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from app.frames import Image
from app.recording.boxes import boxes_in

FPS = 10
_BITS = 10
_SIZE = (320, 240)
LONG_GOP = {"g": "30", "sc_threshold": "0"}
#: The arguments of `numbered_video` for each kind of source.
SOURCES: dict[str, dict[str, Any]] = {
    "h264.mp4": {"options": LONG_GOP | {"bf": "0"}},
    "h264 with B-frames.mp4": {"options": LONG_GOP | {"bf": "3", "b-pyramid": "1"}},
    "h264 with open groups.mp4": {"options": LONG_GOP | {"bf": "3", "x264-params": "open-gop=1"}},
    "h264.ts": {"options": LONG_GOP | {"bf": "2"}},
    "h264.mkv": {"options": LONG_GOP},
    "full range.mp4": {"options": LONG_GOP, "pixels": "yuvj420p"},
    "444.mp4": {"options": LONG_GOP, "pixels": "yuv444p"},
    "mjpeg.avi": {"codec": "mjpeg", "pixels": "yuvj422p"},
    "hevc.mp4": {
        "codec": "libx265",
        "options": {"x265-params": "keyint=30:bframes=3:log-level=none"},
    },
    "hevc.ts": {
        "codec": "libx265",
        "options": {"x265-params": "keyint=30:bframes=0:log-level=none"},
    },
    "mpeg4.mp4": {"codec": "mpeg4", "options": {"g": "30", "bf": "2", "qscale": "2"}},
    "lossless.mkv": {"codec": "ffv1"},
}
#: The sources whose packets are copied into a clip.
COPIED = tuple(SOURCES)[:6]


def numbered(number: int, size: tuple[int, int] = _SIZE, *, visitor: bool = False) -> Image:
    """Picture *number*, (rows, columns, BGR) uint8.

    Its bits are light and dark strips in the upper quarter, the lowest at the left; all else is
    grey. With a *visitor* something dark moves through the middle.
    """
    bits = [235 if number >> bit & 1 else 20 for bit in range(_BITS)]
    width, height = size
    drawn = np.full((height, width, 3), 128, np.uint8)
    drawn[: height // 4] = np.asarray(bits, np.uint8)[np.arange(width) * _BITS // width, None]
    if visitor:
        left = number * 5 % (width * 2 // 3)
        drawn[height * 2 // 5 : height * 4 // 5, left : left + width // 3] = 40
    return drawn


def number_of(grey: Image) -> int:
    """The number in a picture; fails when there is none, or it is not upright."""
    height, width = grey.shape
    columns = (np.arange(_BITS) * 2 + 1) * width // (2 * _BITS)
    upper, lower = grey[height // 8, columns], grey[height * 9 // 10, columns]
    assert abs(int(lower.mean()) - 128) < 25, "it is upside down"
    assert ((upper < 80) | (upper > 170)).all(), f"it is blurred: {upper}"
    return sum(1 << bit for bit, level in enumerate(upper) if level > 128)


def numbered_video(
    path: Path,
    count: int,
    *,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    fps: int = FPS,
    options: dict[str, str] | None = None,
    noise: int = 0,
    visits: Collection[int] = (),
) -> Path:
    """A video of *count* numbered pictures at *path*, with a visitor in those of *visits*.

    *options* are the encoder's, and *noise* is in grey levels.
    """
    random = np.random.default_rng(1)
    with av.open(str(path), "w") as written:
        stream = written.add_stream(codec, rate=fps, options={"threads": "1", **(options or {})})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = *_SIZE, pixels
        stream.codec_context.time_base = Fraction(1, fps)
        for number in range(count):
            drawn = numbered(number, visitor=number in visits)
            if noise:
                grain = random.integers(-noise, noise + 1, (*_SIZE[::-1], 1), np.int16)
                drawn = np.clip(drawn.astype(np.int16) + grain, 0, 255).astype(np.uint8)
            written.mux(stream.encode(av.VideoFrame.from_ndarray(drawn, format="bgr24")))
        written.mux(stream.encode())
    return path


def changing_video(
    path: Path, count: int, codec: str, *encoders: tuple[tuple[int, int], dict[str, str]]
) -> Path:
    """A video of *count* numbered pictures by each of *encoders*, in one stream.

    Each has a size, and the options of *codec*.
    """
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    with av.open(str(path), "w") as written:
        for turn, (size, options) in enumerate(encoders):
            encoder = av.CodecContext.create(codec, "w")
            assert isinstance(encoder, av.VideoCodecContext)
            encoder.width, encoder.height, encoder.pix_fmt = *size, pixels
            encoder.framerate, encoder.time_base = Fraction(FPS), Fraction(1, FPS)
            encoder.options = {"threads": "1", **options}
            if turn == 0:
                stream = written.add_stream(codec, rate=FPS)
                assert isinstance(stream, av.VideoStream)
                stream.width, stream.height, stream.pix_fmt = *size, pixels
            pictures = range(turn * count, turn * count + count)
            for number in (*pictures, None):
                picture = None
                if number is not None:
                    drawn = numbered(number, size, visitor=True)
                    picture = av.VideoFrame.from_ndarray(drawn, format="bgr24").reformat(
                        format=pixels
                    )
                    picture.pts, picture.time_base = number, Fraction(1, FPS)
                for packet in encoder.encode(picture):
                    packet.stream = stream
                    packet.time_base = Fraction(1, FPS)
                    written.mux(packet)
    return path


def beginning_of(video: Path, count: int, path: Path) -> Path:
    """The first *count* pictures of *video*, copied to *path*."""
    with av.open(str(video)) as source, av.open(str(path), "w") as written:
        stream = written.add_stream_from_template(source.streams.video[0], opaque=True)
        for number, packet in enumerate(source.demux(video=0)):
            if number >= count or packet.dts is None:
                break
            packet.stream = stream
            written.mux(packet)
    return path


@dataclass(frozen=True)
class Shown:
    """A picture that a player shows: when, and (rows, columns) uint8, upright."""

    at_s: float
    grey: Image


def shown(clip: Path) -> list[Shown]:
    """Every picture that a player shows of *clip*, in order."""
    return list(_shown(clip))


def numbers(clip: Path) -> list[int]:
    """The numbers of the pictures that a player shows of *clip*."""
    return [number_of(one.grey) for one in shown(clip)]


def _shown(clip: Path) -> Iterator[Shown]:
    with av.open(str(clip)) as opened:
        for picture in opened.decode(video=0):
            grey = cv2.cvtColor(picture.to_ndarray(format="bgr24"), cv2.COLOR_BGR2GRAY)
            upright = grey[::-1, ::-1] if abs(picture.rotation) == 180 else grey
            yield Shown(float(picture.time or 0), np.asarray(upright, np.uint8))


def lasts_s(clip: Path) -> float:
    """The length of *clip* that a player shows."""
    with av.open(str(clip)) as opened:
        return (opened.duration or 0) / av.time_base


def sizes(clip: Path) -> set[tuple[int, int]]:
    """The sizes of the pictures in *clip*; fails at the first damaged picture."""
    with av.open(str(clip), options={"err_detect": "explode"}) as opened:
        opened.streams.video[0].codec_context.options = {"err_detect": "explode"}
        return {(picture.width, picture.height) for picture in opened.decode(video=0)}


def is_for_browsers(clip: Path) -> bool:
    """True if browsers, phones and Slack play *clip*: H.264 in avc1, 4:2:0, with one index."""
    with av.open(str(clip)) as opened:
        coder = opened.streams.video[0].codec_context
        is_h264 = (coder.name, coder.codec_tag) == ("h264", "avc1")
        plays = is_h264 and coder.pix_fmt in ("yuv420p", "yuvj420p")
    kinds = [kind for kind, _, _ in boxes_in(clip.read_bytes()) if kind != b"free"]
    return plays and kinds[0] == b"ftyp" and sorted(kinds[1:]) == [b"mdat", b"moov"]
