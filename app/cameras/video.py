"""Video through libav: a file, an address that streams, or a V4L2 device."""

import math
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from fractions import Fraction
from functools import partial
from typing import NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.logging import Capture
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

from app.cameras.base import Camera, CameraSettings, Pace, flipped
from app.cameras.connection import Connections
from app.cameras.damage import DamageWatch, Message
from app.cameras.opening import (
    Source,
    find_source,
    is_kept_by_network,
    open_source,
    video_stream,
)
from app.cameras.pacing import Backlog, Pacing, PlayingTime
from app.cameras.packets import make_forwarder
from app.cameras.privacy import privacy_mask
from app.clock import Clock
from app.errors import CameraEnded, CameraError, CameraStalled
from app.frames import Frame, Image

#: Pixel formats whose first plane is luma, 8 bits a pixel.
_LUMA_FIRST = frozenset(
    (
        *("gray", "nv12", "nv21", "nv16", "nv24", "yuva420p", "yuv410p", "yuv411p"),
        *("yuv420p", "yuv422p", "yuv440p", "yuv444p"),
        *("yuvj411p", "yuvj420p", "yuvj422p", "yuvj440p", "yuvj444p"),
    )
)
_USUAL_FPS = 25
#: libav's AVFMT_NOTIMESTAMPS: libav invents the stamps of such a format from a guessed rate.
_NO_TIMESTAMPS = 0x0080


class _Read(NamedTuple):
    """A *packet* that came at *came_s*, after a wait since *began_s*, and its *pictures*.

    *pictures* is None where it could not be decoded. libav logged the messages while it was *read*,
    and while it was *decoded*.
    """

    packet: "av.Packet[VideoStream]"
    pictures: Sequence[av.VideoFrame] | None
    began_s: float
    came_s: float
    read: Sequence[Message]
    decoded: Sequence[Message]


class VideoCamera(Camera):
    """Reads what libav can read: a file, a stream or a device.

    A file or stream keeps its own size; a device is set to `resolution`. Pictures that come faster
    than `fps` are skipped. Luma has the levels of the source, and is the decoder's own memory.
    """

    def __init__(
        self, source: str, settings: CameraSettings, clock: Clock, pace: Pace = "own"
    ) -> None:
        self.source = source
        self._settings = settings
        self._clock = clock
        self._pace = pace
        self._container: InputContainer | None = None
        self._connections: Connections | None = None
        self._converting = threading.Lock()
        self._is_flipped = settings.hflip or settings.vflip
        self._privacy = privacy_mask(settings.privacy)

    def open(self) -> None:
        source = find_source(self.source, self._settings)
        if source.kind == "address":
            with Connections(source.url) as self._connections:
                self._container = open_source(self.source, source)
        else:
            self._container = open_source(self.source, source)
        self._begin(self._container, source)
        if source.kind == "device":
            self._warm_up()

    def read(self) -> Frame:
        if self._container is None:
            raise CameraError(f"{self.source} is not open")
        while True:
            number, picture = self._next_picture()
            stamp_s = self._stamp_s(picture)
            playing_s = self._playing.of(number, stamp_s if self._stamped else None)
            damaged = self._damage.is_damaged(picture, playing_s)
            self.corrupt += damaged
            self.pictures = self._number
            if self._by_arrival:
                is_kept = self._pacing.keep(self._clock.monotonic())
            else:
                is_kept = self._pacing.keep(playing_s)
            if is_kept and self._backlog and not self._backlog.keep():
                is_kept = False
                self._late += 1
            self.dropped = self._pacing.dropped + self._late
            if is_kept:
                return self._frame(number, picture, stamp_s, playing_s, damaged)

    def expect(self, reads: int) -> None:
        self._together = reads

    def close(self) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None
        if self._connections is not None:
            self._connections.close()

    def interrupt(self) -> None:
        if self._connections is not None:
            self._connections.shut()

    def _begin(self, container: InputContainer, source: Source) -> None:
        stream = video_stream(container)
        if stream is None:
            sound = ", only sound: take the address of its pictures" * bool(container.streams.audio)
            raise CameraError(f"{self.source} contains no video{sound}")
        if stream.codec_context is None:
            raise CameraError(f"{self.source}: there is no decoder for its video")
        # One thread needs the least CPU in all, and returns every picture at once.
        stream.codec_context.thread_count = 1
        settings = self._settings
        self.repeats = has_end = source.kind == "file" or container.duration is not None
        self._stamped = not container.format.flags & _NO_TIMESTAMPS
        self._by_arrival = not (self._stamped or has_end or self._pace == "fast")
        longest_s = math.inf if self._pace == "fast" else settings.stall_s / 2
        self._playing = PlayingTime(1 / float(stream.guessed_rate or _USUAL_FPS), longest_s)
        self._pacing = Pacing(self._clock, settings.fps, timed=has_end and self._pace == "own")
        self._packets: Iterator[av.Packet[VideoStream]] = container.demux(stream)
        self._ticks = (stream.time_base or Fraction(0)).as_integer_ratio()
        self._messages = Capture()
        #: What was read and is not looked at yet, and how much of that is read in one go.
        self._reads: deque[_Read] = deque()
        self._together = 1
        #: The error that comes after what was read.
        self._failure: CameraError | None = None
        self._decoded: deque[av.VideoFrame] = deque()
        self._damage = DamageWatch()
        self._forwarder = make_forwarder(stream, settings, self.sink, stamped=self._stamped)
        is_network = source.kind == "address" and not has_end
        self._backlog = Backlog(self._clock) if is_network else None
        by_stamps = self._forwarder is not None and self._forwarder.by_stamps
        self._may_be_late = is_network and by_stamps and is_kept_by_network(source)
        self._number = self._pictures = self.pictures = self.dropped = self.corrupt = 0
        self._late = 0
        self._opened_at = self._clock.now()

    def _warm_up(self) -> None:
        ready_s = self._clock.monotonic() + self._settings.warmup_s
        while self._clock.monotonic() < ready_s:
            self._next_picture()
        self._opened_at = self._clock.now()

    def _next_picture(self) -> tuple[int, av.VideoFrame]:
        began_s = self._clock.monotonic()
        while not self._decoded:
            if not self._reads:
                self._read_together()
            self._take(self._reads.popleft())
            if not self._decoded and self._clock.monotonic() - began_s > self._settings.stall_s:
                raise CameraStalled(
                    f"{self.source}: no data could be decoded for {self._settings.stall_s:g} s"
                )
        picture = self._decoded.popleft()
        number = self._number
        self._number += 1
        self._pictures += 1
        return number, picture

    def _read_together(self) -> None:
        """Read the expected packets, at least one, and decode them.

        Everything else is done with all of them afterwards: the work of the decoder drives code and
        data of the rest out of the processor's caches.
        """
        if self._failure:
            raise self._failure
        count, self._together = self._together, 1
        try:
            for _ in range(count):
                self._reads.append(self._read_one())
        except CameraError as error:
            if not self._reads:
                raise
            self._failure = error

    def _read_one(self) -> _Read:
        began_s = self._clock.monotonic()
        packet = self._next_packet()
        came_s, logs = self._clock.monotonic(), self._messages.logs
        read = _taken(logs)
        pictures: Sequence[av.VideoFrame] | None = None
        with suppress(av.FFmpegError), self._messages:
            pictures = packet.decode()
        return _Read(packet, pictures, began_s, came_s, read, _taken(logs))

    def _take(self, read: _Read) -> None:
        """Take the pictures of a packet, and follow what it says of the stream."""
        if self._backlog:
            self._backlog.record_read(read.began_s, read.came_s)
            self.patient = self._may_be_late and not self._backlog.is_suspect
        self._damage.packet_read(read.packet, read.read)
        if read.pictures is None:
            self._number += 1
            self.corrupt += 1
            self._damage.record_loss()
        else:
            self._decoded.extend(read.pictures)
            self._damage.packet_decoded(read.decoded)
        if self._forwarder:
            self._forwarder.packet_decoded(read.packet)

    def _next_packet(self) -> "av.Packet[VideoStream]":
        try:
            with self._messages:
                return next(self._packets)
        except StopIteration:
            if self._pictures == 0:
                raise CameraError(
                    f"{self.source} contains no picture that can be decoded"
                ) from None
            raise CameraEnded(f"{self.source} has ended") from None
        except av.ExitError:
            raise CameraStalled(
                f"{self.source} sent nothing for {self._settings.stall_s:g} s"
            ) from None
        except av.FFmpegError as error:
            raise CameraError(f"{self.source} broke off: {error.strerror}") from None

    def _stamp_s(self, picture: av.VideoFrame) -> float | None:
        # libav's own `time` makes fractions, which are slow. A division is as exact, and a product
        # with the length of a tick is not: 0.3 s would become 0.30000000000000004.
        ticks, a_second = self._ticks
        return None if picture.pts is None else picture.pts * ticks / a_second

    def _frame(
        self,
        number: int,
        picture: av.VideoFrame,
        stamp_s: float | None,
        playing_s: float,
        damaged: bool,
    ) -> Frame:
        """Return *picture* as a frame with the time of its stamp, however late it was read."""
        luma, span = _luma(picture)
        if self._is_flipped:
            luma = flipped(luma, self._settings)
        if self._privacy:
            luma = self._privacy.luma(luma)
        luma.flags.writeable = False
        make_bgr = partial(self._bgr, picture)
        at_s = ready_s = self._clock.monotonic()
        if self._pace == "fast":
            at_s = ready_s = playing_s
            taken_at = self._opened_at + timedelta(seconds=playing_s)
        else:
            taken_at = self._clock.now()
        if self._forwarder:
            at_s = self._forwarder.frame_ready(stamp_s, ready_s)
            taken_at -= timedelta(seconds=ready_s - at_s)
        return Frame(luma, at_s, taken_at, number, make_bgr, span, damaged, self._damage.scene)

    def _bgr(self, picture: av.VideoFrame) -> Image:
        # Several threads may need the colours, but libav's converter changes the picture as it
        # works.
        with self._converting:
            bgr = flipped(_converted(picture, "bgr24"), self._settings)
        return self._privacy.bgr(bgr) if self._privacy else bgr


def _taken(messages: list[Message]) -> Sequence[Message]:
    """Return *messages*, and empty them; there are hardly ever any."""
    if not messages:
        return ()
    taken = tuple(messages)
    messages.clear()
    return taken


def _luma(picture: av.VideoFrame) -> tuple[Image, int]:
    """Return the luma plane, and the difference between white and black in it.

    It is the decoder's own memory.
    """
    plane, pixels, width = VideoPlane(picture, 0), picture.format.name, picture.width
    line = plane.line_size
    if pixels not in _LUMA_FIRST or line < width:
        return _converted(picture, "gray"), 255
    luma: Image = np.ndarray((picture.height, width), np.uint8, memoryview(plane), 0, (line, 1))
    full = pixels == "gray" or pixels.startswith("yuvj") or picture.color_range == ColorRange.JPEG
    return luma, 255 if full else 219


def _converted(picture: av.VideoFrame, pixels: str) -> Image:
    return picture.reformat(format=pixels, threads=1).to_ndarray().astype(np.uint8, copy=False)
