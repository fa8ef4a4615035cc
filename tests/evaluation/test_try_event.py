"""Other settings are tried on the clip of a recorded event, and nothing of it is changed."""

import base64
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from app.evaluation.try_event import try_event
from app.protocol import event_started_at
from app.recording.event_folder import EventFolders
from app.recording.trace import MOST_POINTS
from tests.conftest import REPO
from tests.evaluation.videos import config_folder, lines
from tests.recording.videos import numbered_video

EVENT = "20261120T101500.123Z-front"
#: The upper quarter of the pictures, which shows their number, is masked; nobody is this Redis.
HOUSE = """
redis: {url: "unix:///nowhere/redis.sock"}
cameras: {front: {fps: 10, masks: [[[0, 0], [1, 0], [1, 0.35], [0, 0.35]]]}}
events: {event_gap_s: 1}
"""
Found = list[dict[str, Any]]


class House:
    """A house with one recorded event, in whose clip somebody comes after five seconds."""

    def __init__(self, folder: Path) -> None:
        self.config = config_folder(folder / "config", HOUSE)
        self.folder = EventFolders(folder / "data").folder(EVENT, event_started_at(EVENT))
        self.folder.mkdir(parents=True)
        self.clip = self.folder / "clip.mp4"
        numbered_video(self.clip, 120, options={"g": "40"}, visits=range(50, 90))

    def files(self) -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in self.folder.iterdir()}

    def start(self, settings: str = "") -> "subprocess.Popen[str]":
        """Start the program as the dashboard does."""
        command = [sys.executable, "-m", "app.evaluation.try_event", EVENT]
        process = subprocess.Popen(
            [*command, "--config", str(self.config)],
            cwd=REPO,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdin
        process.stdin.write(settings)
        process.stdin.close()
        process.stdin = None
        return process


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    return House(tmp_path_factory.mktemp("house"))


def tried(
    house: House, settings: object, capsys: pytest.CaptureFixture[str], event: str = EVENT
) -> Found:
    """What the program prints, run in this process."""
    given = settings if isinstance(settings, bytes) else json.dumps(settings).encode()
    code = try_event(event, house.config, None, io.BytesIO(given))
    found = lines(capsys.readouterr().out)
    assert code == (found[-1]["kind"] == "error")
    return found


def of_kind(found: Found, kind: str) -> Found:
    return [one for one in found if one["kind"] == kind]


def test_the_program_shows_what_other_settings_would_find(house: House) -> None:
    before = house.files()
    process = house.start('{"motion": {"min_size": 0.01}}')
    output, errors = process.communicate(timeout=100)
    assert (process.returncode, errors) == (0, "")
    found = lines(output)
    kinds = list(dict.fromkeys(one["kind"] for one in found if one["kind"] != "progress"))
    assert kinds == ["settings", "trace", "event", "picture", "end"]
    settings = {one["key"]: one for one in found[0]["settings"]}
    assert settings["motion.min_size"]["value"] == 0.01
    assert settings["motion.min_size"]["default"] == 0.0028
    assert settings["motion.min_size"]["help"].startswith("For structure: the smallest size")
    assert (settings["events.event_gap_s"]["value"], found[0]["note"]) == (1, None)
    (trace,), (event,), (end,) = (of_kind(found, one) for one in ("trace", "event", "end"))
    assert 60 < len(trace["t_s"]) <= MOST_POINTS
    assert 5.0 <= event["opened_s"] < 7.0
    assert event["opened_s"] < event["closed_s"] <= 9.5
    assert (event["alert"], event["fate"], end["model"]) == (True, None, None)
    assert (end["stopped"], end["frames"]) == (None, 120)
    assert trace["least_area_px"] == 0.01 * 500 * 375
    assert max(trace["area_px"]) == pytest.approx(event["peak_area_px"], rel=0.3)
    assert house.files() == before


def test_a_person_model_decides_about_the_alerts(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cat = [[{"kind": "cat", "score": 0.9, "box": [0.2, 0.2, 0.6, 0.6]}]]
    script = tmp_path / "cat.json"
    script.write_text(json.dumps(cat))
    data = f"data_dir: {house.config.parent / 'data'}\n"
    people = f"people: {{backend: scripted, model: {script}}}\n"
    config = config_folder(tmp_path / "config", HOUSE + data + people)
    assert try_event(EVENT, config, None, io.BytesIO(b"")) == 0
    found = lines(capsys.readouterr().out)
    (trace,), (event,), (end,) = (of_kind(found, one) for one in ("trace", "event", "end"))
    assert (event["alert"], event["fate"]) == (False, "held after 1.0 s: cat 0.90")
    assert (end["model"], trace["least_score"]) == (f"the script {script}", 0.5)
    assert 0.0 in trace["score"]
    assert "held: a cat .90" in {one["decision"] for one in of_kind(found, "picture")}


def test_the_pictures_show_the_key_moments(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    found = tried(house, {}, capsys)
    pictures = of_kind(found, "picture")
    assert 5 < len(pictures) <= 12
    times_s = [one["t_s"] for one in pictures]
    assert times_s == sorted(times_s)
    assert of_kind(found, "event")[0]["opened_s"] in times_s
    shown = next(one for one in pictures if one["headline"] == "Somebody")
    assert shown["findings"][0]["confirmed"]
    encoded = np.frombuffer(base64.b64decode(shown["jpeg"]), np.uint8)
    picture = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape[0] == shown["tiles"]["camera"][3] == 360


@pytest.mark.parametrize(
    ("settings", "column"),
    [
        ({"motion": {"min_size": 0.9}}, "hidden"),
        ({"motion": {"method": "running_average", "min_area": 90_000}}, "area_px"),
        ({"motion": {"trigger": "light", "thresh": 200}}, "level"),
    ],
)
def test_settings_that_see_nothing_find_no_event(
    house: House, settings: object, column: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = tried(house, settings, capsys)
    assert of_kind(found, "event") == []
    trace = of_kind(found, "trace")[0]
    assert trace[f"least_{column}"]
    assert trace[column] or column == "hidden"


def test_a_clip_that_takes_too_long_is_replayed_in_part(
    house: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.evaluation.try_event.REPLAY_S", 0.0)
    found = tried(house, {}, capsys)
    assert (found[-1]["frames"], found[-1]["stopped"]) == (
        *(1, "It was stopped after 0 s, at 0 s of the clip."),
    )
    assert of_kind(found, "trace") and of_kind(found, "picture")


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"motion": {"min_aera": 1}}, "motion.min_aera: no such key; did you mean min_area?"),
        ({"motion": {"min_area": -1}}, "motion.min_area: must be greater than 0, not -1"),
        ({"motion": {"ksize": [2, 2]}}, "both numbers of ksize must be odd"),
        (b'{"motion": {"thresh": NaN}}', "motion.thresh: "),
        ({"events": {"event_gap_s": "5"}}, "events.event_gap_s: must be a valid number"),
        ({"events": []}, "events: must hold keys and values"),
        ({"redis": {"url": "x"}}, "only keys of motion and events can be changed here"),
        ([], "only keys of motion and events"),
        (b"{", "the settings are not JSON"),
        (b"\xff", "the settings are not JSON"),
        (b"[" * 60_000, "the settings are not JSON"),
    ],
)
def test_wrong_settings_are_explained(
    house: House, settings: object, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (found,) = tried(house, settings, capsys)
    assert problem in found["problems"][0]


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        ("../../etc", "is no event's id"),
        ("20261120T101501.123Z-front", "The event is not on this machine"),
        ("20261120T101502.123Z-front", "This event has no clip"),
        ("20261120T101503.123Z-front", "is still being recorded"),
        ("20261120T101504.123Z-front", "This event has no clip"),
        ("20261120T101505.123Z-front", "the clip"),
    ],
)
def test_an_event_that_cannot_be_tried_is_explained(
    house: House, event: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (2, 3, 4, 5):
        (house.folder.parent / f"20261120T10150{number}.123Z-front").mkdir(exist_ok=True)
    folder = house.folder.parent / event
    if event.endswith("3.123Z-front"):
        (folder / ".clip.mp4.part").touch()
    elif event.endswith("4.123Z-front"):
        (folder / "clip.mp4").symlink_to(house.clip)
    elif event.endswith("5.123Z-front"):
        (folder / "clip.mp4").write_bytes(b"half of it")
    found = tried(house, {}, capsys, event)
    assert problem in found[-1]["problems"][0]


def test_the_program_ends_when_nobody_reads_it(house: House) -> None:
    process = house.start()
    assert process.stdout and process.stderr
    assert json.loads(process.stdout.readline())["kind"] == "settings"
    process.stdout.close()
    assert process.wait(100) == 1
    assert process.stderr.read() == ""
    process.stderr.close()
