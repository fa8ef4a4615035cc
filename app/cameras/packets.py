"""A stream's compressed pictures, handed on beside the frames that are made of them."""

import math
import threading
from collections import deque
from typing import Protocol

import av
from av.bitstream import BitStreamFilterContext
from av.video.stream import VideoStream

from app.cameras.base import CameraSettings, PacketSink
from app.frames import Packet, VideoFormat

#: Codecs of which each packet is a picture of its own.
_SINGLE = ("mjpeg",)
#: Codecs whose packets need those before them, and what makes each key frame bring all that its
#: decoder must know.
_STREAMED = {
    "h264": "h264_mp4toannexb,dump_extra=freq=keyframe",
    "hevc": "hevc_mp4toannexb,dump_extra=freq=keyframe",
}
#: A step in the stamps that is longer, or goes back, is a jump.
_JUMP_S = 10.0
_WINDOW_S = 10.0
_MOST_HELD = 400
_USUAL_FPS = 25
_TICK_S = 1e-5


class StampClock:
    """Puts the stamps of a stream on the clock of its frames.

    A frame's time is when it was ready, which is a little late, and sometimes more. So those frames
    are believed that were late the least in the last ten to twenty seconds: the two clocks may
    drift apart, slowly.
    """

    def __init__(self) -> None:
        self._since_s = -math.inf
        self._before = self._now = math.inf

    def heard(self, stamp_s: float, at_s: float) -> None:
        """A picture stamped *stamp_s* was ready at *at_s*."""
        if at_s - self._since_s >= _WINDOW_S:
            self._before, self._now, self._since_s = self._now, math.inf, at_s
        self._now = min(self._now, at_s - stamp_s)

    def at(self, stamp_s: float) -> float | None:
        """When the picture stamped *stamp_s* was taken; None when nothing was heard yet."""
        apart_s = min(self._before, self._now)
        return stamp_s + apart_s if math.isfinite(apart_s) else None


class Stamped:
    """Hands packets of *footage* to *sink* as soon as it is known when their stamps were, on the
    clock of the frames. For any thread.
    """

    def __init__(self, footage: VideoFormat, sink: PacketSink) -> None:
        self._footage = footage
        self._sink = sink
        self._clock = StampClock()
        self._held: deque[tuple[bytes, float, float, bool]] = deque(maxlen=_MOST_HELD)
        self._last_stamp_s: float | None = None
        #: The last stamp before the stamps jumped.
        self._left_stamp_s = math.inf
        self._last_s = self._heard_s = -math.inf
        self._lock = threading.Lock()

    def came(self, data: bytes, stamp_s: float, decode_stamp_s: float, key: bool) -> None:
        """A packet came, of a picture stamped *stamp_s*; *decode_stamp_s* is its place among the
        others.
        """
        with self._lock:
            if (
                self._last_stamp_s is not None
                and not -1 < decode_stamp_s - self._last_stamp_s < _JUMP_S
            ):
                self._clock, self._left_stamp_s = StampClock(), self._last_stamp_s
                self._held.clear()
            self._last_stamp_s = decode_stamp_s
            self._held.append((data, stamp_s, decode_stamp_s, key))
            self._hand_on()

    def heard(self, stamp_s: float, at_s: float) -> float:
        """The picture stamped *stamp_s* was ready at *at_s*; returns when it was taken, which never
        goes back.
        """
        with self._lock:
            taken_s = None
            if self._is_of_now(stamp_s):
                self._clock.heard(stamp_s, at_s)
                self._hand_on()
                taken_s = self._clock.at(stamp_s)
            self._heard_s = max(taken_s or at_s, self._heard_s)
            return min(self._heard_s, at_s)

    def _is_of_now(self, stamp_s: float) -> bool:
        """Decoders hold pictures back: the first after a jump are stamped as before it, and tell
        nothing of the stamps now.
        """
        return self._last_stamp_s is None or abs(stamp_s - self._last_stamp_s) <= abs(
            stamp_s - self._left_stamp_s
        )

    def _hand_on(self) -> None:
        while self._held:
            data, stamp_s, decode_stamp_s, key = self._held[0]
            at_s, decode_s = self._clock.at(stamp_s), self._clock.at(decode_stamp_s)
            if at_s is None or decode_s is None:
                return
            self._held.popleft()
            decode_s = self._last_s = max(decode_s, self._last_s + _TICK_S)
            self._sink(Packet(data, max(at_s, decode_s), decode_s, key, self._footage))


class Tap(Protocol):
    """What a source tells, so that somebody gets its packets."""

    def came(self, packet: "av.Packet[VideoStream]") -> None:
        """*packet* was decoded."""

    def shown(self, stamp_s: float | None, at_s: float, /) -> float:
        """The picture stamped *stamp_s* becomes a frame and was ready at *at_s*; returns when it
        was taken.
        """


def make_tap(
    stream: VideoStream, settings: CameraSettings, sink: PacketSink | None, *, stamped: bool
) -> Tap | None:
    """What hands the packets of *stream* to *sink*; None when nobody wants them or nobody could use
    them.
    """
    codec = stream.codec_context.name
    if sink is None or not (codec in _SINGLE or (codec in _STREAMED and stamped)):
        return None
    context = stream.codec_context
    footage = VideoFormat(
        codec, context.width, context.height, context.pix_fmt or "", settings.hflip, settings.vflip
    )
    return _SingleTap(footage, sink) if codec in _SINGLE else _StreamTap(stream, footage, sink)


class _SingleTap:
    """Hands on the packets that become frames, and no others, just when they do."""

    def __init__(self, footage: VideoFormat, sink: PacketSink) -> None:
        self._footage = footage
        self._sink = sink
        self._data = b""

    def came(self, packet: "av.Packet[VideoStream]") -> None:
        self._data = bytes(packet)

    def shown(self, _stamp_s: float | None, at_s: float) -> float:
        self._sink(Packet(self._data, at_s, at_s, key=True, video_format=self._footage))
        return at_s


class _StreamTap:
    """Hands on every packet, since others need it."""

    def __init__(self, stream: VideoStream, footage: VideoFormat, sink: PacketSink) -> None:
        self._filter = BitStreamFilterContext(_STREAMED[footage.codec], stream)
        self._stamped = Stamped(footage, sink)
        self._usual_s = 1 / float(stream.guessed_rate or _USUAL_FPS)
        self._unstamped: list[tuple[list[bytes], bool]] = []

    def came(self, packet: "av.Packet[VideoStream]") -> None:
        shown = packet.dts if packet.pts is None else packet.pts
        if shown is None:
            # The first of an RTSP camera, often a key frame, tells no time.
            self._unstamped = [
                *self._unstamped[-_MOST_HELD:],
                (self._plain(packet), packet.is_keyframe),
            ]
            return
        decoded = shown if packet.dts is None else packet.dts
        stamp_s, decode_stamp_s = float(shown * packet.time_base), float(decoded * packet.time_base)
        before_s = decode_stamp_s - len(self._unstamped) * self._usual_s
        for number, (plain, key) in enumerate(self._unstamped):
            self._hand_over(
                plain, before_s + number * self._usual_s, before_s + number * self._usual_s, key
            )
        self._unstamped = []
        self._hand_over(self._plain(packet), stamp_s, decode_stamp_s, packet.is_keyframe)

    def shown(self, stamp_s: float | None, at_s: float) -> float:
        return at_s if stamp_s is None else self._stamped.heard(stamp_s, at_s)

    def _hand_over(
        self, plain: list[bytes], stamp_s: float, decode_stamp_s: float, key: bool
    ) -> None:
        for data in plain:
            self._stamped.came(data, stamp_s, decode_stamp_s, key)

    def _plain(self, packet: "av.Packet[VideoStream]") -> list[bytes]:
        # A filter empties what it is given.
        copied = av.Packet(bytes(packet))
        copied.pts, copied.dts, copied.time_base, copied.is_keyframe = (
            packet.pts,
            packet.dts,
            packet.time_base,
            packet.is_keyframe,
        )
        try:
            return [bytes(one) for one in self._filter.filter(copied)]
        except av.FFmpegError:
            return []
