"""Covers several modules: the alerts of the real program with the network in a Pi AI camera."""

import json
from pathlib import Path

import psutil
import pytest

from tests.daemons.security_system.conftest import Front
from tests.servers.programs import REPO
from tests.waiting import until

#: The fake's network says class 2 of the bar that goes through its pictures.
LABELS = {"labels": ["dog", "cat", "person"]}
YAML = """
people: {backend: auto, model: NETWORK, memory_s: 0}
cameras: {front: {source: auto, fps: 20, resolution: [320, 240], warmup_s: 0}}
motion: {method: running_average}
events: {motion_classification_store_cnt: 5, event_gap_s: 1, min_notify_seconds: 0}
disk: {min_free_gb: 0}
"""


@pytest.fixture
def network(front: Front, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a network, on a machine with a Pi AI camera."""
    monkeypatch.setenv("PYTHONPATH", f"{REPO / 'tests/cameras/pi'}:{REPO}")
    monkeypatch.setenv("PI_SENSOR", "imx500")
    file = front.folder / "ssd.rpk"
    file.write_text(json.dumps(LABELS))
    return file


def yaml(network: Path) -> str:
    return YAML.replace("NETWORK", str(network))


def test_the_network_in_the_camera_finds_the_person(front: Front, network: Path) -> None:
    program = front.start(more=yaml(network))
    alert = until(lambda: [one for one in front.facts() if one["alert"]], "an alert")[0]
    assert alert["text"].startswith("A person")
    stored = until(lambda: front.state.event(alert["event"]), "the event is stored")
    assert (stored.decision, stored.seen, stored.seen_score) == ("sent", "person", 0.75)
    assert psutil.Process(program.pid).children() == []
    assert "person model: imx500 (ssd.rpk in the camera)" in program.log
    until((front.event_folder(alert["event"]) / "snapshot.jpg").exists, "a picture")


def test_a_network_that_is_damaged_is_reported(front: Front, network: Path) -> None:
    network.write_bytes(b"9464")
    program = front.start(more=yaml(network))
    refused = until(lambda: front.facts("model_refused"), "the owner hears of it")[0]
    assert f"{network} is not usable" in refused["text"]
    assert "every motion is" in refused["text"]
    assert "person model: hog" in program.log
    front.wait_for_picture()
