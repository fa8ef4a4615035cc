"""Publishes that the camera is lost, is back, or comes and goes; the next run knows it too."""

import logging
from datetime import datetime

from app import protocol
from app.cameras.feed import FeedState
from app.clock import Clock
from app.daemons.security_system.noted_steadiness import NotedSteadiness
from app.daemons.security_system.publisher import Publisher
from app.daemons.security_system.spool import Publication
from app.protocol import Fact
from app.state.steadiness import Notice, Pace
from app.times import format_duration, format_time

#: The note that keeps the steadiness for the next run.
NOTE = "steadiness"
#: The least seconds between two such notes while nothing is announced: each write wakes the disk.
NOTE_EVERY_S = 60.0

_log = logging.getLogger(__name__)


class CameraReports:
    """Follows the camera *camera*, and publishes through *publisher*.

    A loss is published when it has lasted *lost_alert_s*, and so is a return.
    """

    def __init__(
        self, camera: str, publisher: Publisher, clock: Clock, lost_alert_s: float
    ) -> None:
        self._camera = camera
        self._publisher = publisher
        self._clock = clock
        self._steadiness = NotedSteadiness(
            Pace(lost_alert_s, lost_alert_s), publisher.notes, NOTE, "the losses of the camera"
        )
        self._noted_losses = 0
        self._note_at_s = 0.0

    def open(self) -> None:
        """Take over what an earlier run has published."""
        self._steadiness.open()
        self._noted_losses = self._steadiness.record.losses

    @property
    def lost_since(self) -> datetime | None:
        """The time at which the camera was lost, by an earlier run too; None when it is not."""
        record = self._steadiness.record
        return record.since if record.is_down else None

    def configure(self, lost_alert_s: float) -> None:
        """Use another *lost_alert_s*."""
        self._steadiness.pace = Pace(lost_alert_s, lost_alert_s)

    def pause(self) -> None:
        """Let no time count while the camera is closed."""
        self._steadiness.pause()

    def step(self, state: FeedState, trouble: str | None) -> None:
        """Publish what is to be published now; *trouble* is why the camera is lost."""
        if state not in ("open", "lost"):
            self.pause()
            return
        now, now_s = self._clock.now(), self._clock.monotonic()
        notice = self._steadiness.observe(state == "lost", now, now_s)
        if notice:
            self._publish(notice, trouble)
        losses = self._steadiness.record.losses
        if notice or (losses != self._noted_losses and now_s >= self._note_at_s):
            self._noted_losses, self._note_at_s = losses, now_s + NOTE_EVERY_S
            if not notice:
                self._steadiness.keep()

    def _publish(self, notice: Notice, trouble: str | None) -> None:
        text = self._text(notice, trouble)
        _log.warning("%s", text)
        fact_id = protocol.new_fact_id(notice.at, self._camera)
        kind: protocol.FactKind = "camera_lost" if notice.is_bad else "camera_back"
        fact = Fact(fact_id, kind, notice.at, text, self._camera)
        self._publisher.publish(Publication(fact, note=self._steadiness.note()))

    def _text(self, notice: Notice, trouble: str | None) -> str:
        since = format_time(notice.since, notice.at)
        match notice.kind:
            case "down":
                return f"Camera lost: {trouble} (since {since})."
            case "up":
                outage = format_duration(notice.outage_s)
                return f"Camera back: {self._camera}, since {since}, after {outage}."
            case "unsteady":
                reason = f" The last reason: {trouble}." if trouble else " It is there now."
                return (
                    f"Camera {self._camera} comes and goes: {notice.frequency()}.{reason} Check "
                    "its power and its network. You get a summary now and then, not every change."
                )
            case "steady":
                return f"Camera {self._camera} works steadily again, since {since}."
