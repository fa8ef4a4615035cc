"""Covers several modules: `evaluate` over what a running suite has written and a person tagged."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import cv2
import pytest

from app.protocol import Label, Request
from app.state import State
from tests.servers.suite import Suite, run_verb
from tests.waiting import until

HOUSE = """
cameras: {front: {source: demo}}
events: {train: true, event_gap_s: 1, min_notify_seconds: 0}
people: {backend: scripted, model: answers.json}
"""
ANSWERS = [[{"kind": "person", "score": 0.8}]]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """A house in which somebody came, and somebody else said that it was nobody."""
    folder = tmp_path_factory.mktemp("house")
    (folder / "model-files").mkdir()
    (folder / "model-files" / "answers.json").write_text(json.dumps(ANSWERS))
    with Suite(folder, HOUSE) as suite:
        suite.start("security_system-front")
        folder = until(lambda: first_sample(suite), "an event has a sample", 60.0)
        record = folder / "event.json"
        until(lambda: "score" in json.loads(record.read_text()), "the person model has looked")
        tag(suite, folder, "unoccupied")
        yield suite


def first_sample(house: Suite) -> Path | None:
    """Return the folder of the first event that has a sample; None when there is none yet."""
    folders = sorted(path.parent for path in house.config.data_dir.glob("events/*/*/event.json"))
    return next((folder for folder in folders if (folder / "sample.tar").exists()), None)


def tag(house: Suite, folder: Path, label: Label) -> None:
    """Tag an event as the buttons in Slack do, and wait until its camera has written that.

    The event is on disk before Redis has it.
    """
    request = Request("tag", datetime.now(UTC), "anna", event=folder.name, label=label)
    with closing(State(house.redis_url)) as state:
        until(lambda: state.tag(request), "Redis has the event")
    until((folder / "label.json").exists, "the tag is on disk")


def test_what_a_suite_has_written_is_evaluated(house: Suite, tmp_path: Path) -> None:
    out = tmp_path / "evaluation"
    done = run_verb("evaluate", "--config", str(house.folder), "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "0 events tagged occupied, 1 unoccupied" in done.stdout
    found = json.loads((out / "report.json").read_text())
    assert found["skipped"] == {}
    assert [(one["motion"], one["person"], one["sent"]) for one in found["events"]] == [
        (True, True, True)
    ]
    assert found["events"][0]["score"] == 0.8
    assert found["events"][0]["person_source"] == "stored"
    assert found["classic_table"][1] == {
        "motion": True,
        "person": True,
        "occupied": False,
        "events": 1,
    }
    assert "| false alarm | 0.80  |" in (out / "report.md").read_text()
    sheet = cv2.imread(str(out / "mistakes.jpg"))
    assert sheet is not None and sheet[:288, :384].std() > 10
