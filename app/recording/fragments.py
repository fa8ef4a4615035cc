"""Writes a clip as a fragmented MP4, of which a kill costs only what is not written yet.

`app.recording.finishing` adds an index at the end: `.clip.mp4.part` is then `clip.mp4`.
"""

import io
import json
import os
import struct
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import av

from app.errors import ClipError
from app.frames import Packet
from app.recording.boxes import FULL_HEAD_BYTES, HEAD_BYTES, box, boxes_in, full_box
from app.recording.mp4 import TICKS_PER_S, TIME_BASE, without_log
from app.recording.mp4_index import begin_at
from app.recording.picture_table import FragmentedFile, PictureTable

_SYNC_EVERY_S = 10.0
_USUAL_TICKS = TICKS_PER_S // 10
_START_CODE = b"\0\0\1"
_KEY_FLAGS, _OTHER_FLAGS = 0x2000000, 0x1010000
_OPTIONS = {
    "movflags": "delay_moov+default_base_moof+skip_trailer",
    "movie_timescale": str(TICKS_PER_S),
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
    """Writes H.264 packets to *path*, from *first* on; *start_s* is where players begin.

    An `OSError` comes from the disk; after one, only `close` may be called.
    """

    def __init__(self, path: Path, first: Packet, start_s: float, metadata: ClipMetadata) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._start_s = start_s
        self._begin_dts = round((first.decode_s - start_s) * TICKS_PER_S)
        self._last_dts = self._begin_dts - 1
        self._interval = _USUAL_TICKS
        self._number = 0
        self._table = PictureTable()
        self._data_at: list[int] = []
        ftyp, head = _head(first, metadata, path)
        self._ftyp, self._head = ftyp, begin_at(head, -self._begin_dts)
        self._written_bytes = 0
        self._file = _PlainFile(path)

    def write(self, packets: Sequence[Packet]) -> None:
        """Write *packets* as one fragment."""
        if not packets:
            return
        start_s, dts = self._start_s, self._last_dts
        rows = list[int]()
        data, times = list[bytes](), list[int]()
        for packet in packets:
            last_dts, dts = dts, round((packet.decode_s - start_s) * TICKS_PER_S)
            if dts <= last_dts:
                dts = last_dts + 1
            if rows:
                rows[-4] = self._interval = dts - last_dts
            times.append(dts - self._begin_dts)
            one = _length_prefixed(packet.data)
            data.append(one)
            shown_after = round((packet.at_s - start_s) * TICKS_PER_S) - dts
            flags = _KEY_FLAGS if packet.key else _OTHER_FLAGS
            rows += self._interval, len(one), flags, shown_after if shown_after > 0 else 0
        self._last_dts = dts
        self._number += 1
        described = _description(self._number, times[0], rows)
        begin = b"" if self._written_bytes else self._ftyp + self._head
        pictures = box(b"mdat", *data)
        self._file.write(b"".join((begin, described, pictures)))
        data_at = self._written_bytes + len(begin) + len(described)
        self._written_bytes = data_at + len(pictures)
        self._data_at.append(data_at)
        self._table.extend(
            data_at + HEAD_BYTES, times, rows[1::4], rows[3::4], [one.key for one in packets]
        )
        self._table.last_ticks = self._interval

    @property
    def content(self) -> FragmentedFile:
        """Return the content of the file so far, as `read_fragments` would."""
        return FragmentedFile(self._head, len(self._ftyp), self._table, self._data_at)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _head(first: Packet, metadata: ClipMetadata, path: Path) -> tuple[bytes, bytes]:
    """Return the boxes `ftyp` and `moov` for a file with *first*, a key frame, by libav."""
    made = io.BytesIO()
    try:
        with av.open(made, "w", format="mp4", options=_OPTIONS) as container:
            container.metadata["comment"] = metadata.to_text()
            video = first.video_format
            stream = container.add_mux_stream(
                "h264", width=video.width, height=video.height, time_base=TIME_BASE
            )
            packet = av.Packet(first.data)
            packet.stream, packet.time_base, packet.is_keyframe = stream, TIME_BASE, True
            packet.dts = packet.pts = 0
            packet.duration = _USUAL_TICKS
            container.mux(packet)
    except av.FFmpegError as error:
        raise ClipError(f"{path} cannot be written: {without_log(error)}") from None
    content = made.getvalue()
    found = {kind: content[begin:end] for kind, begin, end in boxes_in(content)}
    if b"moov" not in found:
        raise ClipError(f"{path} cannot be written: its first picture has no parameters")
    return found[b"ftyp"], found[b"moov"]


def _length_prefixed(data: bytes) -> bytes:
    """Return the H.264 in *data*, an Annex B stream, as in a file: each unit after its length."""
    parts = list[bytes]()
    for padded in data.split(_START_CODE):
        unit = padded.rstrip(b"\0")
        if unit:
            parts += len(unit).to_bytes(4, "big"), unit
    return b"".join(parts)


def _description(number: int, decoded_at: int, rows: list[int]) -> bytes:
    """Return the box `moof` of the fragment *number*; *rows* has four values for each picture."""
    mfhd = full_box(b"mfhd", 0, 0, struct.pack(">I", number))
    tfhd = full_box(b"tfhd", 0, 0x20000, struct.pack(">I", 1))
    tfdt = full_box(b"tfdt", 1, 0, struct.pack(">Q", decoded_at))
    # The pictures begin behind this box and the head of the next.
    offset = len(mfhd) + len(tfhd) + len(tfdt) + FULL_HEAD_BYTES + 8 + 4 * len(rows)
    offset += 3 * HEAD_BYTES
    run = struct.pack(f">{2 + len(rows)}I", len(rows) // 4, offset, *rows)
    return box(b"moof", mfhd, box(b"traf", tfhd, tfdt, full_box(b"trun", 0, 0xF01, run)))


class _PlainFile:
    """A file that writes all data or raises, and syncs now and then.

    A power cut then loses little, and the card gets few syncs.
    """

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o644)
        self._synced_s = time.monotonic()

    def write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[os.write(self._descriptor, left) :]
        if time.monotonic() - self._synced_s >= _SYNC_EVERY_S:
            os.fdatasync(self._descriptor)
            self._synced_s = time.monotonic()

    def close(self) -> None:
        os.close(self._descriptor)
