"""The owner hears once that the person model cannot be used, and when it can be used again."""

from app.daemons.security_system.model_reports import GOOD_S, NOTE, ModelReports
from tests.daemons.security_system.publishing import Runs
from tests.waiting import until

PROBLEM = "A person model cannot be used: yolox_nano.onnx is empty."


def test_a_problem_is_published_once_and_its_end_too(runs: Runs) -> None:
    reports = ModelReports("front", runs.start(), runs.clock)
    reports.open()
    reports.step(None)
    reports.step(PROBLEM)
    reports.step(PROBLEM)
    (refused,) = runs.published(1)
    assert (refused["kind"], refused["alert"]) == ("model_refused", True)
    assert refused["text"] == f"Camera front: {PROBLEM}"
    until(runs.note(NOTE).exists, "it is noted")

    reports = ModelReports("front", runs.start(), runs.clock)
    reports.open()
    reports.step(PROBLEM)
    reports.step(None)
    runs.clock.advance(GOOD_S)
    reports.step(None)
    _, back = runs.published(2)
    assert back["kind"] == "model_back"
    assert back["text"].startswith("Camera front: the person model works since")


def test_a_model_that_fails_again_and_again_is_one_message(runs: Runs) -> None:
    reports = ModelReports("front", runs.start(), runs.clock)
    reports.open()
    for _ in range(20):
        reports.step(PROBLEM)
        runs.clock.advance(60)
        reports.step(None)
        runs.clock.advance(60)
    facts = runs.published(2)
    assert [fact["kind"] for fact in facts] == ["model_refused"] * 2
    assert "fails again and again" in facts[1]["text"]


def test_a_kill_before_the_note_is_written_repeats_nothing(runs: Runs) -> None:
    runs.note(NOTE).mkdir(parents=True)  # as if the run were killed before it could write it
    reports = ModelReports("front", runs.start(), runs.clock)
    reports.open()
    reports.step(PROBLEM)
    runs.published(1)
    runs.end()
    runs.note(NOTE).rmdir()

    runs.clock.advance(5)
    reports = ModelReports("front", runs.start(), runs.clock)
    reports.open()
    reports.step(PROBLEM)
    reports.step(None)
    runs.clock.advance(GOOD_S)
    reports.step(None)
    kinds = [fact["kind"] for fact in runs.published(2)]
    assert kinds == ["model_refused", "model_back"]
