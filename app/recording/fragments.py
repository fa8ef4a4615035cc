"""Writes a clip as a fragmented MP4, which can be played up to its last second at any time.

`app.recording.finishing` moves the index to the front; `.clip.mp4.part` is then `clip.mp4`.
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
from app.recording.mp4 import TICKS_PER_S, TIME_BASE, without_log

_FRAGMENT_S = 1.0
_SYNC_EVERY_S = 10.0
_USUAL_TICKS = TICKS_PER_S // 10
_OPTIONS = {
    "movflags": "delay_moov+default_base_moof+skip_trailer",
    "frag_duration": str(round(_FRAGMENT_S * 1_000_000)),
    "avoid_negative_ts": "disabled",
}


@dataclass(frozen=True, slots=True)
class ClipMetadata:
    """The facts for finishing a part of a clip, stored in its file.

    *note* is the purpose given for the clip. *turned* says whether players show the pictures upside
    down. *offset_s* is the time from the beginning of the clip to the beginning of the part.
    """

    note: str = ""
    turned: bool = False
    offset_s: float = 0.0

    def to_text(self) -> str:
        """Return the metadata as JSON, for the file."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> "ClipMetadata":
        """Return the metadata in *text*; the defaults when it holds none."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError):
            return cls()


class FragmentWriter:
    """Writes H.264 packets of *video_format* to *path*; *start_s* is time zero of the file.

    An `OSError` comes from the disk; after one, only `close` may be called.
    """

    def __init__(
        self, path: Path, video_format: VideoFormat, start_s: float, metadata: ClipMetadata
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._start_s = start_s
        self._file = _PlainFile(path)
        self._container = av.open(self._file, "w", format="mp4", options=_OPTIONS)
        self._container.metadata["comment"] = metadata.to_text()
        self._stream = self._container.add_mux_stream(
            "h264", width=video_format.width, height=video_format.height, time_base=TIME_BASE
        )
        self._held: av.Packet[Stream] | None = None
        self._last_dts: int | None = None
        self._interval = _USUAL_TICKS

    def write(self, packet: Packet) -> None:
        """Hold *packet*, and write the one before it to the file."""
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
        """Write the packet that is held, and close the file.

        The file is closed even if writing fails with an `OSError`.
        """
        try:
            if not self._file.broken:
                self._write_held()
                self._container.close()
        except av.FFmpegError as error:
            raise ClipError(f"{self._file.path} cannot be written: {without_log(error)}") from None
        finally:
            self._file.broken = True
            with suppress(av.FFmpegError, OSError):
                self._container.close()
            self._file.close()

    def _ticks(self, at_s: float) -> int:
        return round((at_s - self._start_s) * TICKS_PER_S)

    def _write_held(self) -> None:
        """Write the packet that is held; its duration is known when the next one has arrived."""
        if self._held is None:
            return
        self._held.duration = self._interval
        held, self._held = self._held, None
        try:
            self._container.mux(held)
        except av.FFmpegError as error:
            raise ClipError(f"{self._file.path} cannot be written: {without_log(error)}") from None
        self._file.sync_if_due()


class _PlainFile:
    """A file that writes all data or raises: libav does not notice an incomplete write.

    A *broken* file ignores all data.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.broken = False
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o644)
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

    def sync_if_due(self) -> None:
        """Sync every few seconds: a power cut loses little, and the card gets few syncs."""
        if time.monotonic() - self._synced_s >= _SYNC_EVERY_S:
            os.fdatasync(self._descriptor)
            self._synced_s = time.monotonic()

    def close(self) -> None:
        os.close(self._descriptor)
