"""A camera's silencer learns from its disk, reports, asks, and stops when it was wrong."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis

from app import protocol
from app.clock import FakeClock
from app.daemons.security_system.findings import NOTHING_FOUND, Findings
from app.daemons.security_system.silencing import Silencing
from app.protocol import EventRecord, Evidence, Request, RequestKind, event_id
from app.recording.event_folder import EventFolders
from app.silencer.memory import Memory, is_on, read_memory, switch_on, write_memory
from app.silencer.numbers import NAMES
from app.state import State
from tests.daemons.facts import facts
from tests.daemons.security_system.publishing import publishing
from tests.silencer.house import evidence_of, tagged_house, tree
from tests.waiting import until

EVIDENCE = Evidence((90, 150, 60, 90), 0.016, 0.3, 1.0, 0.05, 0.7, 0.3, None)


@pytest.fixture(autouse=True)
def _in_utc(in_zone: Callable[[str], None]) -> None:
    """The hours of the made-up house are those of UTC."""


class Camera:
    """The camera front with a silencer, and the events on its disk."""

    def __init__(self, folder: Path, state: State, raw: redis.Redis) -> None:
        self.folder, self.state, self.raw = folder, state, raw
        self.folders = EventFolders(folder)
        self.clock = FakeClock()
        self.publishing = publishing(state, folder)
        self.publisher = self.publishing.__enter__()
        self.silencing = Silencing(
            "front", folder, self.folders, self.publisher, self.clock, 640 / 480
        )

    def event(self, minutes: float = 0.0, label: str | None = None, **fields: Any) -> str:
        """Write an event that began *minutes* before now, with its *label*."""
        at = self.clock.now() - timedelta(minutes=minutes)
        event = event_id(at, "front")
        record = EventRecord("front", at, at + timedelta(seconds=9), evidence=EVIDENCE, **fields)
        self.folders.write_event(event, at, protocol.plain_event(record))
        self.folders.write_label(event, at, {"label": label, "user": "anna"} if label else None)
        return event

    def taught(self, **fields: Any) -> None:
        """Write the memory of a camera that knows its tree."""
        examples = tuple(tagged_house())
        write_memory(self.folder, replace(Memory("front", examples=examples), **fields))

    def wish(self, kind: RequestKind, minutes: float = 0.0) -> None:
        """Let somebody in Slack ask for *kind*, *minutes* before now, and wait until it is done."""
        at = self.clock.now() - timedelta(minutes=minutes)
        self.silencing.was_switched = False
        self.publisher.controls.on_silencer_wish = self.silencing.obey
        self.state.add_request(Request(kind, at, "anna", "front", "U1"))
        until(lambda: self.silencing.was_switched, f"{kind} is done", 1.0)

    def learn(self) -> Memory:
        self.silencing._step()
        return read_memory(self.folder, "front")

    def facts(self, kind: str) -> list[dict[str, Any]]:
        until(lambda: not self.publisher.waiting, "all is published")
        return [fact for fact in facts(self.raw) if fact["kind"] == kind]


@pytest.fixture
def camera(tmp_path: Path, state: State, raw: redis.Redis) -> Iterator[Camera]:
    made = Camera(tmp_path, state, raw)
    yield made
    made.publishing.__exit__(None, None, None)


def test_it_learns_events_and_labels_from_the_disk(camera: Camera) -> None:
    tagged, free = camera.event(5, "unoccupied"), camera.event(1, score=0.9)
    (camera.folder / "events").joinpath("2026-01-01", "broken-front").mkdir(parents=True)
    memory = camera.learn()
    assert [(one.event, one.label) for one in memory.examples] == [
        (tagged, "unoccupied"),
        (free, None),
    ]
    assert camera.silencing.counters()["silencer_tags"] == 1


def test_the_place_of_an_event_is_right_in_wide_pictures_too(camera: Camera) -> None:
    evidence = replace(EVIDENCE, box=(1100, 300, 100, 360), height=0.5)
    at = camera.clock.now()
    event = event_id(at, "front")
    record = EventRecord("front", at, at + timedelta(seconds=9), evidence=evidence)
    camera.folders.write_event(event, at, protocol.plain_event(record))
    camera.learn()
    camera.silencing.see(1280, 720)
    (learned,) = camera.learn().examples
    assert learned.numbers[NAMES.index("across")] == round(1150 / 1280, 4)


def test_a_label_that_is_removed_is_forgotten(camera: Camera) -> None:
    event = camera.event(5, "occupied")
    camera.learn()
    started_at = protocol.event_started_at(event)
    camera.folders.write_label(event, started_at, None)
    camera.silencing.labels_changed([event])
    assert [one.label for one in camera.learn().examples] == [None]


def test_waiting_and_held_events_teach_nothing(camera: Camera) -> None:
    camera.event(3, decision="held")
    camera.event(2, decision="waiting")
    sent = camera.event(1, decision="sent")
    assert [one.event for one in camera.learn().examples] == [sent]


def test_it_watches_seven_days_and_reports_once(camera: Camera) -> None:
    camera.taught()
    assert camera.learn().watching_since == camera.clock.now()
    camera.clock.advance(timedelta(days=6).total_seconds())
    camera.event(10, "unoccupied", would_silence=True)
    camera.event(20, would_silence=True)
    camera.event(30, would_silence=False)
    assert camera.learn().reported_at is None
    camera.clock.advance(timedelta(days=1, hours=1).total_seconds())
    for _ in range(2):
        assert camera.learn().reported_at
    (report,) = camera.facts("silencer_report")
    assert report["text"].startswith(
        "Camera front: in 7 days the silencer would have held back 2 of 3 alerts as false. 1 of "
    )
    assert "`/silencer front on` lets it" in report["text"]


def test_a_tree_would_be_silenced_but_not_the_first_event(camera: Camera) -> None:
    camera.taught()
    camera.learn()
    at, like_tree = tree(400).at, evidence_of(tree(400))
    camera.silencing.armed()
    assert camera.silencing.judge(at, like_tree, Findings(0.45)) == (False, ())
    verdict = camera.silencing.judge(at, like_tree, Findings(0.45))
    assert verdict
    assert verdict.is_false_alarm
    assert all(event.startswith("tree") for event in verdict.like)
    assert camera.silencing.judge(at, None, NOTHING_FOUND) == (False, ())
    assert camera.silencing.judge(at, like_tree, Findings(0.45, False, "cat", 0.9)) == (False, ())
    assert camera.silencing.judge(at, like_tree, Findings(0.85)) == (False, ())
    assert camera.silencing.counters()["silencer_false"] == 1


def test_without_enough_tags_it_has_no_verdict(camera: Camera) -> None:
    camera.event(5, "unoccupied")
    camera.learn()
    assert camera.silencing.judge(camera.clock.now(), EVIDENCE, NOTHING_FOUND) is None
    assert camera.silencing.counters()["silencer_bound"] is None


def test_somebody_in_a_silenced_event_switches_it_off(camera: Camera) -> None:
    camera.taught()
    switch_on(camera.folder, "front", camera.clock.now() - timedelta(hours=1))
    before = camera.event(90, "occupied", decision="silenced")
    camera.event(30, decision="silenced")
    camera.learn()
    assert is_on(camera.folder, "front")
    event = camera.event(20, "occupied", decision="silenced")
    camera.silencing.labels_changed([event, before])
    camera.learn()
    assert not camera.silencing.is_on
    (stopped,) = camera.facts("silencer_stopped")
    assert "the silencer is off, because somebody was in the event of" in stopped["text"]


def test_a_wish_in_slack_switches_it_within_a_second(camera: Camera) -> None:
    camera.taught()
    camera.learn()
    at, like_tree = tree(400).at, evidence_of(tree(400))
    camera.silencing.judge(at, like_tree, Findings(0.45))
    verdict = camera.silencing.judge(at, like_tree, Findings(0.45))
    assert not camera.silencing.silences(verdict)
    assert camera.silencing.counters()["silencer"] == "watching"
    camera.wish("silencer_on")
    assert is_on(camera.folder, "front") == camera.clock.now()
    assert camera.silencing.silences(verdict)
    counters = camera.silencing.counters()
    assert (counters["silencer"], counters["silencer_silenced"]) == ("on", 1)
    assert counters["silencer_since"] == is_on(camera.folder, "front").isoformat()  # type: ignore[union-attr]
    camera.raw.flushall()
    camera.wish("silencer_off")
    assert not camera.silencing.silences(verdict)


@pytest.mark.parametrize(("minutes", "stays_on"), [(5, True), (15, False)])
def test_a_tag_wins_over_an_older_wish_only(camera: Camera, minutes: float, stays_on: bool) -> None:
    event = camera.event(30, decision="silenced")
    said_at = camera.clock.now() - timedelta(minutes=10)
    label = {"label": "occupied", "user": "anna", "time": said_at.isoformat()}
    camera.folders.write_label(event, protocol.event_started_at(event), label)
    camera.wish("silencer_on", minutes)
    camera.learn()
    assert camera.silencing.is_on == stays_on
    assert len(camera.facts("silencer_stopped")) == (not stays_on)


def test_a_wish_that_comes_again_brings_no_older_tags_back(camera: Camera) -> None:
    for minutes in (5, 15):
        camera.wish("silencer_on", minutes)
    assert is_on(camera.folder, "front") == camera.clock.now() - timedelta(minutes=5)
    camera.wish("silencer_on", -60)
    assert is_on(camera.folder, "front") == camera.clock.now()


def test_it_asks_for_three_tags_in_the_evening(camera: Camera) -> None:
    now = camera.clock.now().astimezone()
    evening = now.replace(hour=20, minute=0, second=0)
    evening += timedelta(days=1) if evening < now else timedelta()
    camera.clock.advance((evening - now).total_seconds())
    for minutes in range(1, 7):
        camera.event(minutes, "unoccupied" if minutes > 4 else None)
    assert camera.learn().asked == ()
    for minutes in range(7, 11):
        camera.event(minutes, "occupied")
    assert len(camera.learn().asked) == 3
    assert len(camera.learn().asked) == 3
    (asks,) = camera.facts("silencer_asks")
    assert asks["text"].startswith("Camera front: please tag the events of ")


def test_a_forgotten_camera_stays_forgotten(camera: Camera) -> None:
    camera.event(5, "unoccupied")
    camera.learn()
    write_memory(camera.folder, Memory("front", begins=camera.clock.now()))
    assert camera.learn().examples == ()


def test_what_is_forgotten_silences_nothing_any_more(camera: Camera) -> None:
    camera.taught()
    camera.learn()
    assert camera.silencing.counters()["silencer_tags"] == 85
    write_memory(camera.folder, Memory("front", begins=camera.clock.now()))
    camera.learn()
    assert camera.silencing.counters()["silencer_tags"] == 0
    at, like_tree = tree(400).at, evidence_of(tree(400))
    assert camera.silencing.judge(at, like_tree, Findings(0.45)) is None


def test_a_garbled_record_is_skipped(camera: Camera) -> None:
    good, bad = camera.event(5), camera.event(9)
    (path,) = camera.folder.glob(f"events/*/{bad}/event.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "started_at": "soon"}))
    assert [one.event for one in camera.learn().examples] == [good]


def test_a_mistake_in_it_is_a_trouble_and_silences_nothing(
    camera: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera.taught()
    ended: list[BaseException | None] = []
    monkeypatch.setattr("threading.excepthook", lambda hooked: ended.append(hooked.exc_value))
    monkeypatch.setattr("app.daemons.security_system.silencing.Silencer", None)
    camera.silencing.open()
    until(lambda: camera.silencing.trouble, "the thread has ended")
    assert "so all alerts are sent" in str(camera.silencing.trouble)
    assert camera.silencing.judge(camera.clock.now(), None, NOTHING_FOUND) is None
    assert isinstance(ended[0], TypeError)
