"""Publishes the events of one camera: their opening, their end, and doors left open."""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from app import protocol
from app.alert_text import AlertText
from app.daemons.security_system.clip_deadlines import PATIENCE_S, ClipDeadlines
from app.daemons.security_system.clips import ClipCallback
from app.daemons.security_system.findings import NOTHING_FOUND, Findings, Shot
from app.daemons.security_system.publisher import Publisher
from app.daemons.security_system.spool import Publication
from app.detector import Event
from app.errors import ProtocolError
from app.frames import Frame, annotated, caption
from app.people.base import PERSON
from app.protocol import Decision, EventRecord, Fact, FactKind, event_fact_id
from app.recording.event_folder import EventFolders, SnapshotPair
from app.silencer.silencer import AlarmVerdict

#: The seconds for which the loop lets the thread run that writes an opening to disk.
_YIELD_S = 0.001

_log = logging.getLogger(__name__)


class EventReporter:
    """Publishes the events of *camera* through *publisher*, in the sentences of *alert_text*.

    An alert that comes with a clip waits in *deadlines*.
    """

    def __init__(
        self,
        camera: str,
        publisher: Publisher,
        folders: EventFolders,
        alert_text: AlertText,
        deadlines: ClipDeadlines,
    ) -> None:
        self.alert_text = alert_text
        self._camera = camera
        self._publisher = publisher
        self._folders = folders
        self._deadlines = deadlines
        self._open: tuple[str, EventRecord] | None = None
        self._opening_is_alert = False
        self._correction: Fact | None = None
        #: The number of events since the start.
        self.count = 0

    @property
    def open_event(self) -> str | None:
        """Return the id of the open event, None while there is none."""
        return self._open[0] if self._open else None

    def open(
        self,
        event_id: str,
        event: Event,
        frame: Frame,
        level: float | None,
        *,
        decision: Decision | None = None,
        findings: Findings = NOTHING_FOUND,
        verdict: AlarmVerdict | None = None,
    ) -> None:
        """Publish that *frame* has opened *event*; `complete` must follow.

        The fact is on disk some milliseconds later. *level* is the brightness, 0 to 255, where
        light is the trigger. An alert whose *decision* is "waiting" or "silenced" is not one yet.
        *findings* are those of a person model, *verdict* that of the silencer.
        """
        self.count += 1
        boxes = tuple((box.x, box.y, box.width, box.height) for box in event.boxes)
        record = EventRecord(
            self._camera,
            frame_time(frame, event.started_at_s),
            boxes=boxes,
            peak_area_px=event.peak_area_px,
            evidence=event.evidence,
            decision=decision,
        )
        record = _with_verdict(_with_findings(record, findings), verdict)
        self._open, self._correction = (event_id, record), None
        is_alert = event.alert and decision not in ("waiting", "silenced")
        self._opening_is_alert = is_alert and self.alert_text.announces_opening
        cause = f"{event.peak_area_px:.0f} px" if level is None else f"a light of {level:.0f}"
        news = f"event {event_id} opens with {cause}"
        self._drawn = threading.Event()
        self._opened = Publication(
            self._opening(event_id, record, is_alert), record, drawn=self._drawn, news=news
        )
        self._publisher.publish(self._opened)
        # Python would let the thread that writes wait up to 5 ms for this one.
        time.sleep(_YIELD_S)

    def complete(
        self,
        event: Event,
        frame: Frame,
        after: Sequence[threading.Event],
        shot: Shot | None = None,
    ) -> bytes:
        """Give the opening of *event* its pictures; it goes out once all events in *after* are set.

        The pictures are those of *frame*, or of a *shot* in which a model saw somebody. Return the
        clean one as JPEG.
        """
        pictures = self._pictures(shot) if shot else None
        if pictures is None:
            picture = frame.bgr()
            marked = annotated(picture, event.boxes, caption(self._camera, frame))
            pictures = SnapshotPair.encoded(marked, picture)
        self._opened.pictures, self._opened.after = pictures, tuple(after)
        self._drawn.set()
        return pictures.clean

    def decide(
        self,
        decision: Decision,
        why: str | None,
        findings: Findings,
        at: datetime,
        verdict: AlarmVerdict | None = None,
    ) -> None:
        """Publish the *decision* about the open event, made at *at* by *findings* and *verdict*.

        *why* is the reason in a few words, for the log.
        """
        if self._open is None:
            return
        event_id, record = self._open
        record = _with_findings(replace(record, decision=decision), findings)
        record = _with_verdict(record, verdict)
        self._open = event_id, record
        pictures = self._pictures(findings.shot) if findings.shot else None
        _log.info("the alert of event %s is %s: %s", event_id, decision, why)
        if decision == "sent":
            kind: FactKind = "motion_reconfirmed" if self._correction else "motion_confirmed"
            fact = self._confirmation(kind, event_id, record, at)
            self._publisher.publish(Publication(fact, record, pictures))
            if self._correction:
                again = self._corrected_again(self._correction, at)
                self._publisher.publish(Publication(again, record))
        else:
            self._publisher.rewrite(event_id, record, self._opening_is_alert, pictures)

    def show(self, findings: Findings) -> None:
        """Keep the better picture in *findings* for the open event."""
        if self._open is None or findings.shot is None:
            return
        event_id, record = self._open
        record = _with_findings(record, findings)
        self._open = event_id, record
        pictures = self._pictures(findings.shot)
        self._publisher.rewrite(event_id, record, self._opening_is_alert, pictures)

    def correct(self, findings: Findings, at: datetime) -> None:
        """Publish at *at* that the alert of the open event was a mistake, by the *findings*."""
        self._correction = self._corrected(findings, at)

    def name_person(self, findings: Findings, at: datetime) -> None:
        """Publish at *at* that the alert of the open event was a person, by the *findings*."""
        self._corrected(findings, at)

    def _corrected(self, findings: Findings, at: datetime) -> Fact | None:
        if self._open is None or findings.seen is None:
            return None
        event_id, record = self._open
        record = _with_findings(record, findings)
        self._open = event_id, record
        text = self.alert_text.corrected(findings.seen)
        fact = self._fact("motion_corrected", event_id, at, text, alert=False)
        pictures = self._pictures(findings.shot) if findings.shot else None
        self._publisher.publish(Publication(fact, record, pictures))
        _log.info("event %s: %s", event_id, text)
        return fact

    def end(
        self,
        event: Event,
        ended_at: datetime,
        *,
        has_clip: bool,
        findings: Findings = NOTHING_FOUND,
        verdict: AlarmVerdict | None = None,
    ) -> None:
        """Publish that *event* ended at *ended_at*, and what a model saw in it, its *findings*.

        *verdict* is the last one of the silencer.
        If its opening was not an alert, this is the alert, and waits for the clip if there is one.
        """
        if self._open is None:
            return
        event_id, record = self._open
        self._open = None
        ended_at = max(ended_at, record.started_at)
        lasted_s = (ended_at - record.started_at).total_seconds()
        record = replace(record, ended_at=ended_at, peak_area_px=event.peak_area_px)
        record = _with_verdict(_with_findings(record, findings), verdict)
        if event.alert:
            self._announce_closing(event_id, record, PATIENCE_S if has_clip else 0.0)
        self._publish_end(event_id, record, self.alert_text.ended(lasted_s))
        _log.info("event %s closes after %.1f s", event_id, lasted_s)

    def left_open(self, first_event: str, lasted_s: float, at: datetime) -> ClipCallback:
        """Publish that the opening since *first_event* has lasted *lasted_s* seconds at *at*.

        The alert waits for the clip so far. Call the returned function with the clip's file and its
        seconds, or with None and 0 without a clip.
        """
        event_id, record = self._open or (first_event, None)
        text = self.alert_text.left_open(protocol.event_started_at(first_event), lasted_s)
        fact_id = event_fact_id(first_event, "left_open")
        fact = Fact(fact_id, "left_open", at, text, self._camera, event_id)
        self._deadlines.add(fact_id, Publication(fact, record))
        _log.info("%s", text)

        def publish(file: str | None, clip_s: float) -> None:
            whole = fact
            if file:
                whole = replace(
                    fact, file=file, lasted_s=round(clip_s, 2), host=protocol.host_name()
                )
            self._publisher.publish(Publication(whole, record))
            self._deadlines.clip_ready(fact_id)

        return publish

    def end_unfinished(self) -> None:
        """End the events that were open when an earlier run was killed.

        Their opening is published too, in case the earlier run did not publish it.
        """
        for facts, last_written in self._folders.unfinished_events(self._camera):
            event_id = facts["id"]
            try:
                started_at = protocol.event_started_at(event_id)
                record = protocol.event_from_plain(
                    {"camera": self._camera, "started_at": started_at, **facts}
                )
            except ProtocolError as error:
                _log.error("the event %s is left as it is: %s", event_id, error)
                continue
            record = self._resume_opening(event_id, record, facts.get("alert"), last_written)
            ended = replace(record, ended_at=max(last_written, record.started_at))
            # Where openings are not announced, the record does not know whether this was an alert.
            self._announce_closing(event_id, ended, PATIENCE_S)
            text = f"The program of camera {self._camera} was killed during this event."
            self._publish_end(event_id, ended, text)

    def _resume_opening(
        self, event_id: str, record: EventRecord, alert: object, at: datetime
    ) -> EventRecord:
        """Publish the opening of an event of an earlier run, and return its record.

        *alert* is what is on disk about that opening. An alert that waited for the model at *at* is
        sent: nobody can say any more that it was nobody.
        """
        is_alert = alert is not False and record.decision not in ("waiting", "held", "silenced")
        self._publisher.publish(Publication(self._opening(event_id, record, is_alert), record))
        if record.decision not in ("waiting", "sent") or is_alert:
            return record
        record = replace(record, decision="sent")
        at = max(at, record.started_at)
        fact = self._confirmation("motion_confirmed", event_id, record, at)
        self._publisher.publish(Publication(fact, record))
        return record

    def _confirmation(
        self, kind: FactKind, event_id: str, record: EventRecord, at: datetime
    ) -> Fact:
        text = self.alert_text.opening(record.started_at, record.evidence, _word(record))
        return self._fact(kind, event_id, at, text, alert=True)

    def _corrected_again(self, correction: Fact, at: datetime) -> Fact:
        """Return the correction in place of *correction*: a person was seen at *at*."""
        return replace(
            correction,
            id=f"{correction.id}-again",
            # The later of two corrections counts.
            at=max(at, correction.at + timedelta(milliseconds=1)),
            text=self.alert_text.corrected_again(correction.text),
        )

    def _pictures(self, shot: Shot) -> SnapshotPair:
        """Return the pictures of *shot*: with the box of what was seen, and clean."""
        frame, seen = shot.frame, shot.detection
        label = f"{seen.kind} {seen.score:.2f}"
        picture = frame.bgr()
        marked = annotated(picture, (seen.box,), caption(self._camera, frame), (label,))
        return SnapshotPair.encoded(marked, picture)

    def _opening(self, event_id: str, record: EventRecord, alert: bool) -> Fact:
        text = self.alert_text.opening(record.started_at, record.evidence, _word(record))
        alert = alert and self.alert_text.announces_opening
        return self._fact("motion_started", event_id, record.started_at, text, alert)

    def _announce_closing(self, event_id: str, record: EventRecord, patience_s: float) -> None:
        """Let the alert of an event that was not announced at its opening wait for the clip.

        It waits before the end is on disk: after a kill in between, it would be lost.
        """
        if self.alert_text.announces_opening:
            return
        ended_at = record.ended_at or record.started_at
        lasted_s = (ended_at - record.started_at).total_seconds()
        text = self.alert_text.clip(record.started_at, lasted_s)
        fact_id = event_fact_id(event_id, "closed")
        fact = Fact(fact_id, "clip_ready", ended_at, text, self._camera, event_id)
        self._deadlines.add(event_id, Publication(fact, record), patience_s)

    def _publish_end(self, event_id: str, record: EventRecord, text: str) -> None:
        at = record.ended_at or record.started_at
        fact = self._fact("motion_ended", event_id, at, text, alert=False)
        self._publisher.publish(Publication(fact, record))

    def _fact(self, kind: FactKind, event_id: str, at: datetime, text: str, alert: bool) -> Fact:
        fact_id = event_fact_id(event_id, kind)
        return Fact(fact_id, kind, at, text, self._camera, event_id, alert)


def _with_findings(record: EventRecord, findings: Findings) -> EventRecord:
    if findings.score is None:
        return record
    return replace(
        record,
        score=_rounded(findings.score),
        person=findings.person,
        seen=findings.seen,
        seen_score=_rounded(findings.seen_score),
    )


def _with_verdict(record: EventRecord, verdict: AlarmVerdict | None) -> EventRecord:
    if verdict is None:
        return record
    return replace(record, would_silence=verdict.is_false_alarm, like=verdict.like or None)


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, 3)


def _word(record: EventRecord) -> str | None:
    """Return the class of what was seen in the event of *record*, None when it is not known."""
    return record.seen if record.person or record.seen != PERSON else None


def frame_time(frame: Frame, at_s: float) -> datetime:
    """Return the UTC time of *at_s* on the clock of *frame*'s source."""
    return frame.taken_at - timedelta(seconds=frame.at_s - at_s)
