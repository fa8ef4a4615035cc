"""Reads the wanted state of one camera from Redis, and the labels of its events."""

import logging
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from app import protocol
from app.clock import Clock
from app.daemons.security_system.disk_writer import DiskWriter
from app.daemons.security_system.notes import Notes, read_small_file
from app.errors import ProtocolError
from app.files import write_atomic
from app.protocol import SILENCER_KINDS, Position, Request, RequestKind
from app.recording.event_folder import EventFolders
from app.state import CameraControls, State
from app.state.switches import Switches

#: Older requests are ignored: nobody waits any more for a picture or clip that was asked for while
#: this program was down. So are those that a clock ahead has made; they may be old too.
FORGET_AFTER = timedelta(seconds=30)

#: The note that says whether the camera was armed, for the next run until Redis says it.
_ARMED = "armed"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ControlState:
    """The state in which people and programs want a camera to be.

    *watched* and *detector_watched* say whether somebody looks at the live view, and at the
    pictures of the detector. *images_asked*, *clips_asked* and *focus_asked* count the requests for
    a picture taken now, for a clip, and for a new focus. *clip_asked_at* is the time of the newest
    request for a clip. *known* is False until Redis has answered.
    """

    armed: bool
    target: Position | None = None
    watched: bool = False
    images_asked: int = 0
    clips_asked: int = 0
    clip_asked_at: datetime | None = None
    known: bool = False
    detector_watched: bool = False
    focus_asked: int = 0


class Controls:
    """Keeps `state` up to date for *camera*.

    *asked_file* keeps the last request that is obeyed, for the next run. One thread calls `open`,
    `poll` and `obey_again`; any thread may read `state`.
    """

    def __init__(
        self,
        camera: str,
        state: State,
        folders: EventFolders,
        *,
        asked_file: Path,
        notes: Notes,
        disk: DiskWriter,
        clock: Clock,
    ) -> None:
        self._camera = camera
        self._redis = state
        self._folders = folders
        self._notes = notes
        self._disk = disk
        self._clock = clock
        self._switches = Switches()
        self._asked_file = asked_file
        self._asked_up_to = "0-0"
        self._labels: dict[str, Request] = {}
        self._silencer_wish: Request | None = None
        self._bad_target: str | None = None
        #: Called in the thread that polls with the events whose labels were written.
        self.on_labels: Callable[[Collection[str]], None] = lambda _events: None
        #: Called in that thread with the newest request about the silencer; returns whether it is
        #: done. Until then it is called again at each poll.
        self.on_silencer_wish: Callable[[Request], bool] = lambda _request: False
        #: Called in that thread when `state` has changed.
        self.on_change: Callable[[], None] = lambda: None
        #: The wanted state at the last poll.
        self.state = ControlState(armed=protocol.SWITCHES["camera_status"])

    def open(self) -> None:
        """Continue where an earlier run stopped: its last request, and whether it was armed."""
        self._asked_up_to = self._read_asked_up_to()
        armed = self._switches.read("camera_status", self._notes.read(_ARMED))
        self.state = replace(self.state, armed=armed)

    def poll(self) -> None:
        """Ask Redis once; `StateUnavailable` when it does not answer."""
        found = self._redis.camera_controls(self._camera, self._asked_up_to)
        self._asked_up_to = found.newest
        requests = [request for request in found.asked if request]
        armed = self._switches.read("camera_status", found.camera_status)
        if armed != self.state.armed or not self.state.known:
            # It is written as a note, because the SD card may be slow, and the camera must obey at
            # once.
            self._notes.keep(_ARMED, str(armed))
        clips_at = [request.at for request in requests if self._is_awaited(request, "clip")]
        images = sum(self._is_awaited(request, "last_image") for request in requests)
        focus = sum(self._is_awaited(request, "focus") for request in requests)
        before, self.state = (
            self.state,
            ControlState(
                armed,
                self._target(found),
                found.watched,
                self.state.images_asked + images,
                self.state.clips_asked + len(clips_at),
                max(clips_at, default=self.state.clip_asked_at),
                known=True,
                detector_watched=found.detector_watched,
                focus_asked=self.state.focus_asked + focus,
            ),
        )
        if self.state != before:
            self.on_change()
        for request in requests:
            if request.kind in SILENCER_KINDS and request.camera == self._camera:
                self._silencer_wish = request
            if request.event and self._is_tag(request, request.event):
                self._labels[request.event] = request
        if found.asked:
            self._obey()

    @property
    def has_undone_work(self) -> bool:
        """Return whether the disk has refused something that `obey_again` tries again."""
        return bool(self._labels or self._silencer_wish)

    def obey_again(self) -> None:
        """Try again to write what the disk has refused: labels, and the silencer's switch."""
        if self.has_undone_work:
            self._obey()

    def _is_awaited(self, request: Request, kind: RequestKind) -> bool:
        """Return whether somebody still waits for this camera's part of the reply to *request*."""
        if request.kind != kind or request.camera not in (None, self._camera):
            return False
        return abs(self._clock.now() - request.at) < FORGET_AFTER

    def _is_tag(self, request: Request, event: str) -> bool:
        if request.kind != "tag":
            return False
        try:
            protocol.event_started_at(event)
            return protocol.event_camera(event) == self._camera
        except ProtocolError as error:
            _log.warning("a tag is dropped: %s", error)
            return False

    def _obey(self) -> None:
        """Switch the silencer, and write the labels beside their events.

        The last request is stored only when all that is done; otherwise the next run tries again.
        """
        if self._silencer_wish and self.on_silencer_wish(self._silencer_wish):
            self._silencer_wish = None
        written = [
            event
            for event, request in self._labels.items()
            if self._disk.attempt(self._write_label, event, request)
        ]
        for event in written:
            del self._labels[event]
        if written:
            self.on_labels(written)
        if not self.has_undone_work:
            self._disk.attempt(write_atomic, self._asked_file, self._asked_up_to.encode())

    def _write_label(self, event: str, request: Request) -> None:
        facts = None
        if request.label:
            user = request.user or request.by
            facts = {"label": request.label, "user": user, "time": request.at.isoformat()}
        if not self._folders.write_label(event, protocol.event_started_at(event), facts):
            _log.warning("event %s is tagged, but it is not on this disk any more", event)

    def _read_asked_up_to(self) -> str:
        """Return the last request that an earlier run handled, or the stream's beginning."""
        found = read_small_file(self._asked_file) or ""
        return found if re.fullmatch(r"[0-9]{1,20}-[0-9]{1,20}", found) else "0-0"

    def _target(self, found: CameraControls) -> Position | None:
        if found.target is None:
            return None
        try:
            return protocol.decode(Position, found.target)
        except ProtocolError as error:
            if self._bad_target != found.target:
                _log.warning("%s: %s", protocol.camera_key(self._camera, "target"), error)
            self._bad_target = found.target
            return self.state.target
