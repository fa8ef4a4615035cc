"""The verb `bench` measures both pipelines and every stage."""

import json
from pathlib import Path

import pytest

from tests.evaluation.videos import run, video_of_a_visit

CLASSIC_STAGES = ["resize", "grey", "blur", "compare", "mark", "outline"]
DETECTOR_STAGES = ["shrink", "blur", "learn", "compare", "outline", "rule"]


def test_it_measures_both_pipelines_and_every_stage(tmp_path: Path) -> None:
    done = run("bench", video_of_a_visit(tmp_path / "visit.mp4"), "--json", "--count", "30")
    assert done.exit_code == 0, done.stderr
    figures = json.loads(done.stdout)
    ratio = figures["detector_ms"] / figures["classic_ms"]
    assert figures["ratio"] == pytest.approx(ratio, rel=0.01)
    assert list(figures["classic_stages_ms"]) == CLASSIC_STAGES
    assert list(figures["detector_stages_ms"]) == DETECTOR_STAGES
    for name in ("classic", "detector"):
        assert all(cost_ms > 0 for cost_ms in figures[f"{name}_stages_ms"].values())
    assert list(figures["methods_ms"]) == ["structure", "running_average"]
    assert "structure_stages_ms" in figures


def test_without_a_video_it_draws_a_scene_and_a_table() -> None:
    done = run("bench", "--count", "10")
    assert done.exit_code == 0, done.stderr
    assert "mean of 10 frames" in done.stdout
    assert "classic" in done.stdout
    assert "shrink" in done.stdout
    assert "structure, warm" in done.stdout


def test_a_missing_video_is_named(tmp_path: Path) -> None:
    done = run("bench", tmp_path / "nothing.mp4")
    assert done.exit_code == 1
    assert "nothing.mp4" in done.stderr
    assert done.stdout == ""
