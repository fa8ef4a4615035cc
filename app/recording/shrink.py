"""A smaller rendition of a clip, for services that take only so many bytes.

    python -m app.recording.shrink CLIP BYTES OUT

makes one in a process of its own.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import av
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace

from app.errors import ClipError
from app.files import atomic_file
from app.recording.mp4 import TICKS_PER_S, TIME_BASE, index_in_front
from app.recording.rotation import Turning

#: With fewer bits a second than this there is nothing to be seen any more.
LEAST_BITS_PER_S = 20_000
#: Fewer bits than this for each pixel of a picture blur it more than fewer pixels would.
_BITS_PER_PIXEL = 0.08
_SCALES = (1.0, 0.75, 0.5, 0.375, 0.25)
_MOST_FPS = 10
#: Stamps are rounded, and clocks jitter.
_EARLY_S = 0.02
_TRIES = 4
#: What of the file is picture; the rest is index.
_PICTURE_SHARE = 0.93


class _TooLarge(ClipError):
    """It came out larger than it may be: *size* bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(f"{size} bytes")
        self.size = size


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a rendition is to be: its size in pixels, its bits a second, and by which matrix, as
    libav counts them, its colours are made.
    """

    width: int
    height: int
    bits_per_s: int
    matrix: int


def smaller(path: Path, target_bytes: int, out: Path) -> None:
    """Make *out* a rendition of the clip at *path* that has at most *target_bytes* bytes.

    It lasts as long and stands as upright, and has the index in front as every clip; it has fewer
    bits, pictures (10 a second) and, where those bits would not do, pixels. This decodes and
    encodes everything on one thread, up to four times, which keeps a Pi busy for about as long as
    the clip lasts: call it where nobody waits, in a thread or process of low priority
    (`os.setpriority`). `ClipError` when *path* cannot be read, or nothing could be seen in so few
    bytes; other `OSError`s when *out* cannot be written. *out* is whole, or as it was before.
    """
    try:
        with av.open(str(path)) as clip:
            stream = clip.streams.video[0]
            lasts_s = (clip.duration or 0) / av.time_base
            size, own_bits_per_s, pictures = (
                (stream.width, stream.height),
                clip.bit_rate,
                stream.frames,
            )
            # 0 means red, green and blue, of which swscale makes what BT.601 says.
            matrix = stream.codec_context.colorspace or Colorspace.ITU601
    except (av.FFmpegError, IndexError) as error:
        raise ClipError(f"{path} cannot be read: {error}") from None
    if lasts_s <= 0:
        raise ClipError(f"{path} shows nothing")
    bits_per_s = 8 * target_bytes * _PICTURE_SHARE / lasts_s
    for _ in range(_TRIES):
        if bits_per_s < LEAST_BITS_PER_S:
            break
        try:
            _write(
                path,
                out,
                _shape(size, min(bits_per_s, own_bits_per_s), matrix),
                target_bytes,
                pictures,
            )
        except _TooLarge as error:
            bits_per_s *= 0.9 * target_bytes / error.size
        else:
            return
    raise ClipError(f"{path} lasts {lasts_s:.0f} s, which cannot be shown in {target_bytes} bytes")


def _shape(size: tuple[int, int], bits_per_s: float, matrix: int) -> _Shape:
    """As many pixels of *size* as *bits_per_s* are enough for."""
    width, height = size
    enough = (
        scale
        for scale in _SCALES
        if bits_per_s / (scale * width * scale * height * _MOST_FPS) >= _BITS_PER_PIXEL
    )
    scale = next(enough, _SCALES[-1])
    return _Shape(
        max(round(width * scale / 2) * 2, 2),
        max(round(height * scale / 2) * 2, 2),
        round(bits_per_s),
        matrix,
    )


def _write(path: Path, out: Path, shape: _Shape, target_bytes: int, pictures: int) -> None:
    try:
        with atomic_file(out) as file:
            _encode(path, file, shape, pictures)
            if file.tell() > target_bytes:
                raise _TooLarge(file.tell())
    except av.FFmpegError as error:
        raise ClipError(f"{path} cannot be made smaller: {error}") from None


def _encode(path: Path, file: IO[bytes], shape: _Shape, pictures: int) -> None:
    rate = {
        "b": str(shape.bits_per_s),
        "maxrate": str(shape.bits_per_s),
        "bufsize": str(2 * shape.bits_per_s),
    }
    with av.open(file, "w", format="mp4", options=index_in_front(pictures)) as written:
        stream = written.add_stream(
            "libx264", rate=_MOST_FPS, options={"preset": "veryfast", "threads": "1", **rate}
        )
        stream.width, stream.height, stream.pix_fmt = shape.width, shape.height, "yuv420p"
        stream.codec_context.time_base = TIME_BASE
        stream.codec_context.colorspace, stream.codec_context.color_range = (
            shape.matrix,
            ColorRange.MPEG,
        )
        for picture in _thinned(path, shape):
            written.mux(stream.encode(picture))
        written.mux(stream.encode())
    file.seek(0, 2)


def _thinned(path: Path, shape: _Shape) -> Iterator[av.VideoFrame]:
    """The clip's pictures in the size of *shape*, upright, and no more than wanted in a second."""
    due_s = 0.0
    turning: Turning | None = None
    with av.open(str(path)) as clip:
        clip.streams.video[0].codec_context.thread_count = 1
        for decoded in clip.decode(video=0):
            at_s = decoded.time or 0.0
            if at_s < due_s - _EARLY_S:
                continue
            due_s = max(due_s + 1 / _MOST_FPS, at_s)
            upside_down = abs(decoded.rotation) == 180
            turning = turning or Turning(upside_down, upside_down)
            picture = turning.turned(
                decoded.reformat(
                    shape.width, shape.height, "yuv420p", dst_color_range=ColorRange.MPEG, threads=1
                )
            )
            picture.pts, picture.time_base, picture.pict_type = (
                round(at_s * TICKS_PER_S),
                TIME_BASE,
                PictureType.NONE,
            )
            yield picture


if __name__ == "__main__":
    smaller(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
