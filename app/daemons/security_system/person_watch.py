"""Lets a person model look at what moves, and decides about the alert of the open event."""

import math
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from app.cameras.base import NetworkReport
from app.daemon import Counters
from app.daemons.security_system.findings import NOTHING_FOUND, BestShot, Findings, Shot
from app.detector import Detector, Event, Verdict
from app.frames import Detection, Frame
from app.people.base import PERSON, ModelRefusal, PeopleSettings
from app.people.child import Spawner
from app.people.choice import may_decide
from app.people.crops import Looks, crop_box, shows_person
from app.people.host import Look, LookAnswer, ModelCounts, ModelHost
from app.people.in_camera import CameraModel
from app.people.rule import DOUBT, PersonRule, subject_of
from app.people.view import MOST_LOOKS, PeopleView, SeenLook
from app.protocol import Decision

#: When no pictures come, an alert waits for so many seconds of the clock.
_MOST_WAIT_S = 2.0
#: Until the process has named its model, a person counts from this score.
_USUAL_THRESHOLD = 0.5


class PersonWatch:
    """Decides about the alerts of one camera by what a person model sees in its pictures.

    *settings* are those of the model, whose files are in *folder*; None for a camera without one.
    The times are those of the pictures.
    """

    def __init__(
        self, settings: PeopleSettings | None, folder: Path, spawner: Spawner | None = None
    ) -> None:
        self._spawner = spawner or Spawner()
        self._settings = settings
        self._folder = folder
        self._counts = ModelCounts()
        self._decisions = Counter[str]()
        self._host: ModelHost | CameraModel | None = None
        self._network: NetworkReport | None = None
        self._model: tuple[float, bool] = (_USUAL_THRESHOLD, False)
        self._rule = self._make_rule()
        self._looks = Looks()
        self._fresh_from_s = -math.inf
        self._waits_since_s: float | None = None
        self._seen: deque[SeenLook] = deque(maxlen=MOST_LOOKS)
        self._number: int | None = None
        #: The best picture of the open event.
        self.best = BestShot()
        #: Called with the time of each picture at which the model looked, and the best person score
        #: in it.
        self.on_look: Callable[[float, float], None] = lambda _at_s, _score: None

    @property
    def trouble(self) -> str | None:
        """The reason why the model does not look, None while it does."""
        return self._host.trouble if self._host else None

    @property
    def problem(self) -> str | None:
        """The reason, for the owner, why the configured model cannot be used; None if it can."""
        return self._host.problem if self._host else None

    @property
    def is_known(self) -> bool:
        """Return whether it is known if the configured model can be used."""
        return self._host is not None and self._host.report is not None

    @property
    def corrected(self) -> str | None:
        """The class of what the model saw instead of a person after an alert; None otherwise."""
        return self._rule.corrected.kind if self._rule and self._rule.corrected else None

    @property
    def works(self) -> bool:
        """Return whether a model looks, or will."""
        return self._host is not None

    @property
    def decision(self) -> Decision | None:
        """The decision about the open event; None without one."""
        return self._rule.decision if self._rule else None

    @property
    def why(self) -> str | None:
        """The reason for the decision about the event."""
        return self._rule.why if self._rule else None

    @property
    def findings(self) -> Findings:
        """Return what the model saw in the open event."""
        rule = self._rule
        if rule is None or not rule.answers:
            return NOTHING_FOUND
        if rule.best is None or not _counts(rule.best.detection, person=rule.best.person):
            return Findings(rule.score, person=False)
        best = rule.best.detection
        return Findings(rule.score, rule.best.person, best.kind, best.score, self.best.shot)

    @property
    def threshold(self) -> float | None:
        """The score from which a person counts; None while no model looks."""
        return self._threshold() if self._host else None

    def view(self) -> PeopleView | None:
        """Return the newest looks and the decision on the open event; None without a model."""
        rule = self._rule
        if rule is None or self._host is None:
            return None
        return PeopleView(
            looks=tuple(self._seen),
            number=self._number,
            decision=rule.decision,
            why=rule.why,
            best=rule.best,
            corrected=rule.corrected,
        )

    def open(self, *, may_have_network: bool = False) -> None:
        """Start the model, because the camera opens; it goes on while the camera is closed.

        If the camera *may_have_network*, `use_network` starts the model, when that is known.
        """
        if self._settings is None or self._settings.backend == "none":
            self._spawner.close()
        elif not (self._host or may_have_network):
            self._start()

    def use_network(self, network: NetworkReport | None) -> None:
        """Use the *network* in the sensor of the open camera; without one, another model."""
        if self._settings is None or self._settings.backend == "none":
            return
        is_same = self._host is not None and network == self._network
        if is_same or self.best.opened_s is not None:
            return
        if self._host:
            self.close()
        self._network = network
        self._start()

    def close(self) -> None:
        """End the model."""
        if self._host:
            self._host.close()
        self._host = None
        self.relearn()

    def check(self) -> None:
        """Raise `RuntimeError` when a mistake, which is in the log, has ended the thread."""
        if self._host:
            self._host.check()

    def has(self, settings: PeopleSettings | None, folder: Path) -> bool:
        """Return whether it uses these *settings* and this *folder* already."""
        return (settings, folder) == (self._settings, self._folder)

    def configure(self, settings: PeopleSettings | None, folder: Path) -> None:
        """Use other *settings*; no event may be open, and `open` must follow if the camera is."""
        self.close()
        self._settings, self._folder, self._network = settings, folder, None
        self._model = (_USUAL_THRESHOLD, False)
        self._rule = self._make_rule()

    def relearn(self) -> None:
        """Forget what is followed: the scene is learned again."""
        self._looks = Looks(self._host.every_s if self._host else None)
        self.best.relearn()
        self._fresh_from_s = math.inf
        if self._host:
            self._host.forget()

    def counters(self) -> Counters:
        """Return the figures for the heartbeat."""
        counted: Counters = {"decisions": dict(self._decisions)}
        if self._host is None:
            return counted
        report = self._host.report
        return {
            **counted,
            "people_model": report.name if report else None,
            "people_looks": self._counts.looks,
            "people_left_out": self._counts.left_out,
            "people_starts": self._counts.starts,
            "people_cpu_s": round(self._counts.cpu_s, 2),
            "people_delay_s": self._counts.delay_s,
        }

    def look(self, frame: Frame, verdict: Verdict, detector: Detector) -> None:
        """Let the model look at what *detector* follows in *frame*, judged as *verdict*."""
        if self._host is None:
            return
        if verdict.learning:
            self.relearn()
            return
        self._fresh_from_s = min(self._fresh_from_s, frame.at_s)
        if self._rule and self._rule.asks:
            detector.assist()
        if not self._host.can_look(frame):
            return
        settled = self._rule is not None and self._rule.knows_person
        for contour in self._looks.due(detector.contours(), frame.at_s, settled=settled):
            self._host.offer(Look(contour, frame))

    def opened(self, event: Event, frame: Frame, now_s: float) -> Decision | None:
        """Return the decision about *event*, which *frame* opens; None without an alert.

        *now_s* is of the monotonic clock.
        """
        self.best.has_news = False
        if self._rule is None:
            return None
        self._number = event.number
        self.best.opened(frame.at_s)
        columns = frame.luma.shape[1]
        decision = self._rule.opened(frame.at_s, event.evidence, columns, alert=event.alert)
        if decision == "waiting":
            self._waits_since_s = now_s
        return self._decided(decision)

    def step(self, frame: Frame | None, detector: Detector, now_s: float) -> Decision | None:
        """Take the model's answers; return a new decision about the open event, if there is one.

        *frame* is the newest, None when none came in time; *now_s* is of the monotonic clock.
        """
        rule, host = self._rule, self._host
        if rule is None:
            return None
        decision = None
        for answer in host.take() if host else ():
            decision = self._take(rule, answer, detector) or decision
        if frame and rule.decision in ("waiting", "held"):
            moving = [one.evidence for one in detector.contours() if one.confirmed and one.seen]
            decision = rule.moved(frame.at_s, moving, frame.luma.shape[1]) or decision
        if rule.decision == "waiting":
            decision = self._wait(rule, frame, now_s) or decision
        if self.best.opened_s is None:
            self._follow_model()
        return self._decided(decision)

    def closed(self) -> Decision | None:
        """End the event; return the decision if there was none yet."""
        decision = self._rule.closed() if self._rule else None
        return self._decided(decision)

    def forget(self) -> None:
        """Forget the event that has ended, after its findings were published."""
        self.best.closed()
        self._number = None
        self._follow_model()

    def _start(self) -> None:
        """Start the network in the camera, or the process of another model."""
        network, settings = self._network, self._settings
        if settings is None:
            return
        if network and network.file:
            self._spawner.close()
            self._host = CameraModel(network.file, self._counts, network.refused)
        else:
            refusal = network and ModelRefusal(network.refused, network.broken)
            # The owner hears at once of a network that is broken.
            soon = may_decide(settings, self._folder) or bool(refusal and refusal.broken)
            self._host = ModelHost(
                *(settings, self._folder, self._counts),
                decides=soon,
                spawner=self._spawner,
                imx500=refusal,
            )
        self._host.start()
        self.relearn()

    def _wait(self, rule: PersonRule, frame: Frame | None, now_s: float) -> Decision | None:
        """Return the decision when the wait is over, or nobody will answer."""
        if self._host is None or not self._host.ready:
            return rule.failed()
        if frame and (decision := rule.step(frame.at_s)):
            return decision
        waited_s = now_s - (self._waits_since_s or now_s)
        return rule.step(math.inf) if waited_s >= _MOST_WAIT_S else None

    def _take(self, rule: PersonRule, answer: LookAnswer, detector: Detector) -> Decision | None:
        look, found = answer
        if look.frame.at_s < self._fresh_from_s:
            return None
        rows, columns = look.frame.luma.shape
        crop = crop_box(look.followed.box, columns, rows)
        self._seen.append(SeenLook(look.number, look.frame.at_s, crop, found))
        people = (one.score for one in found if one.kind == PERSON)
        self.on_look(look.frame.at_s, max(people, default=0.0))
        decision = rule.answered(look.frame.at_s, found, doubtful=not look.confirmed)
        threshold = self._threshold()
        subject, is_person = subject_of(found, threshold + DOUBT * (not look.confirmed))
        if subject and _counts(subject, person=is_person):
            self.best.offer(Shot(look.frame, subject, is_person))
        if rule.asks and not look.confirmed and shows_person(found, look.followed.box, threshold):
            detector.confirm(look.number)
        return decision

    def _decided(self, decision: Decision | None) -> Decision | None:
        if decision and decision != "waiting":
            self._decisions[decision] += 1
        return decision

    def _follow_model(self) -> None:
        """Decide by the model that the process has named, from the next event on."""
        report = self._host.report if self._host else None
        model = (report.threshold, report.decides) if report else (_USUAL_THRESHOLD, False)
        if model != self._model:
            self._model = model
            self._rule = self._make_rule()

    def _threshold(self) -> float:
        configured = self._settings.threshold if self._settings else None
        return self._model[0] if configured is None else configured

    def _make_rule(self) -> PersonRule | None:
        if self._settings is None:
            return None
        settings, (threshold, decides) = self._settings, self._model
        if settings.backend == "none":
            settings = replace(settings, require_person=False)
        return PersonRule(settings, threshold=threshold, decides=decides)


def _counts(detection: Detection, *, person: bool) -> bool:
    """Return whether *detection* is worth a word: a person with too low a score is not."""
    return person or detection.kind != PERSON
