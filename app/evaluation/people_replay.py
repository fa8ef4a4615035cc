"""Runs the rule for people beside the detector, in the time of a video instead of the clock."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import get_args

from app.detector import Detector, Event, Verdict
from app.errors import ModelError
from app.frames import Detection, Frame
from app.motion.base import Contour
from app.people.base import PERSON, Backend, PeopleSettings, PersonModel
from app.people.crops import CpuShare, Crop, CropQueue, Looks, cut, in_picture, shows_person
from app.people.host import MOST_WAITING
from app.people.rule import Best, PersonRule, Why
from app.people.view import MOST_LOOKS, PeopleView, SeenLook
from app.protocol import Decision

#: The seconds of a core that a model takes for a crop, as assumed for a Pi 4.
CROP_S = 0.1


def named_model(settings: PeopleSettings, name: str) -> PeopleSettings:
    """Return *settings* with the model *name*: a backend, or a file of a model."""
    for backend in get_args(Backend):
        if name == backend:
            same = name == settings.backend
            return replace(settings, backend=backend, model=settings.model if same else None)
    return replace(settings, backend="auto", model=name)


@dataclass(frozen=True, slots=True)
class AlertOutcome:
    """The fate of the alert of *event*, which may still be open.

    *decided_s* is when the *decision* fell; both are None where there was no alert to decide about.
    *score* is the best person score, *answers* the number of crops, and *corrected* what the model
    saw instead of a person.
    """

    event: Event
    decision: Decision | None
    why: Why | None
    decided_s: float | None
    best: Best | None
    score: float | None
    answers: int
    corrected: Detection | None


@dataclass(slots=True)
class _Decided:
    decided_s: float | None = None
    corrected: Detection | None = None


class PeopleReplay:
    """Judges the frames of a video with *detector* and with *model*, if there is one.

    A crop takes *crop_s* in the time of the video, and the model keeps to its share of a core, so
    that a decision falls when it would fall at a camera. Without a model every alert is sent.
    """

    def __init__(
        self,
        detector: Detector,
        settings: PeopleSettings,
        model: PersonModel | None = None,
        crop_s: float = CROP_S,
    ) -> None:
        self._detector, self._model, self._crop_s = detector, model, crop_s
        #: The score from which a person counts.
        self.threshold = model.threshold if model else 1.0
        if settings.threshold is not None:
            self.threshold = settings.threshold
        decides = model is not None and model.decides
        self.rule = PersonRule(settings, threshold=self.threshold, decides=decides)
        if decides and self.rule.asks:
            detector.assist()
        self._looks, self._queue = Looks(), CropQueue[Crop](MOST_WAITING)
        self._share = CpuShare(settings.max_cpu)
        self._running: tuple[Crop, float] | None = None
        self._idle_s = float("-inf")
        self._last = _Decided()
        self._seen: deque[SeenLook] = deque(maxlen=MOST_LOOKS)
        self._number: int | None = None
        #: The number of crops at which the model has looked.
        self.crops = 0
        #: Called with the time of each picture at which the model looked, and the best person score
        #: in it.
        self.on_look: Callable[[float, float], None] = lambda _at_s, _score: None

    @property
    def left_out(self) -> int:
        """The number of crops that the model had no time for."""
        return self._queue.left_out

    def judge(self, frame: Frame) -> Verdict:
        """Judge the next frame, and take the answers that the model would have given by now."""
        self._work_until(frame.at_s)
        self._note(self.rule.step(frame.at_s), frame.at_s)
        verdict = self._detector.judge(frame)
        if verdict.event and verdict.changed == "opened":
            self._open(verdict.event, frame)
        elif verdict.changed == "closed":
            self._note(self.rule.closed(), frame.at_s)
        if verdict.learning:
            self._looks = Looks()
            self._queue.clear()
        elif self._model and not frame.damaged:
            self._look(frame, self._detector.contours())
        return verdict

    def end_event(self, at_s: float) -> Event | None:
        """End the open event at the end of the video, *at_s*; return it, None without one."""
        event = self._detector.end_event()
        if event:
            self._work_until(at_s + self._crop_s)
            self._note(self.rule.closed(), at_s)
        return event

    def outcome(self, event: Event) -> AlertOutcome:
        """Return what became of *event*, which is open or has just been closed."""
        rule, last = self.rule, self._last
        return AlertOutcome(
            event=event,
            decision=rule.decision,
            why=rule.why,
            decided_s=last.decided_s,
            best=rule.best,
            score=rule.score,
            answers=rule.answers,
            corrected=last.corrected,
        )

    def view(self) -> PeopleView | None:
        """Return the newest looks and the decision on the newest event; None without a model."""
        if self._model is None:
            return None
        rule, last = self.rule, self._last
        return PeopleView(
            looks=tuple(self._seen),
            number=self._number,
            decision=rule.decision,
            why=rule.why,
            best=rule.best,
            corrected=last.corrected,
        )

    def _open(self, event: Event, frame: Frame) -> None:
        self._last, self._number = _Decided(), event.number
        columns = frame.luma.shape[1]
        decision = self.rule.opened(frame.at_s, event.evidence, columns, alert=event.alert)
        if decision == "waiting":
            self._detector.take_back_alert()
        elif decision:
            self._last.decided_s = frame.at_s

    def _note(self, decision: Decision | None, at_s: float) -> None:
        if decision:
            self._last.decided_s = at_s
        if decision == "sent":
            self._last.corrected = None
            self._detector.count_alert(at_s)

    def _look(self, frame: Frame, contours: Sequence[Contour]) -> None:
        moving = (one.evidence for one in contours if one.confirmed and one.seen)
        self._note(self.rule.moved(frame.at_s, moving, frame.luma.shape[1]), frame.at_s)
        due = self._looks.due(contours, frame.at_s, settled=self.rule.knows_person)
        picture = frame.bgr() if due else None
        for one in due:
            if picture is not None:
                self._queue.put(cut(picture, one, frame.at_s))
        self._idle_s = max(self._idle_s, frame.at_s) if not self._running else self._idle_s

    def _work_until(self, now_s: float) -> None:
        """Look at the crops that a model of this pace would have looked at by *now_s*."""
        while True:
            if self._running is None:
                begin_s = max(self._idle_s, self._share.free_at())
                crop = self._queue.take() if begin_s <= now_s else None
                if crop is None:
                    return
                self._running = crop, begin_s + self._crop_s
            crop, done_s = self._running
            if done_s > now_s:
                return
            self._running, self._idle_s = None, done_s
            self._share.used(self._crop_s, done_s)
            self._answer(crop, done_s)

    def _answer(self, crop: Crop, at_s: float) -> None:
        if self._model is None:
            return
        self.crops += 1
        try:
            found = in_picture(self._model.detect(crop.picture), crop.box)
        except ModelError:
            self._note(self.rule.failed(), at_s)
            return
        self._seen.append(SeenLook(crop.number, crop.at_s, crop.box, tuple(found)))
        people = (one.score for one in found if one.kind == PERSON)
        self.on_look(crop.at_s, max(people, default=0.0))
        is_doubtful = self.rule.asks and not crop.confirmed
        if is_doubtful and shows_person(found, crop.track, self.threshold):
            self._detector.confirm(crop.number)
        doubtful = not crop.confirmed
        self._note(self.rule.answered(crop.at_s, found, doubtful=doubtful), at_s)
        if self.rule.corrected and not self._last.corrected:
            self._detector.take_back_alert()
        self._last.corrected = self.rule.corrected


def sent_alerts(
    detector: Detector,
    settings: PeopleSettings,
    model: PersonModel | None,
    frames: Iterable[Frame],
) -> list[tuple[float, float]]:
    """Return when each alert is sent in *frames*, and when its event ends."""
    people, at_s = PeopleReplay(detector, settings, model), 0.0
    outcomes = []
    for frame in frames:
        at_s = frame.at_s
        verdict = people.judge(frame)
        if verdict.event and verdict.changed == "closed":
            outcomes.append(people.outcome(verdict.event))
    if last := people.end_event(at_s):
        outcomes.append(people.outcome(last))
    return [
        (one.decided_s, max(one.event.ended_at_s or at_s, one.decided_s))
        for one in outcomes
        if one.decision == "sent" and one.decided_s is not None
    ]
