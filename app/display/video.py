"""A video of the display: H.264 in MP4, for browsers and phones."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.container import OutputContainer
from av.video.reformatter import ColorRange, Colorspace

from app.display.panels import HEIGHT, WIDTH
from app.errors import ClipError
from app.files import atomic_file
from app.frames import Image
from app.recording.mp4 import TIME_BASE, without_log

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.stream import VideoStream

#: One thread, so that few pictures wait in memory; a key frame every fifty, for jumps in a player.
_OPTIONS = {"preset": "veryfast", "crf": "23", "threads": "1", "g": "50"}
AddPicture = Callable[[Image, float], None]


def problem_with(path: Path) -> str | None:
    """Return why no video can be written to *path*; None when it can be tried."""
    if path.suffix.lower() != ".mp4":
        return f"{path} must end in .mp4"
    if path.exists() or path.is_symlink():
        return f"{path} exists already: delete it, or give another name"
    if not path.parent.is_dir():
        return f"the folder {path.parent} does not exist"
    return None


@contextmanager
def display_video(path: Path) -> Iterator[AddPicture]:
    """Yield a function that adds a picture of the display, taken at so many seconds, to a video.

    The video is at *path* when the block ends; after a failure there is nothing. Raises an
    `OSError` when it cannot be written, `ClipError` when no picture was added.
    """
    try:
        with atomic_file(path) as file, av.open(file, "w", format="mp4") as written:
            video = _Video(written)
            yield video.add
            if not video.has_pictures:
                raise ClipError(f"{path} is not written: there was no picture")
            video.finish()
    except av.FFmpegError as error:
        raise without_log(error) from None


class _Video:
    """The only stream of *written*; its pictures may come at any rate."""

    def __init__(self, written: OutputContainer) -> None:
        self._written = written
        self._stream = written.add_stream("libx264", options=_OPTIONS)
        self._stream.width, self._stream.height, self._stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        coder = self._stream.codec_context
        coder.time_base = TIME_BASE
        coder.colorspace, coder.color_range = Colorspace.ITU709, ColorRange.MPEG
        self._zero_s = 0.0
        self._last, self._step = -1, 1

    @property
    def has_pictures(self) -> bool:
        return self._last >= 0

    def add(self, picture: Image, at_s: float) -> None:
        """Add *picture*, (rows, columns, BGR) uint8, which is shown until the next one comes."""
        if not self.has_pictures:
            self._zero_s = at_s
        ticks = max(round((at_s - self._zero_s) / TIME_BASE), self._last + 1)
        self._last, self._step = ticks, ticks - self._last
        converted = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(
            format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
        )
        converted.pts, converted.time_base = ticks, TIME_BASE
        self._mux(self._stream.encode(converted))

    def finish(self) -> None:
        """Write what the encoder still holds; the last picture lasts as long as the one before."""
        self._mux(self._stream.encode())

    def _mux(self, packets: "list[Packet[VideoStream]]") -> None:
        for packet in packets:
            packet.duration = self._step
            self._written.mux(packet)
