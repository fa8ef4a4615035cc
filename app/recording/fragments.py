"""A clip while it is written: a fragmented MP4, of which all but the last second can be played
whenever the writing ends.

`.clip.mp4.part` becomes `clip.mp4` when `app.recording.finishing` has put the index in front.
"""

import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import av
from av.stream import Stream

from app.errors import ClipError
from app.frames import Packet, VideoFormat
from app.recording.mp4 import TICKS_PER_S, TIME_BASE

_FRAGMENT_S = 1.0
_SYNC_EVERY_S = 10.0
_USUAL_TICKS = TICKS_PER_S // 10
_OPTIONS = {
    "movflags": "delay_moov+default_base_moof+skip_trailer",
    "frag_duration": str(round(_FRAGMENT_S * 1_000_000)),
    "avoid_negative_ts": "disabled",
}


@dataclass(frozen=True, slots=True)
class Label:
    """What must be known of a part of a clip to finish it.

    *note* is its owner's, *turned* whether it is shown upside down, and *offset_s* when it begins,
    from the beginning of its clip.
    """

    note: str = ""
    turned: bool = False
    offset_s: float = 0.0

    def written(self) -> str:
        """As text that goes into the file."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> "Label":
        """The one in *text*; an empty one when there is none."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError):
            return cls()


class Fragments:
    """Writes H.264 packets of *footage* to *path*, where *start_s* is zero. An `OSError` is the
    disk's; after one, only `close`.
    """

    def __init__(self, path: Path, footage: VideoFormat, start_s: float, label: Label) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._start_s = start_s
        self._file = _PlainFile(path)
        self._container = av.open(self._file, "w", format="mp4", options=_OPTIONS)
        self._container.metadata["comment"] = label.written()
        self._stream = self._container.add_mux_stream(
            "h264", width=footage.width, height=footage.height, time_base=TIME_BASE
        )
        self._held: av.Packet[Stream] | None = None
        self._last_dts: int | None = None
        self._interval = _USUAL_TICKS

    def write(self, packet: Packet) -> None:
        """Write *packet*, and the one before it to disk."""
        made = av.Packet(packet.data)
        dts = self._ticks(packet.decode_s)
        if self._last_dts is not None:
            dts = max(dts, self._last_dts + 1)
            self._interval = dts - self._last_dts
        self._last_dts = dts
        made.stream, made.time_base, made.is_keyframe = self._stream, TIME_BASE, packet.key
        made.dts, made.pts = dts, max(self._ticks(packet.at_s), dts)
        self._write_held()
        self._held = made

    def close(self) -> None:
        """Write what was held back, and let go of the file. An `OSError` when that does not work;
        the file is let go of all the same.
        """
        try:
            if not self._file.broken:
                self._write_held()
                self._container.close()
        except av.FFmpegError as error:
            raise ClipError(f"{self._file.path} cannot be written: {error}") from None
        finally:
            self._file.broken = True
            with suppress(av.FFmpegError, OSError):
                self._container.close()
            self._file.close()

    def _ticks(self, at_s: float) -> int:
        return round((at_s - self._start_s) * TICKS_PER_S)

    def _write_held(self) -> None:
        """How long a packet is shown is known when the next is there."""
        if self._held is None:
            return
        self._held.duration = self._interval
        held, self._held = self._held, None
        try:
            self._container.mux(held)
        except av.FFmpegError as error:
            raise ClipError(f"{self._file.path} cannot be written: {error}") from None
        self._file.sync_now_and_then()


class _PlainFile:
    """A file that takes all or raises, as libav does not notice when only a part was taken. Once
    *broken* it takes nothing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.broken = False
        self._descriptor = os.open(
            path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644
        )
        self._synced_s = time.monotonic()

    def write(self, data: bytes) -> int:
        left = memoryview(b"" if self.broken else data)
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except OSError:
                self.broken = True
                raise
        return len(data)

    def sync_now_and_then(self) -> None:
        """Let a power cut cost no more than some seconds, and the card no more than some syncs."""
        if time.monotonic() - self._synced_s >= _SYNC_EVERY_S:
            os.fdatasync(self._descriptor)
            self._synced_s = time.monotonic()

    def close(self) -> None:
        os.close(self._descriptor)
