"""One clip, from the moment it begins until it is a file; a long one becomes several."""

import math
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.errors import ClipError
from app.frames import Packet
from app.recording.event_folder import clip_name, part_path
from app.recording.fragments import Fragments, Label
from app.recording.pre_roll import Ring
from app.recording.transcoding import Recoding, can_be_copied

#: A film has begun when so much of it was written that a fragment is on disk for certain.
_BEGUN_S = 1.5

#: Says why nothing may be written to a folder, None when it may.
Refusal = Callable[[Path], str | None]


@dataclass(frozen=True, slots=True)
class Written:
    """A part of a clip of which all is written: it is to become the file *clip*, and to show
    *shown_s* seconds, or all if that is None.

    *last* is whether no other part comes after it.
    """

    clip: Path
    shown_s: float | None = None
    last: bool = True


class _Part:
    """What is written of a clip just now, into one file. Made with the packet that comes first."""

    def __init__(
        self, clip: Path, first: Packet, start_s: float, note: str, offset_s: float
    ) -> None:
        self.clip = clip
        self.video_format = first.video_format
        self.start_s = start_s
        #: Whether there is a file.
        self.is_there = False
        copied = can_be_copied(first.video_format)
        self._recoding = None if copied else Recoding(first.video_format, start_s)
        self._label = Label(note, copied and first.video_format.vflip, offset_s)
        self._fragments: Fragments | None = None

    def add(self, packet: Packet) -> None:
        """Write *packet*."""
        for one in self._recoding.recoded(packet) if self._recoding else (packet,):
            self._write(one)

    def close(self) -> None:
        """Write the rest."""
        try:
            for one in self._recoding.rest() if self._recoding else ():
                self._write(one)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Let go of the file with what is in it."""
        fragments, self._fragments = self._fragments, None
        if fragments:
            fragments.close()

    def _write(self, packet: Packet) -> None:
        if self._fragments is None:
            self.is_there = True
            self._fragments = Fragments(
                part_path(self.clip), packet.video_format, self.start_s, self._label
            )
        self._fragments.write(packet)


class ClipWriter:
    """The film of a time that begins at *start_s* and ends when somebody has said so, in *folder*,
    in parts of *most_s* seconds.

    All times are on the clock of the camera's frames. Whoever owns it calls `end`, `split` and
    `stop`, from any thread; the rest is for the one thread that writes. *refusal* says why nothing
    may be written to a folder, None when it may.
    """

    def __init__(
        self,
        ring: Ring,
        folder: Path,
        start_s: float,
        *,
        most_s: float,
        note: str,
        refusal: Refusal,
    ) -> None:
        self.folder = folder
        self.note = note
        #: Whether all of it is written, and whether that is anything.
        self.is_over = self.is_there = False
        #: Set when there is something on disk to be shown, if there is anything to be shown so far
        #: and the disk takes it.
        self.begun = threading.Event()
        #: Parts that wait to be finished.
        self.written: list[Written] = []
        self._ring = ring
        self._most_s = most_s
        self._refusal = refusal
        self._cursor = ring.cursor(start_s)
        self._part: _Part | None = None
        self._number = 1
        self._began_s = start_s
        self._end_s = math.inf
        self._no_more = self._split = False
        self._gaps = 0

    @property
    def gaps(self) -> int:
        """How often something is missing because the disk was too slow."""
        return self._gaps + self._cursor.gaps

    def end(self, end_s: float) -> None:
        """Show nothing from *end_s* on, even if that is past."""
        self._end_s = end_s

    def split(self) -> None:
        """Finish the part that is being written, as it is now, and go on in another."""
        self._split = True

    def stop(self) -> None:
        """No more packets will come; what there is, is all."""
        self._no_more = True

    def advance(self) -> bool:
        """Write some of what there is to be written; False when that was nothing. After an error,
        which is the disk's, `give_up`.
        """
        no_more = self._no_more  # looked at first: what came until now is read below
        packets = self._ring.read(self._cursor)
        for packet in packets:
            if not self._take(packet):
                break
        if not packets:
            self.begun.set()
        if no_more and not packets:
            self._finish()
        return bool(packets)

    def give_up(self) -> None:
        """Let what was written so far be all."""
        part, self._part = self._part, None
        if part:
            with suppress(OSError):
                part.abandon()
            self._put_down(part, self._end_s, last=True)
        if not self.is_over:
            self._ring.release(self._cursor)
        self.is_over = True
        self.begun.set()

    def _take(self, packet: Packet) -> bool:
        """Write *packet*; False when that which follows it is not to be taken next."""
        if packet.decode_s >= self._end_s or (
            self._part and packet.video_format is not self._part.video_format
        ):
            self._finish()
            return False
        part = self._part = self._part or self._begin(packet)
        if self._split or packet.decode_s >= part.start_s + self._most_s:
            # SnapshotPair may be decoded before others that are shown before them; what comes from here
            # on is shown from here on.
            self._go_on(part, packet.decode_s if self._split else part.start_s + self._most_s)
            return False
        part.add(packet)
        if packet.decode_s >= part.start_s + _BEGUN_S:
            self.begun.set()
        return True

    def _begin(self, first: Packet) -> _Part:
        refused = self._refusal(self.folder)
        if refused:
            raise ClipError(refused)
        # Where there was nothing yet when the cursor was made, the film starts with what came
        # first.
        start_s = max(self._cursor.start_s, first.at_s) if first.key else self._cursor.start_s
        self._began_s = start_s if self._number == 1 else self._began_s
        return _Part(
            self.folder / clip_name(self._number),
            first,
            start_s,
            self.note,
            start_s - self._began_s,
        )

    def _go_on(self, part: _Part, seam_s: float) -> None:
        """The picture nearest to *seam_s* is the first of the next part, and none is missing or
        shown twice.
        """
        following = self._ring.cursor(seam_s)
        self._ring.release(self._cursor)
        self._gaps += self._cursor.gaps
        self._cursor = following
        self._split = False
        part.close()
        self._part = None
        self._put_down(part, following.start_s, last=False)
        self._number += 1

    def _finish(self) -> None:
        if self._part:
            self._part.close()
        self.give_up()

    def _put_down(self, part: _Part, end_s: float, *, last: bool) -> None:
        if not part.is_there:
            return
        if end_s <= part.start_s:
            # What stays all the same is looked at by the next start.
            with suppress(OSError):
                part_path(part.clip).unlink(missing_ok=True)
            return
        shown_s = end_s - part.start_s if math.isfinite(end_s) else None
        self.is_there = True
        self.written.append(Written(part.clip, shown_s, last))
