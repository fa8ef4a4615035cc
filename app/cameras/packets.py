"""Forwards a stream's compressed pictures, beside the frames that are made of them.

A "stamp" here is a time stamp of the stream, in seconds. `PacketTimer` gives each packet its time
on the clock of the frames.
"""

import math
import re
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple, Protocol

import av
from av.bitstream import BitStreamFilterContext
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from app.cameras.base import CameraSettings, PacketSink
from app.cameras.privacy import privacy_mask
from app.cameras.stamp_clock import StampClock
from app.frames import Packet, VideoFormat

#: Codecs in which each packet is a complete picture.
_SINGLE = ("mjpeg",)
#: Codecs whose packets need earlier packets, and the libav filter that makes each key frame bring
#: all that its decoder must know.
_STREAMED = {
    "h264": "h264_mp4toannexb,dump_extra=freq=keyframe",
    "hevc": "hevc_mp4toannexb,dump_extra=freq=keyframe",
}
#: A longer step in the stamps is a jump. A step back of more than a second is a jump too.
_JUMP_S = 10.0
_JUMP_BACK_S = 1.0
#: The kinds of units of a packet that hold parameters of the decoder, and those of a picture.
_PARAMETERS = {"h264": (7, 8), "hevc": (32, 33, 34)}
_PICTURES = {"h264": range(1, 6), "hevc": range(32)}
_START_CODE = re.compile(rb"\x00\x00\x01(?=.)", re.DOTALL)
#: The parameters are in the first bytes of a packet.
_MOST_PARAMETER_BYTES = 4096
_MOST_HELD = 400
_USUAL_FPS = 25
_TICK_S = 1e-5


class _Held(NamedTuple):
    """A packet that waits until its time on the clock of the frames is known."""

    data: bytes
    stamp_s: float
    decode_stamp_s: float
    key: bool
    video_format: VideoFormat


class PacketTimer:
    """Forwards packets of *video_format* to *sink*, with times on the clock of the frames.

    A packet waits until the time of its stamp is known. Any thread may call the methods.
    """

    def __init__(self, video_format: VideoFormat, sink: PacketSink) -> None:
        self._video_format = video_format
        self._sink = sink
        self._clock = StampClock()
        self._held: deque[_Held] = deque(maxlen=_MOST_HELD)
        self._last_stamp_s: float | None = None
        #: The last stamp before the latest jump.
        self._stamp_before_jump_s = math.inf
        self._last_decode_s = self._last_taken_s = -math.inf
        self._lock = threading.Lock()

    def add_packet(
        self,
        data: bytes,
        stamp_s: float,
        decode_stamp_s: float,
        key: bool,
        video_format: VideoFormat | None = None,
    ) -> None:
        """Add the packet of the picture stamped *stamp_s*.

        *decode_stamp_s* is its place in the order of the packets. *key* is True for a key frame.
        *video_format* is given where the camera may change its format.
        """
        with self._lock:
            last_s = self._last_stamp_s
            if last_s is not None and not -_JUMP_BACK_S < decode_stamp_s - last_s < _JUMP_S:
                self._clock, self._stamp_before_jump_s = StampClock(), last_s
                self._held.clear()
            self._last_stamp_s = decode_stamp_s
            held = (data, stamp_s, decode_stamp_s, key, video_format or self._video_format)
            if self._held or not self._forward(*held):
                self._held.append(_Held(*held))

    def record_frame(self, stamp_s: float, at_s: float) -> float:
        """Record that the picture stamped *stamp_s* was ready at *at_s*.

        Returns when it was taken, which never goes back.
        """
        with self._lock:
            taken_s = None
            if self._is_after_jump(stamp_s):
                self._clock.record_frame(stamp_s, at_s)
                while self._held and self._forward(*self._held[0]):
                    self._held.popleft()
                taken_s = self._clock.time_of(stamp_s)
            self._last_taken_s = max(taken_s or at_s, self._last_taken_s)
            return min(self._last_taken_s, at_s)

    def _is_after_jump(self, stamp_s: float) -> bool:
        # A decoder delays pictures: the first pictures after a jump have stamps from before the
        # jump.
        if self._last_stamp_s is None:
            return True
        return abs(stamp_s - self._last_stamp_s) <= abs(stamp_s - self._stamp_before_jump_s)

    def _forward(
        self,
        data: bytes,
        stamp_s: float,
        decode_stamp_s: float,
        key: bool,
        video_format: VideoFormat,
    ) -> bool:
        """Forward a packet; returns False while its time is not known."""
        at_s = decode_s = self._clock.time_of(stamp_s)
        if decode_stamp_s != stamp_s:
            decode_s = self._clock.time_of(decode_stamp_s)
        if at_s is None or decode_s is None:
            return False
        decode_s = self._last_decode_s = max(decode_s, self._last_decode_s + _TICK_S)
        self._sink(Packet(data, max(at_s, decode_s), decode_s, key, video_format))
        return True


class PacketForwarder(Protocol):
    """Receives the packets of a source, and the times of its frames, and forwards the packets."""

    #: Whether a frame's time is that of its stamp, however late it is ready.
    by_stamps: bool

    def packet_decoded(self, packet: "av.Packet[VideoStream]") -> None:
        """Receive *packet*, which was decoded."""

    def frame_ready(self, stamp_s: float | None, at_s: float, /) -> float:
        """Receive the picture stamped *stamp_s*, which became a frame and was ready at *at_s*.

        Returns when it was taken.
        """


def make_forwarder(
    stream: VideoStream, settings: CameraSettings, sink: PacketSink | None, *, stamped: bool
) -> PacketForwarder | None:
    """Return the forwarder of the packets of *stream* to *sink*.

    None when there is no *sink*, or when clips cannot be made of the packets.
    """
    context = stream.codec_context
    codec = context.name
    if sink is None or not (codec in _SINGLE or (codec in _STREAMED and stamped)):
        return None
    size, pixels = (context.width, context.height), context.pix_fmt or ""
    privacy = privacy_mask(settings.privacy)
    hide = privacy.yuv if privacy else None
    video_format = VideoFormat(codec, *size, pixels, settings.hflip, settings.vflip, hide=hide)
    if codec in _SINGLE:
        return _SingleForwarder(stream, video_format, sink)
    return _StreamForwarder(stream, video_format, sink)


def _followed(video_format: VideoFormat, context: VideoCodecContext) -> VideoFormat:
    """Return *video_format*, or another one of the same opening if the decoder has another."""
    size, pixels = (context.width, context.height), context.pix_fmt or video_format.pixels
    if size == (video_format.width, video_format.height) and pixels == video_format.pixels:
        return video_format
    return replace(video_format, width=size[0], height=size[1], pixels=pixels)


class _SingleForwarder:
    """Forwards only the packets that become frames, at the time of the frame."""

    by_stamps = False

    def __init__(self, stream: VideoStream, video_format: VideoFormat, sink: PacketSink) -> None:
        self._context = stream.codec_context
        self._video_format = video_format
        self._sink = sink
        self._data = b""

    def packet_decoded(self, packet: "av.Packet[VideoStream]") -> None:
        self._data = bytes(packet)
        self._video_format = _followed(self._video_format, self._context)

    def frame_ready(self, _stamp_s: float | None, at_s: float) -> float:
        self._sink(Packet(self._data, at_s, at_s, key=True, video_format=self._video_format))
        return at_s


class _Plain(NamedTuple):
    """A packet as clips need it: in Annex B, and with all parameters in a key frame."""

    parts: Sequence[bytes]
    key: bool
    video_format: VideoFormat


class _StreamForwarder:
    """Forwards every packet, because later packets need it."""

    by_stamps = True

    def __init__(self, stream: VideoStream, video_format: VideoFormat, sink: PacketSink) -> None:
        self._timer = PacketTimer(video_format, sink)
        self._tick_s = float(stream.time_base or 0)
        self._usual_s = 1 / float(stream.guessed_rate or _USUAL_FPS)
        self._unstamped: deque[_Plain] = deque(maxlen=_MOST_HELD + 1)
        self._context = stream.codec_context
        self._extradata = self._context.extradata or b""
        #: Makes Annex B of the packets; None where they are that already, as those of RTSP.
        self._filter: BitStreamFilterContext | None = None
        if self._extradata[:1] == b"\1":
            self._filter = BitStreamFilterContext(_STREAMED[video_format.codec], stream)
        self._video_format = video_format
        self._parameters: frozenset[bytes] | None = None

    def packet_decoded(self, packet: "av.Packet[VideoStream]") -> None:
        plain = self._plain(packet)
        stamp, decode_stamp = packet.pts, packet.dts
        stamp = decode_stamp if stamp is None else stamp
        if stamp is None:
            # The first packet of an RTSP camera, often a key frame, has no stamp.
            self._unstamped.append(plain)
            return
        stamp_s = stamp * self._tick_s
        decode_stamp_s = stamp_s if decode_stamp is None else decode_stamp * self._tick_s
        if self._unstamped:
            self._add_unstamped(decode_stamp_s)
        self._add(plain, stamp_s, decode_stamp_s)

    def frame_ready(self, stamp_s: float | None, at_s: float) -> float:
        return at_s if stamp_s is None else self._timer.record_frame(stamp_s, at_s)

    def _add_unstamped(self, until_s: float) -> None:
        """Add the packets without a stamp, stamped at the usual rate up to *until_s*."""
        began_s = until_s - len(self._unstamped) * self._usual_s
        for number, plain in enumerate(self._unstamped):
            stamp_s = began_s + number * self._usual_s
            self._add(plain, stamp_s, stamp_s)
        self._unstamped.clear()

    def _add(self, plain: _Plain, stamp_s: float, decode_stamp_s: float) -> None:
        for data in plain.parts:
            self._timer.add_packet(data, stamp_s, decode_stamp_s, plain.key, plain.video_format)

    def _plain(self, packet: "av.Packet[VideoStream]") -> _Plain:
        """Return *packet* as clips need it, in a new format where a key frame brings one."""
        key = packet.is_keyframe
        parts = self._filtered(packet, self._filter) if self._filter else (bytes(packet),)
        if key:
            parameters = parameter_sets(b"".join(parts), self._video_format.codec)
            if not (self._filter or parameters):
                # The parameters of the beginning stay valid until a key frame brings others.
                parts = (self._extradata + parts[0],)
                parameters = parameter_sets(parts[0], self._video_format.codec)
            self._follow(parameters)
        return _Plain(parts, key, self._video_format)

    def _follow(self, parameters: frozenset[bytes]) -> None:
        """Change the format when the size or the *parameters* of the decoder have changed."""
        before, self._parameters = self._parameters, parameters or self._parameters
        followed = _followed(self._video_format, self._context)
        if followed is self._video_format and before not in (None, self._parameters):
            followed = replace(followed)
        self._video_format = followed

    def _filtered(
        self, packet: "av.Packet[VideoStream]", to_annex_b: BitStreamFilterContext
    ) -> Sequence[bytes]:
        # A filter empties the packet that it gets.
        copied = av.Packet(bytes(packet))
        copied.pts, copied.dts = packet.pts, packet.dts
        copied.time_base, copied.is_keyframe = packet.time_base, packet.is_keyframe
        try:
            return [bytes(one) for one in to_annex_b.filter(copied)]
        except av.FFmpegError:
            return []


def parameter_sets(data: bytes, codec: str) -> frozenset[bytes]:
    """Return the parameter sets before the picture in *data*, a packet of *codec* in Annex B."""
    begins = [found.end() for found in _START_CODE.finditer(data[:_MOST_PARAMETER_BYTES])]
    found = set()
    for begin, end in pairwise(begins):
        kind = data[begin] & 31 if codec == "h264" else data[begin] >> 1 & 63
        if kind in _PICTURES[codec]:
            break
        if kind in _PARAMETERS[codec]:
            found.add(data[begin:end].removesuffix(b"\0\0\1").rstrip(b"\0"))
    return frozenset(found)
