"""Publishes that the configured person model cannot be used, and that it can be used again."""

import logging

from app import protocol
from app.clock import Clock
from app.daemons.security_system.noted_steadiness import NotedSteadiness
from app.daemons.security_system.publisher import Publisher
from app.daemons.security_system.spool import Publication
from app.protocol import Fact, FactKind
from app.state.steadiness import Notice, Pace
from app.times import format_duration, format_time

#: The note that keeps what was published for the next run.
NOTE = "person-model"
#: The seconds for which the model must be usable again until that is published.
GOOD_S = 60.0

_log = logging.getLogger(__name__)


class ModelReports:
    """Follows the person model of *camera*, and publishes through *publisher*."""

    def __init__(self, camera: str, publisher: Publisher, clock: Clock) -> None:
        self._camera = camera
        self._publisher = publisher
        self._clock = clock
        self._steadiness = NotedSteadiness(
            Pace(0.0, GOOD_S), publisher.notes, NOTE, "the person model"
        )

    def open(self) -> None:
        """Take over what an earlier run has published."""
        self._steadiness.open()

    def pause(self) -> None:
        """Let no time count while the camera is closed, and no model is in use."""
        self._steadiness.pause()

    def step(self, problem: str | None) -> None:
        """Publish what is to be published now; *problem* is why the model cannot be used."""
        if problem is None and not self._steadiness.record.losses:
            return
        now = self._clock.now()
        notice = self._steadiness.observe(problem is not None, now, self._clock.monotonic())
        if notice:
            self._publish(notice, problem)

    def _publish(self, notice: Notice, problem: str | None) -> None:
        text = self._text(notice, problem)
        _log.warning("%s", text)
        fact_id = protocol.new_fact_id(notice.at, self._camera)
        kind: FactKind = "model_refused" if notice.is_bad else "model_back"
        fact = Fact(fact_id, kind, notice.at, text, self._camera)
        self._publisher.publish(Publication(fact, note=self._steadiness.note()))

    def _text(self, notice: Notice, problem: str | None) -> str:
        camera = self._camera
        match notice.kind:
            case "down":
                return f"Camera {camera}: {problem}"
            case "unsteady":
                return (
                    f"Camera {camera}: the person model fails again and again: "
                    f"{notice.frequency('failed', 'usable')}. {problem or 'It works now.'}"
                )
            case _:
                since = format_time(notice.since, notice.at)
                outage = format_duration(notice.outage_s)
                return f"Camera {camera}: the person model works since {since}, after {outage}."
