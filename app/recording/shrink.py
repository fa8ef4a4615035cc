"""Makes a smaller rendition of a clip, for services that accept a limited number of bytes.

    python -m app.recording.shrink CLIP BYTES OUT

does this in a separate process.
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
from app.recording.rotation import Rotation

#: A video with fewer bits a second than this shows nothing.
LEAST_BITS_PER_S = 20_000
#: Below this number of bits for each pixel, a smaller picture looks sharper.
_BITS_PER_PIXEL = 0.08
_SCALES = (1.0, 0.75, 0.5, 0.375, 0.25)
_MOST_FPS = 10
#: The times in files are rounded, and cameras' clocks are not exact.
_EARLY_S = 0.02
_TRIES = 4
#: The pictures' share of the file; the rest is index.
_PICTURE_SHARE = 0.93


class _TooLarge(ClipError):
    """The rendition has *size* bytes, more than are allowed."""

    def __init__(self, size: int) -> None:
        super().__init__(f"{size} bytes")
        self.size = size


@dataclass(frozen=True, slots=True)
class _SourceClip:
    """The clip to shrink; *matrix* is libav's number of its colour matrix."""

    path: Path
    lasts_s: float
    width: int
    height: int
    bits_per_s: float
    pictures: int
    matrix: int


@dataclass(frozen=True, slots=True)
class _Rendition:
    """The size of a rendition in pixels, and its bits a second."""

    width: int
    height: int
    bits_per_s: int


def shrink(path: Path, target_bytes: int, out: Path) -> None:
    """Make *out* a rendition of the clip at *path* with *target_bytes* bytes at most.

    It lasts as long, is upright, and has the index in front like every clip. It has fewer bits, 10
    pictures a second at most and, if necessary, fewer pixels. Decoding and encoding run on one
    thread, up to four times. This keeps a Pi busy for about as long as the clip lasts. So call it
    where nobody waits, in a thread or process of low priority (`os.setpriority`).

    `ClipError` when *path* cannot be read, or when so few bytes could show nothing; other
    `OSError`s when *out* cannot be written. *out* is complete afterwards, or unchanged.
    """
    source = _open(path)
    bits_per_s = 8 * target_bytes * _PICTURE_SHARE / source.lasts_s
    for _ in range(_TRIES):
        if bits_per_s < LEAST_BITS_PER_S:
            break
        try:
            rendition = _fit(source, min(bits_per_s, source.bits_per_s))
            _write(source, rendition, out, target_bytes)
        except _TooLarge as error:
            bits_per_s *= 0.9 * target_bytes / error.size
        else:
            return
    raise ClipError(
        f"{path} lasts {source.lasts_s:.0f} s, which cannot be shown in {target_bytes} bytes"
    )


def _open(path: Path) -> _SourceClip:
    try:
        with av.open(str(path)) as clip:
            stream = clip.streams.video[0]
            source = _SourceClip(
                path,
                (clip.duration or 0) / av.time_base,
                stream.width,
                stream.height,
                clip.bit_rate,
                stream.frames,
                # 0 means red, green and blue; swscale converts them by BT.601.
                stream.codec_context.colorspace or Colorspace.ITU601,
            )
    except (av.FFmpegError, IndexError) as error:
        raise ClipError(f"{path} cannot be read: {error}") from None
    if source.lasts_s <= 0:
        raise ClipError(f"{path} shows nothing")
    return source


def _fit(source: _SourceClip, bits_per_s: float) -> _Rendition:
    """Return the rendition of *source* with the most pixels for which *bits_per_s* are enough."""
    pixels_per_s = source.width * source.height * _MOST_FPS
    enough = (
        scale for scale in _SCALES if bits_per_s / (scale**2 * pixels_per_s) >= _BITS_PER_PIXEL
    )
    scale = next(enough, _SCALES[-1])
    width, height = (max(round(side * scale / 2) * 2, 2) for side in (source.width, source.height))
    return _Rendition(width, height, round(bits_per_s))


def _write(source: _SourceClip, rendition: _Rendition, out: Path, target_bytes: int) -> None:
    try:
        with atomic_file(out) as file:
            _encode(source, rendition, file)
            if file.tell() > target_bytes:
                raise _TooLarge(file.tell())
    except av.FFmpegError as error:
        raise ClipError(f"{source.path} cannot be made smaller: {error}") from None


def _encode(source: _SourceClip, rendition: _Rendition, file: IO[bytes]) -> None:
    options = {
        "preset": "veryfast",
        "threads": "1",
        "b": str(rendition.bits_per_s),
        "maxrate": str(rendition.bits_per_s),
        "bufsize": str(2 * rendition.bits_per_s),
    }
    with av.open(file, "w", format="mp4", options=index_in_front(source.pictures)) as written:
        stream = written.add_stream("libx264", rate=_MOST_FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = rendition.width, rendition.height, "yuv420p"
        coder = stream.codec_context
        coder.time_base = TIME_BASE
        coder.colorspace, coder.color_range = source.matrix, ColorRange.MPEG
        for picture in _pictures(source, rendition):
            written.mux(stream.encode(picture))
        written.mux(stream.encode())
    file.seek(0, 2)


def _pictures(source: _SourceClip, rendition: _Rendition) -> Iterator[av.VideoFrame]:
    """Yield the clip's pictures, upright, in the size of *rendition*, 10 a second at most."""
    due_s = 0.0
    rotation: Rotation | None = None
    with av.open(str(source.path)) as clip:
        clip.streams.video[0].codec_context.thread_count = 1
        for decoded in clip.decode(video=0):
            at_s = decoded.time or 0.0
            if at_s < due_s - _EARLY_S:
                continue
            due_s = max(due_s + 1 / _MOST_FPS, at_s)
            upside_down = abs(decoded.rotation) == 180
            rotation = rotation or Rotation(upside_down, upside_down)
            picture = rotation.apply(
                decoded.reformat(
                    rendition.width,
                    rendition.height,
                    "yuv420p",
                    dst_color_range=ColorRange.MPEG,
                    threads=1,
                )
            )
            picture.pts, picture.time_base = round(at_s * TICKS_PER_S), TIME_BASE
            picture.pict_type = PictureType.NONE
            yield picture


if __name__ == "__main__":
    shrink(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
