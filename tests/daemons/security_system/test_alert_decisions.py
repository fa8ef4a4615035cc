"""What a scripted model sees decides about alerts, their pictures and their corrections."""

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import redis

from app import protocol
from app.alert_text import AlertText, EventWords
from app.clock import FakeClock
from app.daemons.security_system.alert_decisions import AlertDecisions
from app.daemons.security_system.clip_deadlines import ClipDeadlines
from app.daemons.security_system.event_reporter import EventReporter
from app.daemons.security_system.findings import NOTHING_FOUND
from app.daemons.security_system.model_reports import ModelReports
from app.daemons.security_system.person_watch import PersonWatch
from app.daemons.security_system.publisher import Publisher
from app.daemons.security_system.silencing import Silencing
from app.detector import Detector, Event, EventSettings
from app.display.people import decision_text
from app.frames import Box, Frame
from app.motion import make_motion
from app.motion.base import MotionSettings
from app.people.base import PeopleSettings
from app.people.host import Look
from app.people.view import PeopleView
from app.protocol import Decision, Evidence
from app.recording.event_folder import EventFolders
from app.silencer.memory import Memory, switch_on, write_memory
from app.state import State
from tests.daemons.facts import facts
from tests.daemons.security_system.publishing import publishing
from tests.silencer.house import evidence_of, tagged_house, tree
from tests.waiting import until

BEGAN = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
CAT, PERSON = {"kind": "cat", "score": 0.9}, {"kind": "person", "score": 0.8}
DOUBTFUL = Evidence((10, 10, 20, 20), 0.005, 0.1, 1.0, 0.2, 0.9, 0.3, "left")
SURE = Evidence((100, 40, 40, 120), 0.06, 0.5, 1.0, 0.2, 0.9, 0.3, "left")


class Blob(NamedTuple):
    number: int | None = 1
    box: Box = Box(100, 60, 80, 120)
    area_px: float = 1.0
    confirmed: bool = True
    seen: bool = True


class Front:
    """The camera front, of which a test says what moves in it and what the model sees."""

    def __init__(self, folder: Path, publisher: Publisher, raw: redis.Redis) -> None:
        self.clock = FakeClock()
        self.raw, self.folder, self.publisher = raw, folder, publisher
        self.script = folder / "answers.json"
        settings = PeopleSettings("scripted", str(self.script), memory_s=0, max_cpu=4)
        self.say()
        self.watch = PersonWatch(settings, folder)
        folders = EventFolders(folder)
        deadlines = ClipDeadlines(publisher.publish, self.clock, lambda _: None)
        text = AlertText("front", "background", EventWords())
        self.reporter = EventReporter("front", publisher, folders, text, deadlines)
        reports = ModelReports("front", publisher, self.clock)
        self.silencing = Silencing("front", folder, folders, publisher, self.clock, 640 / 480)
        self.alerts = AlertDecisions(self.watch, self.reporter, reports, self.clock, self.silencing)
        motion = make_motion(MotionSettings(), (), 25, ())
        self.detector = Detector(motion, EventSettings(), last_alert_at_s=-1.0)
        self.watch.open()
        until(lambda: self.watch._host and self.watch._host.ready, "the model is ready")
        self.follow(0.0)

    def teach(self) -> None:
        """Let the silencer know a tree that moves at this hour, and see one event."""
        local = BEGAN.astimezone()
        house = tuple(tagged_house(hour=local.hour + local.minute / 60))
        write_memory(self.folder, Memory("front", examples=house))
        self.silencing._step()
        self.silencing.judge(BEGAN, None, NOTHING_FOUND)

    def say(self, *found: dict[str, Any]) -> None:
        part = self.script.with_suffix(".part")
        part.write_text(json.dumps([found]))
        part.replace(self.script)

    def frame(self, at_s: float) -> Frame:
        picture = np.full((240, 320, 3), min(int(at_s * 10), 255), np.uint8)
        return Frame(picture[:, :, 0], at_s, BEGAN + timedelta(seconds=at_s), 0, lambda: picture)

    def open(self, at_s: float, evidence: Evidence = DOUBTFUL) -> str:
        """Open an event as the detector does, which counts its alert; returns its id."""
        frame = self.frame(at_s)
        self.detector.count_alert(at_s)
        event = Event(1, at_s, None, 500.0, (Box(1, 2, 3, 4),), True, evidence)
        decision = self.alerts.opened(event, frame, self.detector)
        event_id = protocol.event_id(frame.taken_at, "front")
        found = self.watch.findings
        verdict = self.alerts.verdict
        self.reporter.open(
            event_id, event, frame, None, decision=decision, findings=found, verdict=verdict
        )
        self.reporter.complete(event, frame, (), found.shot)
        return event_id

    def view(self) -> PeopleView:
        view = self.alerts.view()
        assert view is not None
        return view

    def follow(self, at_s: float) -> None:
        self.alerts.follow(self.frame(at_s), self.detector)

    def see(self, at_s: float, *found: dict[str, Any]) -> None:
        """Let the model see *found* in the picture of *at_s*, and follow that."""
        host = self.watch._host
        assert host is not None
        self.say(*found)
        self.watch._fresh_from_s = -math.inf
        host.offer(Look(Blob(), self.frame(at_s)))
        until(lambda: host._answers, "the model answers")
        self.follow(at_s)

    def close(self, at_s: float) -> None:
        event = Event(1, at_s, at_s, 500.0, (), True)
        findings = self.alerts.closed(self.detector)
        at, verdict = BEGAN + timedelta(seconds=at_s), self.alerts.verdict
        self.reporter.end(event, at, has_clip=False, findings=findings, verdict=verdict)

    def published(self, *kinds: str) -> list[dict[str, Any]]:
        """Wait until facts of these *kinds* are published, and no others; returns them."""
        until(lambda: facts(self.raw, kinds[-1]), f"{kinds[-1]} is published")
        until(lambda: not self.publisher.waiting, "all is published")
        found = facts(self.raw)
        assert [fact["kind"] for fact in found] == list(kinds)
        return found

    def decision(self, event: str) -> Decision:
        decision: Decision = self.record(event)["decision"]
        return decision

    def record(self, event: str) -> dict[str, Any]:
        (path,) = self.folder.glob(f"events/*/{event}/event.json")
        record: dict[str, Any] = json.loads(path.read_text())
        return record


@pytest.fixture
def front(state: State, raw: redis.Redis, tmp_path: Path) -> Iterator[Front]:
    with publishing(state, tmp_path) as publisher:
        made = Front(tmp_path, publisher, raw)
        yield made
        made.watch.close()


def test_a_held_cat_does_not_swallow_the_person_after_it(front: Front) -> None:
    front.open(10.0)
    assert front.detector.last_alert_at_s == -1.0
    front.see(10.4, CAT)
    front.follow(11.0)
    assert front.detector.last_alert_at_s == -1.0
    front.close(12.0)
    event = front.open(15.0)
    front.see(15.4, PERSON)
    assert front.detector.last_alert_at_s == 15.4
    front.close(17.0)
    found = front.published(
        *("motion_started", "motion_ended", "motion_started", "motion_confirmed", "motion_ended")
    )
    assert [fact["alert"] for fact in found] == [False, False, False, True, False]
    assert found[3]["text"] == "A person in front of camera front: came in from the left."
    assert front.decision(event) == "sent"
    assert front.watch.counters()["decisions"] == {"held": 1, "sent": 1}


def test_the_display_gets_looks_and_the_decision(front: Front) -> None:
    assert decision_text(front.view()) == ""
    front.open(10.0)
    assert decision_text(front.view()) == "waiting for the model"
    front.see(10.4, CAT)
    (look,) = front.view().looks_at(10.6)
    assert look.crop == Box(50, 30, 180, 180)
    assert [one.kind for one in look.things()] == ["cat"]
    front.follow(11.0)
    assert decision_text(front.view()) == "held: a cat .90"
    front.close(12.0)
    assert decision_text(front.view()) == ""


def test_a_person_seen_before_the_opening_is_an_alert_at_once(front: Front) -> None:
    front.see(9.5, PERSON)
    event = front.open(10.0)
    front.close(12.0)
    opened, _ = front.published("motion_started", "motion_ended")
    assert opened["alert"]
    assert opened["text"] == "A person in front of camera front: came in from the left."
    assert front.decision(event) == "sent"


def test_a_corrected_alert_is_sent_again_when_a_person_is_seen(front: Front) -> None:
    front.open(10.0, SURE)
    for at_s in (10.2, 10.5, 11.2):
        front.see(at_s, CAT)
    assert front.detector.last_alert_at_s == -1.0
    front.see(12.0, PERSON)
    front.close(13.0)
    opened, corrected, confirmed, again, _ = front.published(
        *("motion_started", "motion_corrected", "motion_reconfirmed", "motion_corrected"),
        "motion_ended",
    )
    alerts = [fact["alert"] for fact in (opened, corrected, confirmed, again)]
    assert alerts == [True, False, True, False]
    assert corrected["text"] == "That was a cat."
    assert again["text"] == "That was a cat. A person was seen later."
    assert again["at"] > corrected["at"]
    assert confirmed["text"].startswith("A person in front of camera front")


def test_an_alert_without_an_answer_is_corrected_and_sent_again(front: Front) -> None:
    event = front.open(10.0)
    host = front.watch._host
    assert host is not None
    host.ready = False
    front.follow(10.1)
    host.ready = True
    for at_s in (12.2, 12.7, 13.4):
        front.see(at_s, CAT)
    front.see(14.0, PERSON)
    until(lambda: facts(front.raw, "motion_reconfirmed"), "it is sent again")
    (record,) = front.folder.glob(f"events/*/{event}/event.json")
    assert json.loads(record.read_text())["alert"] is False
    front.close(15.0)
    found = front.published(
        *("motion_started", "motion_confirmed", "motion_corrected", "motion_reconfirmed"),
        *("motion_corrected", "motion_ended"),
    )
    assert [fact["alert"] for fact in found] == [False, True, False, True, False, False]


def test_an_alert_without_an_answer_can_name_a_person_later(front: Front) -> None:
    front.open(10.0)
    assert front.watch._host is not None
    front.watch._host.ready = False
    front.follow(10.1)
    front.watch._host.ready = True
    front.see(12.2, CAT)
    front.see(12.7, PERSON)
    front.see(13.4, PERSON)
    front.close(15.0)
    kinds = ("motion_started", "motion_confirmed", "motion_corrected", "motion_ended")
    assert front.published(*kinds)[2]["text"] == "That was a person."


def test_a_sure_alert_gets_a_better_picture_within_a_second(front: Front) -> None:
    event = front.open(10.0, SURE)
    path = front.folder / f"events/2026-11-20/{event}/snapshot-clean.jpg"
    first = until(lambda: path.exists() and path.read_bytes(), "the first picture")
    front.see(10.6, PERSON)
    front.see(10.8, {**PERSON, "score": 0.7})
    front.follow(11.1)
    better = until(lambda: (now := path.read_bytes()) != first and now, "a better picture")
    front.see(14.0, {**PERSON, "score": 0.95})
    front.close(15.0)
    _, corrected, _ = front.published("motion_started", "motion_corrected", "motion_ended")
    assert (corrected["text"], corrected["alert"]) == ("That was a person.", False)
    assert path.read_bytes() == better
    record = json.loads((path.parent / "event.json").read_text())
    assert (record["person"], record["seen_score"], record["score"]) == (True, 0.95, 0.95)


def test_an_event_of_half_a_second_gets_its_best_picture(front: Front) -> None:
    event = front.open(10.0, SURE)
    path = front.folder / f"events/2026-11-20/{event}/snapshot-clean.jpg"
    first = until(lambda: path.exists() and path.read_bytes(), "the first picture")
    front.see(10.4, PERSON)
    front.close(10.5)
    until(lambda: path.read_bytes() != first, "a better picture")


@pytest.mark.parametrize("end", ["closed", "no picture", "model away"])
def test_an_alert_that_nobody_can_decide_is_sent(front: Front, end: str) -> None:
    front.open(10.0)
    if end == "no picture":
        front.clock.advance(2.1)
        front.alerts.follow(None, front.detector)
    elif end == "model away":
        assert front.watch._host is not None
        front.watch._host.ready = False
        front.follow(10.1)
    front.close(10.5)
    _, confirmed, _ = front.published("motion_started", "motion_confirmed", "motion_ended")
    assert confirmed["alert"]
    assert confirmed["text"].startswith("Motion in front of camera front")
    assert front.detector.last_alert_at_s == 10.0 + 0.1 * (end == "model away")


MAYBE = {"kind": "person", "score": 0.55}


def test_in_shadow_mode_a_false_alarm_is_sent_and_noted(front: Front) -> None:
    front.teach()
    event = front.open(10.0, evidence_of(tree(400, hour=BEGAN.astimezone().hour + 0.25)))
    front.see(10.2, MAYBE)
    front.published("motion_started", "motion_confirmed")
    assert front.decision(event) == "sent"
    assert front.record(event)["would_silence"] is True
    assert len(front.record(event)["like"]) == 3


def test_a_false_alarm_is_silenced_until_the_model_is_sure(front: Front) -> None:
    front.teach()
    switch_on(front.folder, "front", BEGAN)
    event = front.open(10.0, evidence_of(tree(400, hour=BEGAN.astimezone().hour + 0.25)))
    front.see(10.2, MAYBE)
    (started,) = front.published("motion_started")
    assert not started["alert"]
    until(lambda: front.decision(event) == "silenced", "it is on disk")
    assert decision_text(front.view()) == "silenced: like tagged false alarms, a person .55"
    front.see(10.6, {"kind": "person", "score": 0.85})
    _, confirmed = front.published("motion_started", "motion_confirmed")
    assert confirmed["alert"]
    assert front.decision(event) == "sent"


@pytest.mark.parametrize("is_on", [True, False])
def test_what_the_model_sees_later_can_end_the_silence(front: Front, is_on: bool) -> None:
    front.teach()
    if is_on:
        switch_on(front.folder, "front", BEGAN)
    event = front.open(10.0, evidence_of(tree(400, hour=BEGAN.astimezone().hour + 0.25)))
    front.see(10.2, MAYBE)
    front.published("motion_started", *(() if is_on else ("motion_confirmed",)))
    decided = "silenced" if is_on else "sent"
    until(lambda: front.decision(event) == decided, "it is on disk")
    assert front.record(event)["would_silence"] is True
    front.see(10.6, {"kind": "person", "score": 0.79})
    front.close(11.0)
    kinds = ("motion_started", "motion_confirmed", "motion_ended")
    assert front.published(*kinds)[1]["alert"]
    assert (front.decision(event), front.record(event)["would_silence"]) == ("sent", False)


def test_somebody_who_is_no_false_alarm_is_not_silenced(front: Front) -> None:
    front.teach()
    switch_on(front.folder, "front", BEGAN)
    event = front.open(10.0, SURE)
    (started,) = front.published("motion_started")
    assert started["alert"]
    assert front.record(event)["would_silence"] is False
