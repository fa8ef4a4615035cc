"""Publishes what the answers of the person model mean for the alert of the open event."""

from dataclasses import replace
from datetime import datetime

from app.clock import Clock
from app.daemons.security_system.event_reporter import EventReporter, frame_time
from app.daemons.security_system.findings import NOTHING_FOUND, Findings
from app.daemons.security_system.model_reports import ModelReports
from app.daemons.security_system.person_watch import PersonWatch
from app.daemons.security_system.silencing import Silencing
from app.detector import Detector, Event
from app.frames import Frame
from app.people.view import PeopleView
from app.protocol import Decision, Evidence
from app.silencer.silencer import AlarmVerdict

#: The reason for the decision "silenced".
_FALSE_ALARM = "like tagged false alarms"
#: The findings by which the silencer judges: all but the picture.
_PLAIN = Findings._fields.index("shot")


class AlertDecisions:
    """Passes on what *watch* decides: to *reporter*, and to the detector, which counts alerts.

    *model_reports* publishes that the model cannot be used. An alert that *silencing* knows as
    false is silenced if the owner wants that.
    """

    def __init__(
        self,
        watch: PersonWatch,
        reporter: EventReporter,
        model_reports: ModelReports,
        clock: Clock,
        silencing: Silencing,
    ) -> None:
        self._watch = watch
        self._reporter = reporter
        self._model_reports = model_reports
        self._clock = clock
        self._newest: Frame | None = None
        self._corrected: str | None = None
        #: Whether the alert of the open event was sent before the model saw a person.
        self._lacks_person = False
        self._silencing = silencing
        self._opening: tuple[datetime, Evidence | None] | None = None
        self._is_silenced = False
        self._judged: Findings = NOTHING_FOUND
        #: The silencer's verdict on the open event, None while it has none.
        self.verdict: AlarmVerdict | None = None

    @property
    def waits(self) -> bool:
        """Return whether the alert of the open event may still be sent."""
        return self._is_silenced or self._watch.decision in ("waiting", "held")

    def opened(self, event: Event, frame: Frame, detector: Detector) -> Decision | None:
        """Return the decision about *event*, which *frame* opens; None without an alert."""
        self._newest, self._corrected = frame, None
        self._opening = frame_time(frame, event.started_at_s), event.evidence
        rows, columns = frame.luma.shape
        self._silencing.see(columns, rows)
        self.verdict, self._is_silenced = None, False
        decision = self._watch.opened(event, frame, self._clock.monotonic())
        if decision == "sent" and event.alert:
            decision = self._unless_false()
        self._note_sent(decision if event.alert else None)
        if decision in ("waiting", "silenced"):
            detector.take_back_alert()
        return decision

    def follow(self, frame: Frame | None, detector: Detector) -> None:
        """Take the answers of the model; *frame* is the newest, None when none came in time."""
        watch = self._watch
        self._newest = frame or self._newest
        if decision := watch.step(frame, detector, self._clock.monotonic()):
            self._publish(decision, detector)
        elif self._is_no_false_alarm_any_more():
            was_silenced, self._is_silenced = self._is_silenced, False
            self.verdict = AlarmVerdict(False)
            if was_silenced:
                self._publish("sent", detector)
        self._correct(detector)
        if watch.best.has_news and frame and watch.best.is_settled(frame.at_s):
            watch.best.has_news = False
            self._reporter.show(watch.findings)
        self._report_problem()

    def closed(self, detector: Detector) -> Findings:
        """End the open event; return what the model saw in it."""
        if decision := self._watch.closed():
            self._publish(decision, detector)
        elif self._watch.best.has_news:  # the event ends within its first second
            self._reporter.show(self._watch.findings)
        findings = self._watch.findings
        self._watch.forget()
        return findings

    def view(self) -> PeopleView | None:
        """Return the looks of the model, and the decision about the open event, for the display."""
        view = self._watch.view()
        if view and self._is_silenced:
            return replace(view, decision="silenced", why=_FALSE_ALARM)
        return view

    def _correct(self, detector: Detector) -> None:
        """Publish what the model has seen since the alert was sent: a cat, or a person."""
        watch = self._watch
        if watch.corrected and not self._corrected and not self._is_silenced:
            detector.take_back_alert()
            self._reporter.correct(watch.findings, self._clock.now())
        self._corrected = watch.corrected
        if self._lacks_person and watch.findings.person:
            self._lacks_person = False
            self._reporter.name_person(watch.findings, self._clock.now())

    def _note_sent(self, decision: Decision | None) -> None:
        """Remember whether an alert with this *decision* must still say that it was a person."""
        watch = self._watch
        asks = watch.why != "no model"
        self._lacks_person = decision == "sent" and asks and not watch.findings.person

    def _publish(self, decision: Decision, detector: Detector) -> None:
        if self._newest is None:
            return
        if decision == "sent" and self.verdict is None:
            decision = self._unless_false()
        if decision == "sent":
            detector.count_alert(self._newest.at_s)
        self._watch.best.has_news = False
        findings, at = self._watch.findings, self._newest.taken_at
        why = _FALSE_ALARM if decision == "silenced" else self._watch.why
        self._reporter.decide(decision, why, findings, at, self.verdict)
        self._note_sent(decision)

    def _unless_false(self) -> Decision:
        """Return what becomes of an alert that would be sent: "sent", or "silenced"."""
        if self._opening is None:
            return "sent"
        self._judged = self._watch.findings
        self.verdict = self._silencing.judge(*self._opening, self._judged)
        self._is_silenced = self._silencing.silences(self.verdict)
        return "silenced" if self._is_silenced else "sent"

    def _is_no_false_alarm_any_more(self) -> bool:
        """Return whether the model has seen something since that speaks against a false alarm."""
        if self._opening is None or not (self.verdict and self.verdict.is_false_alarm):
            return False
        findings = self._watch.findings
        if findings[:_PLAIN] == self._judged[:_PLAIN]:
            return False
        self._judged = findings
        return not self._silencing.is_still_false(*self._opening, findings)

    def _report_problem(self) -> None:
        if self._watch.problem or self._watch.is_known:
            self._model_reports.step(self._watch.problem)
        else:
            self._model_reports.pause()
