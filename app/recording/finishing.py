"""Makes a clip of a file that was written as fragments, even if its last bytes are missing.

This works after a kill, too.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from app.errors import ClipError
from app.files import put_in_place
from app.recording.fragments import ClipMetadata
from app.recording.mp4 import index_in_front, show_only, without_log


@dataclass(frozen=True, slots=True)
class ClipSurvey:
    """The content of a clip's file: its *metadata*, and the number of *samples* to keep.

    *shown_s* is the time for which the samples are shown. *longer* is True when the last sample
    would be shown too long; it was kept because earlier pictures need it.
    """

    metadata: ClipMetadata
    samples: int
    shown_s: float
    longer: bool


class NothingShown(ClipError):
    """A file holds no picture that could be shown."""


def finish(part: Path, clip: Path, end_s: float | None = None) -> ClipSurvey:
    """Make *clip* of *part*, up to *end_s* if that is given.

    The index comes to the front, and an edit list says where players begin. `NothingShown` when
    *part* shows nothing before *end_s*. *clip* is complete afterwards, or unchanged. *part* stays,
    but loses an incomplete box at its end.
    """
    unfinished = clip.with_name(f".{clip.name}.whole.part")
    try:
        _cut_off_broken_box(part)
        found = survey(part, end_s)
        _rewrite(part, unfinished, found)
        put_in_place(unfinished, clip)
    except (OSError, av.FFmpegError) as error:
        unfinished.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise without_log(error) from None
        raise ClipError(f"{clip} cannot be made: {without_log(error)}") from None
    return found


def shows_anything(part: Path) -> bool:
    """Return whether a clip can be made of *part*. `OSError` when the disk cannot be read.

    *part* loses an incomplete box at its end.
    """
    try:
        _cut_off_broken_box(part)
        survey(part)
    except (NothingShown, FileNotFoundError):
        return False
    return True


def survey(file: Path, end_s: float | None = None) -> ClipSurvey:
    """Return the content of *file*, up to *end_s* if that is given; `NothingShown` without any."""
    try:
        return _survey(file, end_s)
    except av.FFmpegError as error:
        if isinstance(error, OSError):
            raise without_log(error) from None
        raise NothingShown(f"{file} holds no video: {without_log(error)}") from None


def _cut_off_broken_box(part: Path) -> None:
    """Cut off the box at the end of *part* if it is not complete, unless it holds pictures.

    libav reads pictures up to the point where the file breaks off. But it reads nothing of a file
    that ends in the middle of another box.
    """
    end, whole = 0, part.stat().st_size
    with part.open("rb") as file:
        while end < whole:
            file.seek(end)
            head = file.read(8)
            size = int.from_bytes(head[:4], "big")
            if head[4:] != b"mdat" and (len(head) < 8 or size < 8 or end + size > whole):
                os.truncate(part, end)
                return
            end += max(size, 8)


def _survey(file: Path, end_s: float | None) -> ClipSurvey:
    samples = wanted = 0
    shown_s = last_s = 0.0
    with av.open(str(file)) as opened:
        metadata = ClipMetadata.from_text(opened.metadata.get("comment", ""))
        for packet in _whole_packets(opened):
            samples += 1
            at_s, until_s = _times(packet)
            last_s = max(last_s, until_s)
            if end_s is None or at_s < end_s:
                wanted, shown_s = samples, max(shown_s, until_s)
                reached_s = last_s
    if shown_s <= 0:
        raise NothingShown(f"{file} shows nothing")
    if end_s is None:
        return ClipSurvey(metadata, wanted, shown_s, longer=False)
    return ClipSurvey(metadata, wanted, min(shown_s, end_s), longer=reached_s > end_s)


def _rewrite(part: Path, unfinished: Path, found: ClipSurvey) -> None:
    options = index_in_front(found.samples)
    with (
        av.open(str(part)) as source,
        av.open(str(unfinished), "w", format="mp4", options=options) as written,
    ):
        written.metadata["comment"] = found.metadata.to_text()
        stream = written.add_stream_from_template(source.streams.video[0], opaque=True)
        if found.metadata.turned:
            stream.set_display_rotation(180)
        for packet in islice(_whole_packets(source), found.samples):
            packet.stream = stream
            written.mux(packet)
    if found.longer:
        with unfinished.open("r+b") as file:
            head = file.read(int(options["moov_size"]))
            file.seek(0)
            file.write(show_only(head, found.shown_s))


def _whole_packets(opened: InputContainer) -> Iterator["Packet[VideoStream]"]:
    """Yield the packets up to the point where the file breaks off."""
    whole = Path(opened.name).stat().st_size
    with suppress(av.FFmpegError):
        for packet in opened.demux(opened.streams.video[0]):
            if (
                packet.dts is None
                or packet.pts is None
                or packet.is_corrupt
                or (packet.pos or 0) + packet.size > whole
            ):
                return
            yield packet


def _times(packet: "Packet[VideoStream]") -> tuple[float, float]:
    """Return the start and the end of *packet* in the file, in seconds."""
    at, duration = packet.pts or 0, packet.duration or 0
    return float(at * packet.time_base), float((at + duration) * packet.time_base)
