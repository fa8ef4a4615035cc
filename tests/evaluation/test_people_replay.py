"""The rule for people over drawn scenes, in the time of the video."""

import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from app.detector import Detector, EventSettings
from app.evaluation.people_replay import AlertOutcome, PeopleReplay, named_model, sent_alerts
from app.frames import Frame
from app.motion import make_motion
from app.motion.base import MotionSettings
from app.people.base import PeopleSettings
from app.people.scripted import ScriptedModel
from tests.motion.scenes import Picture, room, shown, with_figure


def cart(at_s: float) -> Picture:
    """A low and wide thing rolls through from 8 to 13 s."""
    picture = room()
    if 8 <= at_s < 13:
        left = round(28 * (at_s - 8))
        cv2.rectangle(picture, (left, 55), (left + 40, 80), 30.0, -1)
        cv2.rectangle(picture, (left + 10, 62), (left + 20, 70), 90.0, -1)
    return picture


def person(at_s: float) -> Picture:
    """Somebody walks through from 8 to 13 s."""
    return with_figure(room(), 30 + 20 * (at_s - 8)) if 8 <= at_s < 13 else room()


def frames(draw: Any, seconds: float = 20) -> list[Frame]:
    taken_at = datetime(2026, 11, 20, tzinfo=UTC)
    return [
        Frame(luma, at_s, taken_at, number, partial(np.repeat, luma[..., None], 3, axis=2))
        for number, (at_s, luma) in enumerate(shown(draw, seconds))
    ]


def replayed(
    draw: Any, answers: list[Any] | None, folder: Path, **settings: Any
) -> tuple[AlertOutcome, PeopleReplay]:
    """Replay a scene with a model that gives *answers*, None for no model; returns its event."""
    model = None
    if answers is not None:
        script = folder / "script.json"
        script.write_text(json.dumps(answers))
        model = ScriptedModel(script)
    crop_s = settings.pop("crop_s", 0.05)
    detector = Detector(make_motion(MotionSettings(), fps=10), EventSettings(event_gap_s=2))
    people = PeopleReplay(detector, PeopleSettings(**settings), model, crop_s)
    outcomes = []
    for frame in frames(draw):
        verdict = people.judge(frame)
        if verdict.event and verdict.changed == "closed":
            outcomes.append(people.outcome(verdict.event))
    (outcome,) = outcomes
    return outcome, people


SOMEBODY: list[Any] = [{}]
NOBODY: list[Any] = []
CAR: list[Any] = [{"kind": "car"}]


@pytest.mark.parametrize(
    ("answers", "settings", "expected", "after_s"),
    [
        (None, {}, ("sent", "no model"), (0, 0)),
        ([NOBODY, NOBODY, SOMEBODY], {}, ("sent", "person"), (0.1, 0.9)),
        ([NOBODY], {}, ("held", "nobody"), (1.0, 1.0)),
        ([CAR], {}, ("held", "nobody"), (1.0, 1.0)),
        ([CAR], {"require_person": False}, ("sent", "no model"), (0, 0)),
        ([NOBODY] * 4 + [SOMEBODY], {}, ("sent", "person"), (1.1, 4.0)),
        ([NOBODY], {"crop_s": 3.0}, ("sent", "no answer"), (1.0, 1.0)),
        ([{"fails": "it is broken"}], {}, ("sent", "no answer"), (0, 0.5)),
    ],
)
def test_an_alert_is_sent_or_held_by_the_answers(
    answers: list[Any] | None,
    settings: dict[str, Any],
    expected: tuple[str, str],
    after_s: tuple[float, float],
    tmp_path: Path,
) -> None:
    outcome, _ = replayed(cart, answers, tmp_path, **settings)
    assert (outcome.decision, outcome.why) == expected
    assert outcome.decided_s is not None
    waited_s = round(outcome.decided_s - outcome.event.started_at_s, 3)
    assert after_s[0] <= waited_s <= after_s[1]


def test_the_display_gets_the_looks_of_the_model(tmp_path: Path) -> None:
    _, people = replayed(cart, [CAR], tmp_path)
    view = people.view()
    assert view is not None
    assert (view.number, view.decision, view.why) == (1, "held", "nobody")
    newest = view.looks[-1]
    assert newest in view.looks_at(newest.at_s + 0.1)
    assert [one.kind for one in newest.things()] == ["car"]
    _, without = replayed(cart, None, tmp_path)
    assert without.view() is None


def test_an_upright_shape_is_sent_though_the_model_sees_nobody(tmp_path: Path) -> None:
    outcome, _ = replayed(person, [NOBODY], tmp_path)
    assert (outcome.decision, outcome.why) == ("sent", "sure")


def test_a_sure_alert_is_corrected_when_the_model_sees_a_car(tmp_path: Path) -> None:
    outcome, _ = replayed(person, [NOBODY] * 2 + [CAR], tmp_path, memory_s=0)
    assert outcome.why == "sure"
    assert outcome.corrected
    assert outcome.corrected.kind == "car"


@pytest.mark.parametrize("share", [0.05, 1.0])
def test_the_model_keeps_to_its_share_of_a_core(share: float, tmp_path: Path) -> None:
    _, people = replayed(cart, [NOBODY], tmp_path, crop_s=0.2, max_cpu=share)
    most = (20 - 8 + 4) * share / 0.2 + 1
    assert 1 <= people.crops <= most
    assert (people.left_out > 0) == (share < 0.1)


def test_a_held_alert_is_none_for_the_pause_between_alerts(tmp_path: Path) -> None:
    def twice(at_s: float) -> Picture:
        return cart(at_s if at_s < 14 else at_s - 8)

    script = tmp_path / "script.json"
    script.write_text(json.dumps([NOBODY] * 10 + [SOMEBODY]))
    events = EventSettings(event_gap_s=2, min_notify_seconds=30)
    detector = Detector(make_motion(MotionSettings(), fps=10), events)
    spans = sent_alerts(detector, PeopleSettings(), ScriptedModel(script), frames(twice, 24))
    assert [16 < sent_s < 22 for sent_s, _ in spans] == [True]


def test_a_model_is_named_by_its_backend_or_its_file() -> None:
    settings = PeopleSettings(backend="onnx", model="a.onnx", memory_s=7)
    assert named_model(settings, "onnx") == settings
    assert named_model(settings, "hog") == PeopleSettings(backend="hog", memory_s=7)
    assert named_model(settings, "b.onnx") == PeopleSettings(model="b.onnx", memory_s=7)
