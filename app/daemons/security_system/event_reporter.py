"""The events of one camera, from their opening to their end, as the house is told of them."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from app import protocol
from app.alert_text import AlertText
from app.daemons.security_system.clip_deadlines import PATIENCE_S, Owed
from app.daemons.security_system.publisher import Link, News
from app.detector import Event
from app.errors import ProtocolError
from app.frames import Box, Frame, annotated, caption, jpeg
from app.protocol import EventRecord, Fact, FactKind
from app.recording.event_folder import EventFolders, SnapshotPair

_log = logging.getLogger(__name__)


class Casebook:
    """Gives every event of *camera* its id and its pictures, and tells of it through *link*, in the
    words of *wording*.
    """

    def __init__(
        self, camera: str, link: Link, folders: EventFolders, wording: AlertText, owed: Owed
    ) -> None:
        self.wording = wording
        self._owed = owed
        self._camera = camera
        self._link = link
        self._folders = folders
        self._open: tuple[str, EventRecord] | None = None
        #: How many events there were since the start.
        self.count = 0

    @property
    def is_open(self) -> bool:
        """Whether an event is going on."""
        return self._open is not None

    @property
    def open_event(self) -> str | None:
        """The event that is going on."""
        return self._open[0] if self._open else None

    def begin(self, event: Event, frame: Frame, level: float | None = None) -> SnapshotPair:
        """*frame* has opened *event*, by its *level* where light is the trigger; these are pictures
        of it. `tell_opening` comes next.
        """
        self.count += 1
        started_at = frame.taken_at - timedelta(seconds=frame.at_s - event.started_at_s)
        name = protocol.event_id(started_at, self._camera)
        record = EventRecord(
            self._camera, started_at, boxes=_plain(event.boxes), peak_area_px=event.peak_area_px
        )
        picture = frame.bgr()
        pictures = SnapshotPair(
            jpeg(annotated(picture, event.boxes, caption(self._camera, frame))), jpeg(picture)
        )
        self._open = name, record
        _log.info(
            "event %s opens with %s",
            name,
            f"{event.peak_area_px:.0f} px" if level is None else f"a light of {level:.0f}",
        )
        return pictures

    def tell_opening(
        self, event: Event, pictures: SnapshotPair, after: Sequence[threading.Event]
    ) -> None:
        """Tell that *event* has opened, with its *pictures*, *after* these things, as in all
        `News`.
        """
        if self._open is None:
            return
        name, record = self._open
        text, alert = (
            self.wording.opening(record.started_at),
            event.alert and self.wording.announces_opening,
        )
        self._link.tell(
            News(
                self._fact("motion_started", name, record, text, alert),
                record,
                pictures,
                after=tuple(after),
            )
        )

    def end(self, event: Event, ended_at: datetime, *, filmed: bool) -> None:
        """*event* is over since *ended_at*. If the owner has not heard of it, the sentence with its
        film is owed, *filmed* or not.
        """
        if self._open is None:
            return
        name, record = self._open
        self._open = None
        ended_at = max(ended_at, record.started_at)
        lasted_s = (ended_at - record.started_at).total_seconds()
        record = replace(record, ended_at=ended_at, peak_area_px=event.peak_area_px)
        self._link.tell(
            News(
                self._fact("motion_ended", name, record, self.wording.ended(lasted_s), False),
                record,
            )
        )
        _log.info("event %s closes after %.1f s", name, lasted_s)
        if event.alert and not self.wording.announces_opening:
            text = self.wording.clip(record.started_at, lasted_s)
            news = News(
                Fact(f"{name}-closed", "clip_ready", ended_at, text, self._camera, name), record
            )
            self._owed.owe(name, news, PATIENCE_S if filmed else 0.0)

    def left_open(
        self, first: str, lasted_s: float, at: datetime
    ) -> Callable[[str | None, float], None]:
        """What opened with the event *first* is open for *lasted_s* now.

        That is told with what was filmed so far, by what this returns when it is given that file
        (or None) and its seconds; if that takes too long, without.
        """
        event, record = self._open or (first, None)
        text = self.wording.left_open(protocol.event_started_at(first), lasted_s)
        fact = Fact(f"{first}-left_open", "left_open", at, text, self._camera, event)
        self._owed.owe(fact.id, News(fact, record))
        _log.info("%s", text)

        def tell(file: str | None, film_s: float) -> None:
            film = (
                replace(fact, file=file, lasted_s=round(film_s, 2), host=protocol.host_name())
                if file
                else fact
            )
            self._link.tell(News(film, record))
            self._owed.paid(fact.id)

        return tell

    def end_forgotten(self) -> None:
        """End the events that were open when an earlier run was killed, and tell of them in case
        that was not done.
        """
        for facts, last_written in self._folders.unfinished_events(self._camera):
            try:
                record = protocol.event_from_plain(
                    {
                        "camera": self._camera,
                        "started_at": protocol.event_started_at(facts["id"]),
                        **facts,
                    }
                )
            except ProtocolError as error:
                _log.error("the event %s is left alone: %s", facts["id"], error)
                continue
            ended = replace(record, ended_at=max(last_written, record.started_at))
            text = f"The program of camera {self._camera} was killed during this event."
            started = self.wording.opening(record.started_at)
            alert = facts.get("alert") is not False and self.wording.announces_opening
            self._link.tell(
                News(self._fact("motion_started", facts["id"], record, started, alert), record)
            )
            self._link.tell(
                News(self._fact("motion_ended", facts["id"], ended, text, False), ended)
            )

    def _fact(
        self, kind: FactKind, event: str, record: EventRecord, text: str, alert: bool
    ) -> Fact:
        return Fact(
            f"{event}-{kind}",
            kind,
            record.ended_at or record.started_at,
            text,
            self._camera,
            event,
            alert,
        )


def _plain(boxes: tuple[Box, ...]) -> tuple[protocol.BoxPx, ...]:
    return tuple((box.x, box.y, box.width, box.height) for box in boxes)
