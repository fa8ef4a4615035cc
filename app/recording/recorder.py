"""Films the events of one camera: keeps its last seconds in memory, and writes clips in a thread
that nobody waits for.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import av

from app.clock import Clock
from app.errors import ClipError
from app.frames import Frame, Packet, VideoFormat, jpeg
from app.recording.base import RecordingSettings
from app.recording.clip_writer import ClipWriter, Refusal, Written
from app.recording.event_folder import PART_NAME, clip_name, part_number, part_path
from app.recording.finishing import Film, NothingShown, finish, shows_anything, survey
from app.recording.pre_roll import Ring

#: How often a clip that is being written is looked after. More seldom costs less; a kill costs a
#: second at most anyway.
_LOOK_S = 0.3
_RETRY_S = 30.0
_IDLE_S = 600.0
#: What is asked for some seconds before now is there still.
_SPARE_S = 2.0
_NICE = 10
_JPEG_QUALITY = 85

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReadyClip:
    """A file that can be shown. *lasts_s* is its length, *reaches_s* where in the whole clip it
    ends, *last* whether no part follows.

    *note* is what its owner gave. *part* may go once it is certain that its owner will not forget
    the file.
    """

    clip: Path
    lasts_s: float
    reaches_s: float
    last: bool
    note: str
    part: Path


class Recorder:
    """The recorder of a camera. *ready* is told of each file, *failed* of the folder and note of
    each clip without one, and why.

    A clip that failed may be ready later, when the disk takes files again.

    `packet` and `frame` may be called from any thread and return at once; `step` belongs to the
    thread that writes, and tells *ready* and *failed* there.

    A source that has its pictures compressed gives `packet`s, and these are kept as they are. Of
    others each `frame` becomes a JPEG, and is encoded when it is wanted: that takes about a third
    of the CPU time that encoding all of them into H.264 with libx264's fastest preset takes while
    nothing happens (0.7 ms a picture of 640x480 instead of 2), for some 2 MB more memory for five
    seconds at 10 a second; raw pictures would take 45 MB.
    """

    def __init__(
        self,
        settings: RecordingSettings,
        clock: Clock,
        ready: Callable[[ReadyClip], None],
        failed: Callable[[Path, str, OSError], None],
        refusal: Refusal,
    ) -> None:
        self._clock = clock
        self._ready = ready
        self._failed = failed
        self._refusal = refusal
        self.ring = Ring(0.0, 0.0)
        self.configure(settings)
        self._clips: list[ClipWriter] = []
        self._lock = threading.Lock()
        self._waiting: list[Written] = []
        self._retry_s = 0.0
        self._given = self._closed = self._modest = False
        self._drawn: VideoFormat | None = None
        self._gaps = 0
        #: How many files were made.
        self.count = 0
        #: Why clips cannot be written, None while they can.
        self.trouble: str | None = None

    def configure(self, settings: RecordingSettings) -> None:
        """Take over *settings*, for clips that begin from now on."""
        self._settings = settings
        self.ring.keep_s = settings.pre_roll_s + _SPARE_S
        self.ring.limit_bytes = settings.preroll_mb * 1_000_000

    @property
    def gaps(self) -> int:
        """How often a part of a clip is missing because the disk was too slow."""
        with self._lock:
            return self._gaps + sum(clip.gaps for clip in self._clips)

    @property
    def busy(self) -> bool:
        """Whether a clip is being written."""
        with self._lock:
            return bool(self._clips)

    def add_packet(self, packet: Packet) -> None:
        """The camera gave *packet*."""
        self._given, self._closed = True, False
        self.ring.add(packet)

    def add_frame(self, frame: Frame) -> None:
        """The camera gave *frame*, which is kept if it gives no packets."""
        if self._given:
            return
        picture = frame.bgr()
        size = picture.shape[1], picture.shape[0]
        if self._drawn is None or (self._drawn.width, self._drawn.height) != size:
            self._drawn = VideoFormat("mjpeg", *size, "yuvj420p")
        self._closed = False
        self.ring.add(
            Packet(jpeg(picture, _JPEG_QUALITY), frame.at_s, frame.at_s, True, self._drawn)
        )

    def begin_clip(
        self, folder: Path, start_s: float, note: str, most_s: float | None = None
    ) -> ClipWriter:
        """Film into *folder* what was to be seen from *start_s* on, of the camera's clock, until
        the clip is told its end.

        It goes on in another file after *most_s*, or what the settings say.
        """
        most_s = self._settings.max_clip_s if most_s is None else most_s
        clip = ClipWriter(
            self.ring, folder, start_s, most_s=most_s, note=note, refusal=self._refusal
        )
        with self._lock:
            self._clips.append(clip)
        return clip

    def stop_clips(self) -> None:
        """The camera is closed or lost: what there is of every clip is all of it."""
        with self._lock:
            for clip in self._clips:
                clip.stop()
        self._given, self._closed, self._drawn = False, True, None

    def repair(self, parts: Iterable[Path]) -> None:
        """Make clips of what a run that was killed has left. Belongs to the thread that writes."""
        for part in parts:
            name = PART_NAME.fullmatch(part.name)
            if name:
                following = part.with_name(clip_name(part_number(name) + 1))
                self._finish(Written(part.with_name(name["clip"]), last=not _is_there(following)))

    def step(self) -> float:
        """Write what there is to be written; returns the seconds until there may be more."""
        self._be_modest()
        with self._lock:
            clips = list(self._clips)
        wrote = [self._advance(clip) for clip in clips]
        if self._waiting and self._clock.monotonic() >= self._retry_s:
            waiting, self._waiting = self._waiting, []
            for written in waiting:
                self._finish(written)
        if self._closed and not self.busy:
            self.ring.clear()
        return 0.0 if any(wrote) else _LOOK_S if clips else _RETRY_S if self._waiting else _IDLE_S

    def _be_modest(self) -> None:
        """Let everybody else go first: on Linux each thread has a priority of its own."""
        if not self._modest:
            own = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, own, max(os.getpriority(os.PRIO_PROCESS, own), _NICE))
            self._modest = True

    def _advance(self, clip: ClipWriter) -> bool:
        trouble: OSError | None = None
        wrote = False
        try:
            wrote = clip.advance()
        except OSError as error:
            trouble = error
        except av.FFmpegError as error:
            trouble = ClipError(f"a clip in {clip.folder} cannot be written: {error}")
        if trouble:
            clip.give_up()
            self._in_trouble(trouble)
        made = [self._finish(clip.written.pop(0)) for _ in list(clip.written)]
        if clip.is_over:
            self._forget(clip)
            if not clip.is_there:
                trouble = trouble or ClipError("the camera gave no picture at that time")
            if trouble and not any(made):
                self._failed(clip.folder, clip.note, trouble)
        return wrote

    def _forget(self, clip: ClipWriter) -> None:
        with self._lock:
            self._clips.remove(clip)
            self._gaps += clip.gaps

    def _finish(self, written: Written) -> bool:
        part = part_path(written.clip)
        try:
            film = _film(part, written)
        except ClipError as error:
            _log.error("%s, which the next start tries again", error)
            return False
        except OSError as error:
            self._in_trouble(error)
            self._waiting.append(written)
            self._retry_s = self._clock.monotonic() + _RETRY_S
            return False
        if film is None:
            return False
        if self.trouble:
            _log.info("clips can be written again")
        self.trouble = None
        self.count += 1
        self._ready(
            ReadyClip(
                written.clip,
                film.shown_s,
                film.label.offset_s + film.shown_s,
                written.last,
                film.label.note,
                part,
            )
        )
        return True

    def _in_trouble(self, error: OSError) -> None:
        if self.trouble is None:
            _log.error("clips cannot be written: %s", error)
        self.trouble = f"clips cannot be written: {error}"


def _is_there(clip: Path) -> bool:
    """Whether there is *clip*, or can be; also when the disk does not let that be seen now, since
    it is then tried again.
    """
    try:
        return clip.exists() or shows_anything(part_path(clip))
    except OSError:
        return True


def _film(part: Path, written: Written) -> Film | None:
    """The clip that *written* is to become of *part*; None when there is nothing to be shown, or
    somebody has taken it away.
    """
    try:
        film = (
            survey(written.clip)
            if written.clip.exists()
            else finish(part, written.clip, written.shown_s)
        )
        os.truncate(part, 0)
    except (NothingShown, FileNotFoundError) as error:
        _log.warning("there is no %s: %s", written.clip, error)
        part.unlink(missing_ok=True)
        return None
    return film
