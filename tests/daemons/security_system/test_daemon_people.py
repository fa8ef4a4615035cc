"""Covers several modules: the alerts of the real program, as a scripted person model decides."""

import json
import signal
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.daemons.security_system.model_reports import NOTE
from app.protocol import Heartbeat, event_started_at
from app.recording.event_folder import EventFolders
from app.recording.trace import EventTrace
from tests.daemons.security_system.conftest import NUMBERED, Front
from tests.recording.videos import numbered_video
from tests.servers.programs import Program
from tests.waiting import until

CAT = {"kind": "cat", "score": 0.9, "box": [0.4, 0.4, 0.2, 0.2]}
PERSON = {"kind": "person", "score": 0.9, "box": [0.4, 0.2, 0.2, 0.6]}


class Watched:
    """The camera front, whose model answers as a script says; a test may change it."""

    def __init__(self, front: Front) -> None:
        self.front = front
        self.script = front.folder / "answers.json"

    def answer(self, *found: dict[str, Any], takes_s: float = 0.0) -> None:
        part = self.script.with_suffix(".part")
        part.write_text(json.dumps([{"takes_s": takes_s, "finds": found}]))
        part.replace(self.script)

    def yaml(self, more: str = "") -> str:
        return f"people: {{backend: scripted, model: {self.script}, max_cpu: 4}}\n{NUMBERED}{more}"

    def start(self, source: str | Path, more: str = "") -> Program:
        return self.front.start(source, self.yaml(more))

    def record(self, event: str) -> dict[str, Any]:
        path = self.front.event_folder(event) / "event.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def trace(self, event: str) -> EventTrace | None:
        return EventFolders(self.front.data).trace(event, event_started_at(event))

    def await_decision(self, event: str, decision: str) -> dict[str, Any]:
        def decided() -> dict[str, Any] | None:
            record = self.record(event)
            return record if record.get("decision") == decision else None

        return until(decided, f"the alert of {event} is {decision}")

    def next_beat(self, program: Program) -> Heartbeat:
        """Have *program* read its configuration again; returns the heartbeat that follows."""
        before = self.front.heartbeat(program)
        program.signal(signal.SIGHUP)

        def beat() -> Heartbeat | None:
            found = self.front.heartbeat(program)
            return found if found and (before is None or found.step_at > before.step_at) else None

        return until(beat, "a heartbeat")

    def alerts(self) -> list[dict[str, Any]]:
        return [fact for fact in self.front.facts() if fact["alert"]]

    def first_alert(self) -> dict[str, Any]:
        return until(self.alerts, "an alert")[0]


@pytest.fixture
def watched(front: Front) -> Watched:
    return Watched(front)


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A numbered video in which somebody comes after 3 s and stays for four."""
    path = tmp_path_factory.mktemp("videos") / "visit.mp4"
    return numbered_video(path, 130, options={"g": "40"}, visits=range(30, 70))


def model_process(program: Program) -> psutil.Process:
    (process,) = psutil.Process(program.pid).children()
    return process


def test_a_cat_is_recorded_and_not_sent(watched: Watched, visit: Path) -> None:
    watched.answer(CAT)
    program = watched.start(visit)
    event = watched.front.first_event()
    record = watched.await_decision(event, "held")
    assert (record["seen"], record["person"], record["alert"]) == ("cat", False, False)
    clip = until(lambda: watched.front.facts("clip_ready"), "the clip is ready")[0]
    assert not clip["alert"]
    assert watched.alerts() == []
    until(lambda: watched.front.facts("motion_ended"), "it ends")
    stored = watched.front.state.event(event)
    assert stored is not None
    assert (stored.decision, stored.seen, stored.seen_score, stored.score) == (
        *("held", "cat", 0.9),
        0.0,
    )
    assert (watched.front.event_folder(event) / "snapshot.jpg").exists()
    trace = until(partial(watched.trace, event), "its trace is written")
    assert trace.t_s[0] < 0 < trace.t_s[-1]
    assert max(one or 0 for one in trace.area_px) > (trace.least_area_px or 0) > 0
    assert 0.0 in trace.score
    assert trace.least_score == 0.5
    beat = watched.next_beat(program)
    assert beat.counters["decisions"] == {"held": 1}
    assert beat.counters["people_model"] == "scripted"


def test_a_person_who_is_seen_late_is_sent_then(watched: Watched, endless: Path) -> None:
    watched.answer(CAT)
    program = watched.start(endless)
    event = watched.front.first_event()
    watched.await_decision(event, "held")
    picture = (watched.front.event_folder(event) / "snapshot.jpg").read_bytes()
    watched.answer(PERSON)
    alert = watched.first_alert()
    assert (alert["kind"], alert["event"]) == ("motion_confirmed", event)
    assert alert["text"].startswith("A person in front of camera front")
    stored = watched.front.state.event(event)
    assert stored is not None
    assert (stored.decision, stored.person, stored.seen) == ("sent", True, "person")
    shown = watched.front.state.snapshot(event)
    assert shown != picture
    assert shown == (watched.front.event_folder(event) / "snapshot.jpg").read_bytes()
    process = model_process(program)
    watched.front.configure(f"people: {{backend: none}}\n{NUMBERED}")
    program.signal(signal.SIGHUP)
    until(lambda: not process.is_running(), "no model is in use")
    second = watched.front.first_event(2)
    opened = watched.front.facts("motion_started")[1]
    assert (opened["event"], opened["alert"]) == (second, True)


def test_an_alert_that_waits_when_the_program_is_killed_is_sent(
    watched: Watched, endless: Path
) -> None:
    watched.answer(takes_s=30.0)
    program = watched.start(endless)
    event = watched.front.first_event()
    assert watched.alerts() == []
    process = model_process(program)
    program.kill()
    until(lambda: not process.is_running(), "the model ends too")
    assert watched.record(event)["decision"] == "waiting"
    program.start()
    alert = watched.first_alert()
    assert (alert["kind"], alert["event"]) == ("motion_confirmed", event)
    assert "person" not in watched.await_decision(event, "sent")
    assert watched.front.state.snapshot(event)


def test_a_model_file_that_is_damaged_is_reported_once(watched: Watched, endless: Path) -> None:
    folder = watched.front.folder / "model-files"
    folder.mkdir()
    (folder / "yolox_nano.onnx").write_bytes(b"half of it")
    program = watched.front.start(endless, f"people: {{backend: onnx}}\n{NUMBERED}")
    refused = until(lambda: watched.front.facts("model_refused"), "it is reported")[0]
    assert refused["alert"]
    assert "yolox_nano.onnx" in refused["text"]
    noted = watched.front.data / "spool" / "front" / NOTE
    until(noted.exists, "it is noted for the next run")
    program.kill()
    program.start()
    until(lambda: program.log.count("person model: none") == 2, "it looks again")
    watched.next_beat(program)
    assert len(watched.front.facts("model_refused")) == 1


def test_no_model_looks_at_a_drawn_room(front: Front) -> None:
    program = front.start("synthetic:empty", "people: {backend: auto}\n")
    beat = until(lambda: front.heartbeat(program), "a heartbeat")
    assert "people_starts" not in beat.counters
