"""The place of a clip: on this machine's disk, in S3, or on the disk of another machine."""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from app import protocol
from app.clock import Clock
from app.daemons.notifier.clip_shrinker import ClipShrinker
from app.errors import ProtocolError, StoreError
from app.files import has_link
from app.protocol.deliveries import UPLOADED
from app.recording.event_folder import SNAPSHOT, EventFolders
from app.state import State

#: The shortest wait for a clip that will be in S3; it is twice the time between uploads if that is
#: longer.
PATIENCE_MIN = timedelta(minutes=10)
#: The longest wait for a clip that delays an urgent alert, or while nothing is uploaded to S3.
HURRIED_PATIENCE = timedelta(seconds=20)
#: The seconds for which a link to S3 is valid.
LINK_LIFE_S = 3600

#: Makes a link from a key in S3; anybody can read it for `LINK_LIFE_S`.
MakeLink = Callable[[str], str]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ClipLocation:
    """The place of a clip: *path* on this machine, *link* for everybody, or words in *remark*."""

    path: Path | None = None
    link: str | None = None
    remark: str | None = None


class ClipFiles:
    """The clips under *data_dir* and, where *make_link* is given, those in S3.

    The uploader uploads clips to S3 every *upload_every_s* seconds.
    """

    def __init__(
        self,
        state: State,
        clock: Clock,
        data_dir: Path,
        make_link: MakeLink | None,
        shrinker: ClipShrinker,
        *,
        upload_every_s: float,
    ) -> None:
        self.patience = max(PATIENCE_MIN, timedelta(seconds=2 * upload_every_s))
        self._state = state
        self._clock = clock
        self._events = data_dir / "events"
        self._folders = EventFolders(data_dir)
        self._renditions = data_dir / "smaller"
        self._make_link = make_link
        self._shrinker = shrinker
        self._links_fail = False

    def picture(self, event: str) -> bytes | None:
        """Return the picture of *event* on this machine's disk, None when there is none."""
        try:
            started_at = protocol.event_started_at(event)
            if has_link(self._folders.folder(event, started_at) / SNAPSHOT, self._events):
                return None
            return self._folders.snapshot(event, started_at)
        except (ProtocolError, OSError):
            return None

    def find(
        self,
        event: str,
        file: str,
        made_at: datetime,
        host: str | None,
        *,
        links_only: bool = False,
        urgent: bool = False,
    ) -> ClipLocation | None:
        """Return the place of the clip *file* of *event*, which *host* made at *made_at*.

        None when a later call may find more. *links_only* says that a path alone is of no use, and
        *urgent* that an urgent alert waits for the result.
        """
        path = self._folders.folder(event, protocol.event_started_at(event)) / file
        is_here = os.access(path, os.R_OK) and not has_link(path, self._events)
        here = path if is_here else None
        if here and not links_only:
            return ClipLocation(here)
        link = self.link(event, file)
        if link:
            return ClipLocation(here, link)
        age = abs(self._clock.now() - made_at)
        if self.has_links and age < self._patience(age, host, links_only=links_only, urgent=urgent):
            return None
        return ClipLocation(here, None, None if here else _whereabouts(path, host))

    def _patience(
        self, age: timedelta, host: str | None, *, links_only: bool, urgent: bool
    ) -> timedelta:
        """Return the age up to which to wait for a clip that is *age* old now."""
        if urgent:
            return HURRIED_PATIENCE
        # The heartbeat is read only when it can change the result.
        if links_only and age >= HURRIED_PATIENCE and not self._is_uploading(host):
            return HURRIED_PATIENCE
        return self.patience

    def _is_uploading(self, host: str | None) -> bool:
        """Return whether clips of *host* are uploaded to S3 now, by its uploader's heartbeat."""
        key = protocol.heartbeat_key("uploader", host or protocol.host_name())
        beat = self._state.heartbeats().get(key)
        if beat is None:
            return False
        return protocol.by_label(beat.counters, "store_trouble").get("s3", "no S3") is None

    def link(self, event: str, file: str) -> str | None:
        """Return a link to *file* of *event*, readable for an hour; None while it is not in S3."""
        if self._make_link is None:
            return None
        key = self._state.event_fields(event).get(UPLOADED.of(file))
        if key is None:
            return None
        try:
            link = self._make_link(key)
        except StoreError as error:
            if not self._links_fail:
                _log.warning("no links to files in S3 can be made: %s", error)
            self._links_fail = True
            return None
        self._links_fail = False
        return link

    @property
    def has_links(self) -> bool:
        """Return whether files are uploaded to S3."""
        return self._make_link is not None

    def fitting(self, clip: Path, limit_bytes: int | None, receiver: str | None) -> Path | None:
        """Return *clip*, or its rendition for *receiver*, within *limit_bytes*.

        None when neither is small enough. *receiver* is part of the rendition's name; when it is
        None, there is no rendition. `InterruptedError` when the program ends before the rendition
        is made.
        """
        if limit_bytes is None or clip.stat().st_size <= limit_bytes:
            return clip
        if receiver is None:
            return None
        # The process id is in the name, since a process of a killed run may still be writing.
        name = f"{os.getpid()}-{receiver}-{clip.parent.name}-{clip.name}"
        rendition = self._renditions / name
        if rendition.is_file() or self._shrinker.shrink(clip, limit_bytes, rendition):
            return rendition
        return None

    def release(self, clip: Path) -> None:
        """Delete *clip* if it is a rendition, which is no longer needed."""
        if clip.parent == self._renditions:
            clip.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Delete the renditions that a killed program has left."""
        for rendition in self._renditions.glob("*"):
            rendition.unlink(missing_ok=True)

    def close(self) -> None:
        """Make no further renditions."""
        self._shrinker.close()


def _whereabouts(path: Path, host: str | None) -> str:
    """Return a sentence on the place of a clip that is neither on this machine nor in S3."""
    place = "/".join(path.parts[-4:])
    if host is None:
        return f"The clip is on another machine: {place}"
    if host == protocol.host_name():
        return "The clip is deleted already."
    return f"The clip is on the machine {host}: {place}"
