"""Runs over scenes, drawn and kept, in this process and in others."""

from pathlib import Path

import pytest

from app.evaluation.yardstick import run as module
from app.evaluation.yardstick.drawn import read_labels
from app.evaluation.yardstick.footage import Footage
from app.evaluation.yardstick.run import Plan, run, run_scene
from app.evaluation.yardstick.scenes import SCENES
from app.evaluation.yardstick.staging import Staging, Story
from tests.evaluation.yardstick.scenery import footage


@pytest.fixture(autouse=True)
def short_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scenes of some seconds, one with a visit and one starved."""

    def visit(rng: object, room: Footage) -> Staging:
        story = Story(room, 12)
        story.visit(65, 0, after=5)
        return Staging(story)

    def starved(rng: object, room: Footage) -> Staging:
        return Staging(Story(room, 2), bitrate=60_000)

    monkeypatch.setitem(SCENES, "visit", visit)
    monkeypatch.setitem(SCENES, "starved", starved)


@pytest.mark.parametrize("method", ["structure", "running_average"])
def test_both_methods_find_a_clear_visit(method: module.Method) -> None:
    labels, score = run_scene(Plan(1, method), "visit", footage())
    assert labels.presence == ((6.5, 11.5),)
    assert score.recall(3) == 1
    assert score.false_at_s == ()


def test_parts_can_be_switched_off() -> None:
    _, score = run_scene(Plan(1, "structure", without=("travel", "darker")), "visit", footage())
    assert score.recall(1) == 1


def test_kept_scenes_are_not_drawn_again(tmp_path: Path) -> None:
    plan = Plan(1, "structure", folder=tmp_path / "seed1")
    (first,) = run(plan, ["visit"], footage(), jobs=1)
    assert plan.is_kept("visit")
    (again,) = run(plan, ["visit"], None, jobs=1)
    assert first == again
    with pytest.raises(ValueError, match="starved"):
        list(run(plan, ["starved"], None, jobs=1))


def test_a_kept_scene_is_shown_at_the_rate_of_its_variant(tmp_path: Path) -> None:
    plan = Plan(1, "structure", folder=tmp_path, variant="5fps")
    _, score = run_scene(plan, "visit", footage())
    assert plan.fps == 5
    assert score.recall(1) == 1
    (latency_s,) = score.latencies_s
    assert latency_s is not None
    assert (10 * latency_s) % 2 == 1


def test_a_scene_without_its_labels_is_drawn_again(tmp_path: Path) -> None:
    plan = Plan(1, "structure", folder=tmp_path)
    (tmp_path / "starved.mp4").write_bytes(b"left by a run that was killed")
    assert not plan.is_kept("starved")
    (result,) = run(plan, ["starved"], footage(), jobs=1)
    assert read_labels(tmp_path)["starved"] == result[0]


# Libraries have threads of their own, which do nothing while the processes are forked.
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_several_processes_find_the_same() -> None:
    plan, names = Plan(1, "structure"), ["visit", "starved"]
    alone = sorted(run(plan, names, footage(), jobs=1), key=lambda one: one[0].name)
    together = sorted(run(plan, names, footage(), jobs=2), key=lambda one: one[0].name)
    assert alone == together


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_an_error_in_a_process_is_raised_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(rng: object, room: Footage) -> Staging:
        raise OSError("no space left")

    monkeypatch.setitem(SCENES, "broken", broken)
    with pytest.raises(OSError, match="no space left"):
        list(run(Plan(1, "structure"), ["broken", *["starved"] * 50], footage(), jobs=2))
