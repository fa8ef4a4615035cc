"""Records the events of one camera: the last seconds stay in memory, a thread writes the clips.

No other thread waits for that thread.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import av

from app.clock import Clock
from app.errors import ClipError
from app.frames import Frame, Packet, VideoFormat, jpeg
from app.recording.base import RecordingSettings
from app.recording.clip_writer import ClipWriter, WriteCheck, WrittenPart
from app.recording.event_folder import (
    PART_NAME,
    clip_name,
    part_number,
    part_path,
    ready_path,
)
from app.recording.finishing import ClipSurvey, NothingShown, finish, shows_anything, survey
from app.recording.mp4 import without_log
from app.recording.pre_roll import Ring

#: The interval at which open clips are written: what a kill costs of them. When the end of a clip
#: comes, somebody may wait for it.
_WRITE_EVERY_S, _END_EVERY_S = 1.0, 0.3
_RETRY_S = 30.0
_IDLE_S = 600.0
#: Packets stay so many seconds longer than the pre-roll: a clip may be requested a moment late.
_SPARE_S = 2.0
_JPEG_QUALITY = 85

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReadyClip:
    """A complete part of a clip, or the whole clip; *lasts_s* is its length.

    *reaches_s* is the time from the beginning of the whole clip to the end of this file. *last* is
    True when no other part follows. *purpose* is the text that `begin_clip` was given. *mark* may
    be deleted as soon as the file is recorded on disk.
    """

    clip: Path
    lasts_s: float
    reaches_s: float
    last: bool
    purpose: str
    mark: Path


class Recorder:
    """Keeps a camera's pre-roll and writes its clips.

    *ready* is called with each file. *failed* is called with the folder and purpose of each clip
    that has no file, and with the reason. A clip that failed may be ready later, when the disk can
    be written again. *check_folder* returns the reason why nothing may be written to a folder.

    `add_packet` and `add_frame` may be called from any thread and return at once. `step` and
    `repair` belong to the thread that writes; *ready* and *failed* are called there.

    A source with compressed pictures gives packets, which are kept as they are. Each frame of any
    other source becomes a JPEG, which is encoded only when a clip needs it. While nothing happens,
    this takes about a third of the CPU time of libx264's fastest preset: 0.7 ms a picture of
    640x480 instead of 2. It takes some 2 MB more memory for five seconds at 10 pictures a second;
    raw pictures would take 45 MB.
    """

    def __init__(
        self,
        settings: RecordingSettings,
        clock: Clock,
        ready: Callable[[ReadyClip], None],
        failed: Callable[[Path, str, OSError], None],
        check_folder: WriteCheck,
    ) -> None:
        self._clock = clock
        self._ready = ready
        self._failed = failed
        self._check_folder = check_folder
        self.ring = Ring(0.0, 0.0)
        self.configure(settings)
        self._clips: list[ClipWriter] = []
        self._lock = threading.Lock()
        self._waiting: list[WrittenPart] = []
        self._retry_s = 0.0
        self._gives_packets = self._closed = False
        self._jpeg_format: VideoFormat | None = None
        self._gaps = 0
        #: The number of files that were made.
        self.count = 0
        #: The reason why clips cannot be written, None while they can.
        self.trouble: str | None = None

    def configure(self, settings: RecordingSettings) -> None:
        """Apply *settings* to clips that begin from now on."""
        self._settings = settings
        self.ring.keep_s = settings.pre_roll_s + _SPARE_S
        self.ring.limit_bytes = settings.preroll_mb * 1_000_000

    @property
    def gaps(self) -> int:
        """The number of gaps in clips, because the disk was too slow."""
        with self._lock:
            return self._gaps + sum(clip.gaps for clip in self._clips)

    @property
    def busy(self) -> bool:
        """True while a clip is being written."""
        with self._lock:
            return bool(self._clips)

    def add_packet(self, packet: Packet) -> None:
        """Keep *packet* of the camera."""
        self._gives_packets, self._closed = True, False
        self.ring.append(packet)

    def add_frame(self, frame: Frame) -> None:
        """Keep *frame* of the camera, unless the camera gives packets."""
        if self._gives_packets:
            return
        picture = frame.bgr()
        size = picture.shape[1], picture.shape[0]
        video_format = self._jpeg_format
        if video_format is None:
            video_format = self._jpeg_format = VideoFormat("mjpeg", *size, "yuvj420p")
        elif (video_format.width, video_format.height) != size:
            video_format = replace(video_format, width=size[0], height=size[1])
            self._jpeg_format = video_format
        self._closed = False
        encoded = jpeg(picture, _JPEG_QUALITY)
        self.ring.append(Packet(encoded, frame.at_s, frame.at_s, True, video_format))

    def begin_clip(
        self, folder: Path, start_s: float, purpose: str, most_s: float | None = None
    ) -> ClipWriter:
        """Begin a clip in *folder* that shows everything from *start_s* on, until its `end`.

        *start_s* is on the clock of the camera's frames. *purpose* is stored in each file. The clip
        continues in another file after *most_s* seconds, by default the limit of the settings.
        """
        clip = ClipWriter(
            self.ring,
            folder,
            start_s,
            most_s=self._settings.max_clip_s if most_s is None else most_s,
            purpose=purpose,
            check_folder=self._check_folder,
        )
        with self._lock:
            self._clips.append(clip)
        return clip

    def stop_clips(self) -> None:
        """End all clips after the packets that have arrived; the camera is closed or lost."""
        with self._lock:
            for clip in self._clips:
                clip.stop()
        self._gives_packets, self._closed, self._jpeg_format = False, True, None

    def repair(self, parts: Iterable[Path]) -> None:
        """Make clips of *parts*, which an earlier run left unfinished."""
        names = ((part, PART_NAME.fullmatch(part.name)) for part in parts)
        numbers = {part.with_name(name["clip"]): part_number(name) for part, name in names if name}
        for clip, number in numbers.items():
            last = not _exists_or_can(clip.with_name(clip_name(number + 1)))
            self._finish(WrittenPart(clip, last=last))

    def step(self) -> float:
        """Write the packets that have arrived; returns the seconds until the next step."""
        with self._lock:
            clips = list(self._clips)
        unread = [self._advance(clip) for clip in clips]
        if self._waiting and self._clock.monotonic() >= self._retry_s:
            waiting, self._waiting = self._waiting, []
            for written in waiting:
                self._finish(written)
        if self._closed and not self.busy:
            self.ring.clear()
        if any(unread):
            return 0.0
        if clips:
            return _END_EVERY_S if any(clip.is_ending for clip in clips) else _WRITE_EVERY_S
        return _RETRY_S if self._waiting else _IDLE_S

    def _advance(self, clip: ClipWriter) -> bool:
        trouble: OSError | None = None
        has_more = False
        try:
            has_more = clip.advance()
        except OSError as error:
            trouble = without_log(error)
        except av.FFmpegError as error:
            trouble = ClipError(f"a clip in {clip.folder} cannot be written: {without_log(error)}")
        if trouble:
            clip.give_up()
            self._report_trouble(trouble)
        made = [self._finish(clip.written.pop(0)) for _ in list(clip.written)]
        if clip.is_over:
            self._forget(clip)
            if not clip.has_pictures:
                trouble = trouble or ClipError("the camera gave no picture at that time")
            if trouble and not any(made):
                self._failed(clip.folder, clip.purpose, trouble)
        return has_more

    def _forget(self, clip: ClipWriter) -> None:
        with self._lock:
            self._clips.remove(clip)
            self._gaps += clip.gaps

    def _finish(self, written: WrittenPart) -> bool:
        """Make the file of *written*; returns whether there is one."""
        try:
            found = _make_clip(written)
        except ClipError as error:
            _log.error("%s; the next start tries again", error)
            return False
        except OSError as error:
            self._report_trouble(error)
            self._waiting.append(written)
            self._retry_s = self._clock.monotonic() + _RETRY_S
            return False
        if found is None:
            return False
        if self.trouble:
            _log.info("clips can be written again")
        self.trouble = None
        self.count += 1
        metadata = found.metadata
        reaches_s = metadata.offset_s + found.shown_s
        mark = ready_path(written.clip)
        self._ready(
            ReadyClip(written.clip, found.shown_s, reaches_s, written.last, metadata.note, mark)
        )
        return True

    def _report_trouble(self, error: OSError) -> None:
        if self.trouble is None:
            _log.error("clips cannot be written: %s", error)
        self.trouble = f"clips cannot be written: {error}"


def _exists_or_can(clip: Path) -> bool:
    """Return whether *clip* exists or can be made.

    If the disk cannot be read now, the result is True, since the clip is tried again later.
    """
    try:
        return clip.exists() or shows_anything(part_path(clip))
    except OSError:
        return True


def _make_clip(written: WrittenPart) -> ClipSurvey | None:
    """Make the clip *written*, unless it exists already, mark it, and return its content.

    Returns None when it shows nothing, or was deleted.
    """
    clip = written.clip
    part, mark = part_path(clip), ready_path(clip)
    try:
        mark.touch()
        if not clip.exists():
            return finish(part, clip, written.shown_s, written.content)
        found = survey(clip)
        # Earlier versions copied this file, and left it as the mark.
        part.unlink(missing_ok=True)
    except (NothingShown, FileNotFoundError) as error:
        _log.warning("there is no %s: %s", clip, error)
        part.unlink(missing_ok=True)
        mark.unlink(missing_ok=True)
        return None
    return found
