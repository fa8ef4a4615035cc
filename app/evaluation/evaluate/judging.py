"""Judges tagged events again: was there a person, and would the rule have sent an alert?

The score and the decision that the suite stored are used where they are there. Otherwise the
person model runs over the event's sample and snapshot, and the rule decides by that.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from app.config import CameraConfig, Config
from app.config.of_camera import people_settings
from app.evaluation.archive.index import Archive, ArchivedEvent
from app.evaluation.archive.sample import (
    LARGEST_SAMPLE,
    Sample,
    SampleError,
    decoded,
    read_sample,
)
from app.evaluation.evaluate.looking import FrameLook, look_at, look_at_snapshot
from app.frames import Box, Detection
from app.people.base import PERSON, PersonModel
from app.people.rule import WAIT_S, PersonRule, subject_of
from app.protocol import Label

Source = Literal["stored", "model", "unknown"]
_NOWHERE = Box(0, 0, 1, 1)


@dataclass(frozen=True, slots=True)
class JudgedEvent:
    """A tagged event, and what is said of it.

    *motion* is the verdict at its moment. *score* is the best person score in its last frames, and
    *person* whether that is a person; None when that is unknown. *remembered* says that a person
    was seen in this camera within the memory before it. *sent* is the decision of the rule. The
    sources say whether the suite stored person and decision, or they come from here.
    """

    id: str
    camera: str
    started_at: datetime
    label: Label
    motion: bool
    score: float | None
    person: bool | None
    remembered: bool
    sent: bool
    person_source: Source
    decision_source: Literal["stored", "replayed"]

    @property
    def occupied(self) -> bool:
        return self.label == "occupied"


@dataclass(frozen=True, slots=True)
class SeenEvent:
    """An event before the rule decides; *looks* are those of a model here.

    *motion* is None when nothing of it is left but its label.
    """

    event: ArchivedEvent
    motion: bool | None
    score: float | None = None
    person: bool | None = None
    source: Source = "unknown"
    looks: tuple[FrameLook, ...] = ()


class Judging:
    """Judges the events of *archive* by *config*; *model* is None where none can be used.

    The model looks at one frame in *every*, and only for cameras for which it works in the suite
    too. What could not be read is added to *skipped*.
    """

    def __init__(
        self, archive: Archive, config: Config, model: PersonModel | None, every: int
    ) -> None:
        self._archive = archive
        self._config = config
        people = self._people = config.people
        self._model = model
        self._every = every
        usual = model.threshold if model else 1.0
        self.threshold = usual if people.threshold is None else people.threshold
        self.skipped: dict[str, str] = {}

    def needed(self) -> list[ArchivedEvent]:
        """Return the tagged events, and those before them that a memory may know."""
        memory = timedelta(seconds=self._people.memory_s)
        tagged_at = defaultdict(list)
        for one in self._archive.tagged():
            tagged_at[one.camera].append(one.started_at)
        return [
            one
            for one in self._archive.events
            if one.label
            or any(timedelta(0) <= at - one.started_at <= memory for at in tagged_at[one.camera])
        ]

    def judge(self, events: Iterable[ArchivedEvent]) -> list[JudgedEvent]:
        """Return the verdicts on the tagged ones of *events*, which are `needed`, in order."""
        rules: dict[str, _CameraRule] = {}
        judged = []
        for event in events:
            seen = self.see(event)
            if seen.motion is None:
                self.skipped.setdefault(event.id, "nothing of it is left but its label")
                continue
            rule = rules.setdefault(event.camera, self._make_rule(event.camera))
            verdict = rule.judge(seen)
            if verdict:
                judged.append(verdict)
        return judged

    def _model_at(self, camera: str) -> PersonModel | None:
        found = self._config.cameras.get(camera, CameraConfig())
        return self._model if people_settings(self._config, found) else None

    def _make_rule(self, camera: str) -> "_CameraRule":
        model = self._model_at(camera)
        return _CameraRule(
            PersonRule(
                self._people, threshold=self.threshold, decides=model is not None and model.decides
            ),
            self.threshold,
            self._people.memory_s,
        )

    def see(self, event: ArchivedEvent) -> SeenEvent:
        """Return what the suite stored of *event*, or what the model finds in its pictures."""
        record = event.record
        if record is not None and record.score is not None:
            return SeenEvent(event, True, record.score, record.person, "stored")
        is_event = record is not None or "clip.mp4" in event.files or "snapshot.jpg" in event.files
        model = self._model_at(event.camera)
        sample = self._sample(event) if model or not is_event else None
        motion = True if is_event else sample.motion if sample else None
        looks = self._looks(event, sample, model) if model else []
        if not looks:
            return SeenEvent(event, motion)
        people = [one.score for look in looks for one in look.found if one.kind == PERSON]
        person = any(subject_of(look.found, self.threshold)[1] for look in looks)
        return SeenEvent(event, motion, max(people, default=0.0), person, "model", tuple(looks))

    def _looks(
        self, event: ArchivedEvent, sample: Sample | None, model: PersonModel
    ) -> list[FrameLook]:
        """Return what *model* finds in *sample*, and in the snapshot of *event*."""
        looks: list[FrameLook] = []
        name = event.files.get("snapshot-clean.jpg") or event.files.get("snapshot.jpg")
        try:
            if sample:
                looks = look_at(sample, model, self._every)
        except SampleError as error:
            self.skipped[event.files["sample.tar"]] = str(error)
        try:
            if name:
                with self._archive.files.open(name, LARGEST_SAMPLE) as file:
                    picture = decoded(file.read())
                looks.append(look_at_snapshot(picture, event.started_at, model))
        except (OSError, SampleError) as error:
            self.skipped[str(name)] = str(error)
        return looks

    def _sample(self, event: ArchivedEvent) -> Sample | None:
        name = event.files.get("sample.tar")
        if name is None:
            return None
        try:
            with self._archive.files.open(name, LARGEST_SAMPLE) as file:
                return read_sample(file, event.id)
        except (OSError, SampleError) as error:
            self.skipped[name] = str(error)
            return None


class _CameraRule:
    """The rule of one camera, which gets its events in order."""

    def __init__(self, rule: PersonRule, threshold: float, memory_s: float) -> None:
        self._rule = rule
        self._threshold = threshold
        self._memory = timedelta(seconds=memory_s)
        self._person_at: datetime | None = None

    def judge(self, seen: SeenEvent) -> JudgedEvent | None:
        """Return the verdict on an event; None when nobody has tagged it."""
        event, at = seen.event, seen.event.started_at
        before, self._person_at = self._person_at, at if seen.person else self._person_at
        replayed = self._replay(seen)
        if event.label is None:
            return None
        decision = event.record.decision if event.record else None
        return JudgedEvent(
            id=event.id,
            camera=event.camera,
            started_at=at,
            label=event.label,
            motion=bool(seen.motion),
            score=seen.score,
            person=seen.person,
            remembered=before is not None and at - before <= self._memory,
            sent=replayed if decision is None else decision in ("sent", "waiting"),
            person_source=seen.source,
            decision_source="replayed" if decision is None else "stored",
        )

    def _replay(self, seen: SeenEvent) -> bool:
        """Return whether the rule sends an alert about an event."""
        rule, at_s = self._rule, seen.event.started_at.timestamp()
        answers = [(one.at.timestamp(), one.found) for one in seen.looks]
        for answer_s, found in answers:
            if answer_s < at_s:
                rule.answered(answer_s, found)
        record = seen.event.record
        rule.opened(at_s, record.evidence if record else None, alert=bool(seen.motion))
        for answer_s, found in [*answers, *self._stored_answer(seen, at_s)]:
            if answer_s >= at_s:
                rule.answered(answer_s, found)
        rule.step(at_s + WAIT_S)
        decision = rule.decision
        rule.closed()
        return decision == "sent"

    def _stored_answer(
        self, seen: SeenEvent, at_s: float
    ) -> Sequence[tuple[float, tuple[Detection, ...]]]:
        if seen.source != "stored":
            return ()
        score = max(seen.score or 0.0, self._threshold) if seen.person else 0.0
        found = (Detection(_NOWHERE, score, PERSON),) if seen.person else ()
        return ((at_s, found),)
