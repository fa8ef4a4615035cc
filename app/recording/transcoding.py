"""Encodes pictures that cannot be copied into a clip.

These are raw pictures, JPEGs, codecs other than H.264, and H.264 that must be mirrored.
"""

import os
import threading
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace

from app.frames import Packet, VideoFormat
from app.recording.mp4 import TICKS_PER_S, TIME_BASE
from app.recording.rotation import Rotation

#: The pixel formats of H.264 that every browser and phone plays.
_PLAYED = ("yuv420p", "yuvj420p")
_KEY_EVERY_TICKS = 2 * TICKS_PER_S
_USUAL_FPS = Fraction(25)
#: A picture of a lit room takes 0.1. The noise of a dark room would take 1, which would fill disks
#: and show nothing.
_MOST_BITS_PER_PIXEL = 0.3
_NICE = 10
_OPTIONS = {
    "preset": "ultrafast",
    "tune": "zerolatency",
    "crf": "28",
    "threads": "1",
    "g": "100000",
    "forced-idr": "1",
}


def can_be_copied(video: VideoFormat) -> bool:
    """Return whether players show *video* correctly as it is.

    All of them can show a video upside down, but some cannot mirror it. A video in which something
    must be hidden is never copied.
    """
    return (
        video.hide is None
        and video.codec == "h264"
        and video.pixels in _PLAYED
        and video.hflip == video.vflip
    )


class Transcoder:
    """Makes H.264 of the packets of *given*; those before *start_s* are only decoded.

    libx264 runs with its fastest preset, on the calling thread, which lets all others run first
    from now on. A damaged packet is skipped.
    """

    def __init__(self, given: VideoFormat, start_s: float) -> None:
        _lower_priority()
        self._start_s = start_s
        self._decoder = cast(av.VideoCodecContext, av.CodecContext.create(given.codec, "r"))
        self._decoder.thread_count = 1
        self._rotation = Rotation(given.hflip, given.vflip)
        self._hide = given.hide
        self._encoder: av.VideoCodecContext | None = None
        self._format: VideoFormat | None = None
        self._key_due = 0
        self._last = -1

    def transcode(self, packet: Packet) -> Iterator[Packet]:
        """Yield the packets that are ready after *packet*."""
        compressed = av.Packet(packet.data)
        compressed.pts, compressed.dts = self._ticks(packet.at_s), self._ticks(packet.decode_s)
        compressed.time_base = TIME_BASE
        try:
            pictures = self._decoder.decode(compressed)
        except av.FFmpegError:
            return
        yield from self._encode(pictures)

    def flush(self) -> Iterator[Packet]:
        """Yield the remaining packets, after the last one was given."""
        try:
            pictures = self._decoder.decode(None)
        except av.FFmpegError:
            pictures = []
        yield from self._encode(pictures)
        if self._encoder:
            yield from self._packets(self._encoder.encode(None))

    def _ticks(self, at_s: float) -> int:
        return round((at_s - self._start_s) * TICKS_PER_S)

    def _encode(self, pictures: Iterable[av.VideoFrame]) -> Iterator[Packet]:
        for decoded in pictures:
            at = decoded.pts
            if at is None or at <= self._last:
                continue
            self._last = at
            encoder = self._encoder = self._encoder or self._make_encoder(decoded)
            picture = decoded.reformat(
                encoder.width, encoder.height, "yuv420p", dst_color_range=ColorRange.MPEG, threads=1
            )
            picture.pts, picture.time_base = at, TIME_BASE
            picture = self._hidden(self._rotation.apply(picture))
            picture.pict_type = PictureType.NONE
            if at >= self._key_due:
                picture.pict_type = PictureType.I
                self._key_due = at + _KEY_EVERY_TICKS
            yield from self._packets(encoder.encode(picture))

    def _hidden(self, picture: av.VideoFrame) -> av.VideoFrame:
        """Return *picture*, or a copy with the privacy masks painted into it."""
        if self._hide is None:
            return picture
        planes = picture.to_ndarray().astype(np.uint8, copy=False)
        painted = av.VideoFrame.from_ndarray(self._hide(planes), format="yuv420p")
        painted.pts, painted.time_base = picture.pts, picture.time_base
        painted.colorspace, painted.color_range = picture.colorspace, picture.color_range
        return painted

    def _make_encoder(self, picture: av.VideoFrame) -> av.VideoCodecContext:
        encoder = av.CodecContext.create("libx264", "w")
        # Colours are stored for every second pixel.
        encoder.width, encoder.height = picture.width // 2 * 2, picture.height // 2 * 2
        encoder.pix_fmt, encoder.time_base = "yuv420p", TIME_BASE
        # Without a colour space players guess it by the size of the picture, and show large JPEGs
        # in other colours. swscale converts red, green and blue by BT.601.
        encoder.colorspace = Colorspace.ITU601 if picture.format.is_rgb else picture.colorspace
        encoder.color_range = ColorRange.MPEG
        # Without a frame rate libx264 counts each tick as a picture, and its videos claim to need a
        # decoder (level 6.2) that no phone has.
        encoder.framerate = _USUAL_FPS
        # With the tuning "zerolatency" libx264 applies the limit to each picture at this rate,
        # whatever the camera's rate is.
        most_bits = str(round(_MOST_BITS_PER_PIXEL * encoder.width * encoder.height * _USUAL_FPS))
        encoder.options = {**_OPTIONS, "maxrate": most_bits, "bufsize": most_bits}
        self._format = VideoFormat("h264", encoder.width, encoder.height, "yuv420p")
        return encoder

    def _packets(self, encoded: Iterable["av.Packet[av.stream.Stream]"]) -> Iterator[Packet]:
        for packet in encoded:
            if self._format and packet.pts is not None:
                at_s = self._start_s + packet.pts / TICKS_PER_S
                yield Packet(bytes(packet), at_s, at_s, packet.is_keyframe, self._format)


def _lower_priority() -> None:
    """Lower the priority of this thread: on Linux each thread has its own."""
    own = threading.get_native_id()
    os.setpriority(os.PRIO_PROCESS, own, max(os.getpriority(os.PRIO_PROCESS, own), _NICE))
