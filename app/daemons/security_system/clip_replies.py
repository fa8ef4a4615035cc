"""Replies to the requests for clips of one camera; each request gets one, also after a kill."""

import logging
from datetime import datetime

from app import protocol
from app.daemons.security_system.publisher import Publisher
from app.protocol import ClipAsked

#: The note that keeps the requests without a reply for the next run.
NOTE = "clips-asked"

_log = logging.getLogger(__name__)


class ClipReplies:
    """Replies through *publisher* to those who asked for a clip of *camera*."""

    def __init__(self, camera: str, publisher: Publisher) -> None:
        self._camera = camera
        self._publisher = publisher
        #: The times of requests whose clip is being made, as ISO 8601.
        self._unanswered: set[str] = set()

    def resume(self) -> tuple[str, ...]:
        """Return the requests that an earlier run has left without a reply, for `excuse`."""
        left = tuple((self._publisher.notes.read(NOTE) or "").split())
        self._unanswered.update(left)
        return left

    def excuse(self, left: tuple[str, ...]) -> None:
        """Reply to the requests *left* by a run that was killed before their clip was on disk."""
        for asked in left:
            try:
                asked_at = datetime.fromisoformat(asked)
            except ValueError:
                _log.warning("%r is no time of a request for a clip", asked)
                self._unanswered.discard(asked)
                continue
            if asked in self._unanswered:
                why = f"Camera {self._camera} was started again, so this clip was not made. "
                self.refuse(asked_at, f"{why}Please ask again.")
        self._keep()

    def expect(self, asked_at: datetime) -> None:
        """Remember that the request of *asked_at* needs a reply; its clip is being made."""
        self._unanswered.add(asked_at.isoformat())
        self._keep()

    def refuse(self, asked_at: datetime, why: str) -> None:
        """Reply to the request of *asked_at* that there is no clip, and *why*."""
        self._reply(ClipAsked(asked_at, why=why))

    def give(self, asked_at: datetime, event_id: str, file: str) -> None:
        """Reply to the request of *asked_at* with the clip *file* in the folder of *event_id*."""
        self._reply(ClipAsked(asked_at, event_id, file, host=protocol.host_name()))

    def _reply(self, reply: ClipAsked) -> None:
        asked = reply.asked_at.isoformat()
        if asked in self._unanswered:
            self._unanswered.discard(asked)
            self._keep()
        self._publisher.show_clip(reply)

    def _keep(self) -> None:
        self._publisher.notes.keep(NOTE, " ".join(sorted(self._unanswered)) or None)
