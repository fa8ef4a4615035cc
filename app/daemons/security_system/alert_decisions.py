"""Publishes what the answers of the person model mean for the alert of the open event."""

from app.clock import Clock
from app.daemons.security_system.event_reporter import EventReporter
from app.daemons.security_system.model_reports import ModelReports
from app.daemons.security_system.person_watch import Findings, PersonWatch
from app.detector import Detector, Event
from app.frames import Frame
from app.protocol import Decision


class AlertDecisions:
    """Passes on what *watch* decides: to *reporter*, and to the detector, which counts alerts.

    *model_reports* publishes that the model cannot be used.
    """

    def __init__(
        self,
        watch: PersonWatch,
        reporter: EventReporter,
        model_reports: ModelReports,
        clock: Clock,
    ) -> None:
        self._watch = watch
        self._reporter = reporter
        self._model_reports = model_reports
        self._clock = clock
        self._newest: Frame | None = None
        self._corrected: str | None = None

    def opened(self, event: Event, frame: Frame, detector: Detector) -> Decision | None:
        """Return the decision about *event*, which *frame* opens; None without an alert."""
        self._newest, self._corrected = frame, None
        decision = self._watch.opened(event, frame, self._clock.monotonic())
        if decision == "waiting":
            detector.take_back_alert()
        return decision

    def follow(self, frame: Frame | None, detector: Detector) -> None:
        """Take the answers of the model; *frame* is the newest, None when none came in time."""
        watch = self._watch
        self._newest = frame or self._newest
        if decision := watch.step(frame, detector, self._clock.monotonic()):
            self._publish(decision, detector)
        if watch.corrected and not self._corrected:
            detector.take_back_alert()
            self._reporter.correct(watch.findings, self._clock.now())
        self._corrected = watch.corrected
        if watch.has_news and frame and watch.is_settled(frame):
            watch.has_news = False
            self._reporter.show(watch.findings)
        self._report_problem()

    def closed(self, detector: Detector) -> Findings:
        """End the open event; return what the model saw in it."""
        if decision := self._watch.closed():
            self._publish(decision, detector)
        findings = self._watch.findings
        self._watch.forget()
        return findings

    def _publish(self, decision: Decision, detector: Detector) -> None:
        if self._newest is None:
            return
        if decision == "sent":
            detector.count_alert(self._newest.at_s)
        self._watch.has_news = False
        findings = self._watch.findings
        self._reporter.decide(decision, self._watch.why, findings, self._newest.taken_at)

    def _report_problem(self) -> None:
        if self._watch.problem or self._watch.is_known:
            self._model_reports.step(self._watch.problem)
        else:
            self._model_reports.pause()
