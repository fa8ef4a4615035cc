"""Writes one clip, from its beginning to its file.

A long clip becomes several files, and so does a clip in which the camera changes its format.
"""

import math
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.errors import ClipError
from app.frames import Packet
from app.recording.event_folder import clip_name, part_path
from app.recording.fragments import ClipMetadata, FragmentWriter
from app.recording.picture_table import FragmentedFile
from app.recording.pre_roll import BATCH, Ring
from app.recording.transcoding import Transcoder, can_be_copied

#: The seconds of a part that must be on disk so that its beginning survives a kill.
_BEGUN_S = 1.5

#: Returns the reason why nothing may be written to a folder, None when writing is allowed.
WriteCheck = Callable[[Path], str | None]


@dataclass(frozen=True, slots=True)
class WrittenPart:
    """A part of a clip whose packets are all written. It becomes the file *clip*.

    The file will show *shown_s* seconds, or everything if that is None. *last* is True when no
    other part follows. *content* is that of its file, None when only the file itself says it.
    """

    clip: Path
    shown_s: float | None = None
    last: bool = True
    content: FragmentedFile | None = None


class _PartWriter:
    """Writes the current part of a clip into one file, beginning with the packet *first*."""

    def __init__(
        self, clip: Path, first: Packet, start_s: float, purpose: str, offset_s: float
    ) -> None:
        self.clip = clip
        self.video_format = first.video_format
        self.start_s = start_s
        self.has_file = False
        copied = can_be_copied(first.video_format)
        self._transcoder = None if copied else Transcoder(first.video_format, start_s)
        self._metadata = ClipMetadata(purpose, copied and first.video_format.vflip, offset_s)
        self._fragments: FragmentWriter | None = None
        self._held: list[Packet] = []
        #: The content of the file, when all of it was written and the file is closed.
        self.content: FragmentedFile | None = None

    def write(self, packet: Packet) -> None:
        """Take *packet*, encoded again if players could not show it as it is, for `flush`."""
        if self._transcoder:
            self._held.extend(self._transcoder.transcode(packet))
        else:
            self._held.append(packet)

    def flush(self) -> None:
        """Write what was taken to the file."""
        held, self._held = self._held, []
        if not held:
            return
        if self._fragments is None:
            self.has_file = True
            self._fragments = FragmentWriter(
                part_path(self.clip), held[0], self.start_s, self._metadata
            )
        self._fragments.write(held)

    def close(self) -> None:
        """Write all that is left, also in the encoder, and close the file."""
        try:
            if self._transcoder:
                self._held.extend(self._transcoder.flush())
            self.flush()
            self.content = self._fragments.content if self._fragments else None
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close the file as it is."""
        fragments, self._fragments = self._fragments, None
        if fragments:
            fragments.close()


class ClipWriter:
    """Writes a clip from *start_s* until its end is known, in parts of *most_s* seconds.

    All times are on the clock of the camera's frames. Any thread may call `show_until`, `end`,
    `split` and `stop`; only the thread that writes calls the other methods. *purpose* is stored in
    each file. *check_folder* returns the reason why nothing may be written to *folder*, None when
    writing is allowed.
    """

    def __init__(
        self,
        ring: Ring,
        folder: Path,
        start_s: float,
        *,
        most_s: float,
        purpose: str,
        check_folder: WriteCheck,
    ) -> None:
        self.folder = folder
        self.purpose = purpose
        #: True when the whole clip is written.
        self.is_over = False
        #: True when a part of the clip holds pictures.
        self.has_pictures = False
        #: Set when the beginning of the clip is on disk, or when nothing more can be written now.
        self.begun = threading.Event()
        #: Parts that wait to be finished.
        self.written: list[WrittenPart] = []
        self._ring = ring
        self._most_s = most_s
        self._check_folder = check_folder
        self._cursor = ring.open_cursor(start_s)
        self._part: _PartWriter | None = None
        self._number = 1
        self._began_s = start_s
        self._end_s = self._certain_s = math.inf
        self._no_more = False
        self._split_s: float | None = None
        self._gaps = 0

    @property
    def gaps(self) -> int:
        """The number of gaps, where packets are missing because the disk was too slow."""
        return self._gaps + self._cursor.gaps

    @property
    def is_ending(self) -> bool:
        """Return whether the end of the clip is known."""
        return self._end_s < math.inf

    def show_until(self, at_s: float) -> None:
        """Hold back what comes from *at_s* on: the clip may end there, or be continued."""
        self._certain_s = at_s

    def end(self, end_s: float) -> None:
        """End the clip at *end_s*, which may be in the past."""
        self._end_s = end_s

    def split(self) -> None:
        """Finish the current part now, and continue in another."""
        self._split_s = self._ring.newest_decode_s

    def stop(self) -> None:
        """End the clip after the packets that have arrived."""
        self._no_more = True

    def advance(self) -> bool:
        """Write the next packets. Returns False when there are no more now.

        After an error, which comes from the disk, the caller must call `give_up`.
        """
        # `stop` may come at any time: this must be read before the packets that came before it.
        no_more = self._no_more
        is_held = not (no_more or self.is_ending or self._split_s is not None)
        packets = self._ring.read(self._cursor, self._certain_s if is_held else math.inf)
        if not all(map(self._write, packets)):
            return not self.is_over
        if self._part:
            self._part.flush()
        has_more = len(packets) == BATCH
        if no_more and not has_more:
            self._finish()
        elif not has_more or packets[-1].decode_s >= self._began_s + _BEGUN_S:
            self.begun.set()
        return has_more

    def give_up(self) -> None:
        """End the clip after the packets written so far."""
        part, self._part = self._part, None
        if part:
            with suppress(OSError):
                part.abandon()
            self._complete(part, self._end_s, last=True)
        if not self.is_over:
            self._ring.release(self._cursor)
        self.is_over = True
        self.begun.set()

    def _write(self, packet: Packet) -> bool:
        """Write *packet*. Returns False when the packet after it must not be written next."""
        if packet.decode_s >= self._end_s or self._is_reopened(packet):
            self._finish()
            return False
        part = self._part = self._part or self._begin_part(packet)
        if packet.video_format is not part.video_format:
            # No player shows a file in which the size or the decoder's parameters change.
            self._next_part(part, packet.at_s)
            return False
        if self._split_s is not None and packet.decode_s >= self._split_s:
            # A picture may be decoded before others that are shown earlier. But from this packet
            # on, every picture is shown later than this one.
            self._next_part(part, packet.decode_s)
            return False
        if packet.decode_s >= part.start_s + self._most_s:
            self._next_part(part, part.start_s + self._most_s)
            return False
        part.write(packet)
        return True

    def _is_reopened(self, packet: Packet) -> bool:
        part = self._part
        return part is not None and packet.video_format.opening is not part.video_format.opening

    def _begin_part(self, first: Packet) -> _PartWriter:
        refused = self._check_folder(self.folder)
        if refused:
            raise ClipError(refused)
        start_s = self._cursor.start_s
        if first.key:
            # If the ring was empty when the cursor was opened, the clip begins with the first
            # packet.
            start_s = max(start_s, first.at_s)
        if self._number == 1:
            self._began_s = start_s
        clip = self.folder / clip_name(self._number)
        return _PartWriter(clip, first, start_s, self.purpose, start_s - self._began_s)

    def _next_part(self, part: _PartWriter, seam_s: float) -> None:
        """Finish *part*, and begin the next one with the picture nearest to *seam_s*.

        No picture is missing or shown twice.
        """
        following = self._ring.open_cursor(seam_s)
        self._ring.release(self._cursor)
        self._gaps += self._cursor.gaps
        self._cursor = following
        self._split_s = None
        part.close()
        self._part = None
        self._complete(part, following.start_s, last=False)
        self._number += 1

    def _finish(self) -> None:
        if self._part:
            self._part.close()
        self.give_up()

    def _complete(self, part: _PartWriter, end_s: float, *, last: bool) -> None:
        """Add *part* to the written ones, or delete its file if it shows nothing before *end_s*."""
        if not part.has_file:
            return
        if end_s <= part.start_s:
            # If the file cannot be deleted, the next start of the program handles it.
            with suppress(OSError):
                part_path(part.clip).unlink(missing_ok=True)
            return
        shown_s = end_s - part.start_s if math.isfinite(end_s) else None
        self.has_pictures = True
        self.written.append(WrittenPart(part.clip, shown_s, last, part.content))
