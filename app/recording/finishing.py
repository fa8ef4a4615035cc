"""Making a clip of what was written of it: also after a kill, and also when the last bytes are
missing.
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
from app.recording.fragments import Label
from app.recording.mp4 import index_in_front, show_only


@dataclass(frozen=True, slots=True)
class Film:
    """What a file holds: *label*, the number of *samples* that are wanted, and how long they are
    shown.

    *longer* is True when the last of them would be shown too long, because others could not be read
    without them.
    """

    label: Label
    samples: int
    shown_s: float
    longer: bool


class NothingShown(ClipError):
    """There is nothing in a file that could be shown."""


def finish(part: Path, clip: Path, end_s: float | None = None) -> Film:
    """Make *clip* of *part*, up to *end_s* if that is given. `NothingShown` when it holds nothing
    until then.

    The index comes to the front, and an edit list tells players where to begin. *clip* is whole, or
    as it was before; *part* stays, but for a box at its end that broke off.
    """
    unfinished = clip.with_name(f".{clip.name}.whole.part")
    try:
        _cut_off_broken_box(part)
        film = survey(part, end_s)
        _rewrite(part, unfinished, film)
        put_in_place(unfinished, clip)
    except (OSError, av.FFmpegError) as error:
        unfinished.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise
        raise ClipError(f"{clip} cannot be made: {error}") from None
    return film


def shows_anything(part: Path) -> bool:
    """Whether a clip can be made of *part*, which loses a box at its end that broke off. `OSError`
    when the disk does not tell.
    """
    try:
        _cut_off_broken_box(part)
        survey(part)
    except (NothingShown, FileNotFoundError):
        return False
    return True


def survey(file: Path, end_s: float | None = None) -> Film:
    """What *file* shows, up to *end_s* if that is given. `NothingShown` when that is nothing."""
    try:
        return _survey(file, end_s)
    except av.FFmpegError as error:
        if isinstance(error, OSError):
            raise
        raise NothingShown(f"{file} holds no film: {error}") from None


def _cut_off_broken_box(part: Path) -> None:
    """libav reads pictures up to where they break off, but nothing of a file that ends in the
    middle of another box.
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


def _survey(part: Path, end_s: float | None) -> Film:
    samples = wanted = 0
    shown_s = last_s = 0.0
    with av.open(str(part)) as opened:
        label = Label.read(opened.metadata.get("comment", ""))
        for packet in _sound(opened):
            samples += 1
            at_s, until_s = _times(packet)
            last_s = max(last_s, until_s)
            if end_s is None or at_s < end_s:
                wanted, shown_s = samples, max(shown_s, until_s)
                reached_s = last_s
    if shown_s <= 0:
        raise NothingShown(f"{part} shows nothing")
    longer = end_s is not None and reached_s > end_s
    return Film(label, wanted, min(shown_s, end_s) if end_s is not None else shown_s, longer)


def _rewrite(part: Path, unfinished: Path, film: Film) -> None:
    options = index_in_front(film.samples)
    with (
        av.open(str(part)) as source,
        av.open(str(unfinished), "w", format="mp4", options=options) as written,
    ):
        written.metadata["comment"] = film.label.written()
        stream = written.add_stream_from_template(source.streams.video[0], opaque=True)
        if film.label.turned:
            stream.set_display_rotation(180)
        for packet in islice(_sound(source), film.samples):
            packet.stream = stream
            written.mux(packet)
    if film.longer:
        with unfinished.open("r+b") as file:
            head = file.read(int(options["moov_size"]))
            file.seek(0)
            file.write(show_only(head, film.shown_s))


def _sound(opened: InputContainer) -> Iterator["Packet[VideoStream]"]:
    """The packets that are whole, up to where the file breaks off."""
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
    """When *packet* is shown, and until when."""
    at, duration = packet.pts or 0, packet.duration or 0
    return float(at * packet.time_base), float((at + duration) * packet.time_base)
