"""Encoding what cannot be copied into a clip: pictures that came as JPEGs or raw, other codecs, and
mirrored H.264.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import cast

import av
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace

from app.frames import Packet, VideoFormat
from app.recording.mp4 import TICKS_PER_S, TIME_BASE
from app.recording.rotation import Turning

#: The pixel formats of H.264 that every browser and phone plays.
_PLAYED = ("yuv420p", "yuvj420p")
_KEY_EVERY_S = 2.0
_USUAL_FPS = Fraction(25)
#: A picture of a lit room takes 0.1. The noise of a dark one would take 1, which fills disks and
#: shows nothing.
_MOST_BITS_PER_PIXEL = 0.3
_OPTIONS = {
    "preset": "ultrafast",
    "tune": "zerolatency",
    "crf": "28",
    "threads": "1",
    "g": "100000",
    "forced-idr": "1",
}


def can_be_copied(footage: VideoFormat) -> bool:
    """Whether players show *footage* rightly as it is. They know how to turn a film upside down,
    but not all how to mirror one.
    """
    return footage.codec == "h264" and footage.pixels in _PLAYED and footage.hflip == footage.vflip


class Recoding:
    """Makes H.264 of the packets of *footage*, one after another, from *start_s* on; those before
    it are only decoded.

    libx264's fastest way, on the thread that calls. A packet that is damaged is passed over.
    """

    def __init__(self, footage: VideoFormat, start_s: float) -> None:
        self._start_s = start_s
        self._decoder = cast(av.VideoCodecContext, av.CodecContext.create(footage.codec, "r"))
        self._decoder.thread_count = 1
        self._turning = Turning(footage.hflip, footage.vflip)
        self._encoder: av.VideoCodecContext | None = None
        self._footage: VideoFormat | None = None
        self._key_due = 0
        self._last = -1

    def recoded(self, packet: Packet) -> Iterator[Packet]:
        """What can be written now that *packet* is there too."""
        given = av.Packet(packet.data)
        given.pts, given.dts = self._ticks(packet.at_s), self._ticks(packet.decode_s)
        given.time_base = TIME_BASE
        try:
            pictures = self._decoder.decode(given)
        except av.FFmpegError:
            return
        yield from self._encoded(pictures)

    def rest(self) -> Iterator[Packet]:
        """What was not ready before, when there are no more packets."""
        try:
            pictures = self._decoder.decode(None)
        except av.FFmpegError:
            pictures = []
        yield from self._encoded(pictures)
        if self._encoder:
            yield from self._packets(self._encoder.encode(None))

    def _ticks(self, at_s: float) -> int:
        return round((at_s - self._start_s) * TICKS_PER_S)

    def _encoded(self, pictures: Iterable[av.VideoFrame]) -> Iterator[Packet]:
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
            picture = self._turning.turned(picture)
            picture.pict_type = PictureType.I if at >= self._key_due else PictureType.NONE
            self._key_due = (
                at + round(_KEY_EVERY_S * TICKS_PER_S) if at >= self._key_due else self._key_due
            )
            yield from self._packets(encoder.encode(picture))

    def _make_encoder(self, picture: av.VideoFrame) -> av.VideoCodecContext:
        encoder = av.CodecContext.create("libx264", "w")
        # Colours are stored for every second pixel.
        encoder.width, encoder.height = picture.width // 2 * 2, picture.height // 2 * 2
        encoder.pix_fmt, encoder.time_base = "yuv420p", TIME_BASE
        # Untold, players guess by the size of the picture, and show those of large JPEGs in other
        # colours. Of red, green and blue swscale makes what BT.601 says.
        encoder.colorspace = Colorspace.ITU601 if picture.format.is_rgb else picture.colorspace
        encoder.color_range = ColorRange.MPEG
        # Untold, libx264 takes each tick for a picture, and its films claim to need a decoder
        # (level 6.2) that no phone has.
        encoder.framerate = _USUAL_FPS
        # Tuned so, libx264 takes each picture for one of that rate, and the most bits are those of
        # a picture, whatever the camera's rate.
        most_bits = str(round(_MOST_BITS_PER_PIXEL * encoder.width * encoder.height * _USUAL_FPS))
        encoder.options = {**_OPTIONS, "maxrate": most_bits, "bufsize": most_bits}
        self._footage = VideoFormat("h264", encoder.width, encoder.height, "yuv420p")
        return encoder

    def _packets(self, encoded: Iterable["av.Packet[av.stream.Stream]"]) -> Iterator[Packet]:
        for packet in encoded:
            if self._footage and packet.pts is not None:
                at_s = self._start_s + packet.pts / TICKS_PER_S
                yield Packet(bytes(packet), at_s, at_s, packet.is_keyframe, self._footage)
