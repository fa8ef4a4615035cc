"""The pictures that Redis has only in memory, so that a restarted Redis gets them again."""

import logging
from collections import deque

from app import protocol
from app.errors import ProtocolError
from app.protocol import EventRecord, Fact
from app.recording.event_folder import EventFolders
from app.state import Latest, State

#: The number of events whose pictures Redis gets again: alerts may wait for them.
EVENTS_KEPT = 20

_log = logging.getLogger(__name__)


class RedisMemory:
    """The newest pictures of *camera* that Redis has got, those of events as they are in *folders*.

    One thread calls `published` and `restore`; any thread sets `latest`.
    """

    def __init__(self, camera: str, state: State, folders: EventFolders) -> None:
        self._camera = camera
        self._state = state
        self._folders = folders
        self._events: deque[str] = deque(maxlen=EVENTS_KEPT)
        #: The newest picture of the camera, None before the first.
        self.latest: Latest | None = None

    def published(self, fact: Fact, record: EventRecord | None) -> None:
        """Remember that Redis has got *fact*, with its picture if it brings one."""
        event = protocol.pictured_event(fact)
        if event and record and event not in self._events:
            self._events.append(event)

    def restore(self) -> None:
        """Store again what Redis has lost; `StateUnavailable` when it does not answer."""
        try:
            if self.latest and self._state.latest_taken_at(self._camera) is None:
                self._state.set_latest(self._camera, self.latest)
            for event in self._state.events_without_picture(self._events):
                self._restore_event(event)
        except ProtocolError as error:
            _log.warning("pictures of camera %s are not stored again: %s", self._camera, error)

    def _restore_event(self, event: str) -> None:
        try:
            picture = self._folders.snapshot(event, protocol.event_started_at(event))
        except OSError as error:
            _log.warning("the picture of event %s cannot be read: %s", event, error)
            return
        if picture:
            self._state.restore_picture(event, picture)
