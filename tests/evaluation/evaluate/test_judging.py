"""The verdicts on tagged events, by what the suite stored and by a model here."""

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.config import CameraConfig, Config
from app.evaluation.archive.files import FolderFiles
from app.evaluation.archive.index import read_archive
from app.evaluation.evaluate.judging import JudgedEvent, Judging
from app.people.base import PeopleSettings, PersonModel
from app.people.scripted import ScriptedModel
from app.protocol import Decision, Evidence, Label, event_id
from tests.evaluation.tagged import NOON, TaggedHouse, picture

SURE = Evidence((10, 10, 60, 160), 0.04, 0.4, 1.0, 0.3, 0.9, 0.4)


@pytest.fixture
def house(tmp_path: Path) -> TaggedHouse:
    return TaggedHouse(tmp_path / "data")


def finding(tmp_path: Path, *answers: Sequence[dict[str, Any]]) -> PersonModel:
    """Return a model with these answers, one after another."""
    script = tmp_path / "answers.json"
    script.write_text(json.dumps(answers))
    return ScriptedModel(script)


def judged(
    house: TaggedHouse, model: PersonModel | None, source: str = "auto", **settings: Any
) -> tuple[list[JudgedEvent], dict[str, str]]:
    cameras = {"front": CameraConfig(source=source)}
    config = Config(cameras=cameras, people=PeopleSettings(**settings))
    judging = Judging(read_archive(FolderFiles(house.data_dir)), config, model, every=10)
    return judging.judge(judging.needed()), judging.skipped


def test_what_the_suite_stored_is_used(house: TaggedHouse, tmp_path: Path) -> None:
    house.add(NOON, "occupied", score=0.3, person=False, decision="held")
    house.add_sample(NOON, [picture(1)])
    model = finding(tmp_path, [{"kind": "person"}])
    ((one,), _) = judged(house, model)
    assert (one.motion, one.score, one.person, one.sent) == (True, 0.3, False, False)
    assert (one.person_source, one.decision_source) == ("stored", "stored")
    assert isinstance(model, ScriptedModel)
    assert model.asked == 0


def test_no_model_looks_at_a_drawn_room(house: TaggedHouse, tmp_path: Path) -> None:
    house.add(NOON, "occupied")
    house.add_sample(NOON, [picture(1)])
    ((one,), _) = judged(house, finding(tmp_path, []), source="demo")
    assert (one.score, one.person_source, one.sent) == (None, "unknown", True)


@pytest.mark.parametrize(
    ("decision", "sent"), [("sent", True), ("waiting", True), ("held", False), ("silenced", False)]
)
def test_a_stored_decision_is_the_rule_in_force(
    house: TaggedHouse, decision: Decision, sent: bool
) -> None:
    house.add(NOON, "occupied", score=0.9, person=True, decision=decision)
    ((one,), _) = judged(house, None)
    assert one.sent is sent


def test_otherwise_the_model_runs_over_the_sample(house: TaggedHouse, tmp_path: Path) -> None:
    labels: tuple[Label, Label] = ("occupied", "unoccupied")
    for hour, label in enumerate(labels):
        house.add(NOON + timedelta(hours=hour), label)
        house.add_sample(NOON + timedelta(hours=hour), [picture(1)])
    model = finding(tmp_path, [{"kind": "person", "score": 0.7}], [{"kind": "cat", "score": 0.8}])
    (somebody, cat), _ = judged(house, model)
    assert (somebody.score, somebody.person, somebody.sent) == (0.7, True, True)
    assert (cat.score, cat.person, cat.sent) == (0.0, False, False)
    assert {somebody.person_source, cat.person_source} == {"model"}
    assert {somebody.decision_source, cat.decision_source} == {"replayed"}


def test_a_person_is_remembered_by_his_camera(house: TaggedHouse, tmp_path: Path) -> None:
    """The person before was seen in an event that nobody has tagged."""
    house.add(NOON, score=0.9, person=True)
    back = TaggedHouse(house.data_dir, "back")
    for seconds, where in ((200, house), (250, back), (501, house)):
        where.add(NOON + timedelta(seconds=seconds), "occupied")
        where.add_sample(NOON + timedelta(seconds=seconds), [picture(1)])
    found, _ = judged(house, finding(tmp_path, []))
    assert [(one.camera, one.remembered, one.sent) for one in found] == [
        ("front", True, True),
        ("back", False, False),
        ("front", False, False),
    ]


def test_a_sure_event_is_sent_without_a_person(house: TaggedHouse, tmp_path: Path) -> None:
    house.add(NOON, "occupied", evidence=SURE)
    house.add_sample(NOON, [picture(1)])
    ((one,), _) = judged(house, finding(tmp_path, []))
    assert (one.person, one.sent) == (False, True)


def test_without_a_model_every_motion_is_sent(house: TaggedHouse) -> None:
    house.add(NOON, "unoccupied")
    later = NOON + timedelta(hours=1)
    house.add_sample(later, [picture(1)], "quiet", motion=False)
    house.tag(event_id(later, "front"), later, "unoccupied")
    (event, quiet), _ = judged(house, None)
    assert (event.motion, event.sent, event.person, event.person_source) == (
        *(True, True),
        *(None, "unknown"),
    )
    assert (quiet.motion, quiet.sent) == (False, False)


def test_untagged_events_count_as_nothing(house: TaggedHouse) -> None:
    house.add(NOON)
    assert judged(house, None) == ([], {})


def test_somebody_who_is_in_the_snapshot_only_is_found(house: TaggedHouse, tmp_path: Path) -> None:
    house.add(NOON, "occupied")
    house.add_sample(NOON, [picture(1)])
    ((one,), _) = judged(house, finding(tmp_path, [], [{"kind": "person", "score": 0.7}]))
    assert (one.score, one.person, one.sent, one.person_source) == (0.7, True, True, "model")


def test_a_damaged_sample_is_named_and_the_rest_goes_on(house: TaggedHouse, tmp_path: Path) -> None:
    house.add(NOON, "occupied")
    house.add_sample(NOON, [picture(1)]).write_bytes(b"garbage")
    house.add(NOON + timedelta(hours=1), "occupied", score=0.9, person=True)
    found, skipped = judged(house, finding(tmp_path, []))
    assert [one.person_source for one in found] == ["model", "stored"]
    ((name, why),) = skipped.items()
    assert name.endswith("sample.tar")
    assert "no whole tar" in why


def test_a_label_of_which_nothing_is_left_is_named(house: TaggedHouse) -> None:
    event = house.add(NOON, "occupied")
    folder = house.folder(event, NOON)
    for path in folder.iterdir():
        if path.name != "label.json":
            path.unlink()
    found, skipped = judged(house, None)
    assert (found, skipped) == ([], {event: "nothing of it is left but its label"})
