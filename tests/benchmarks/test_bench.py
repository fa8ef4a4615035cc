import json
from pathlib import Path

import pytest

from tests.evaluation.videos import run, video_of_a_visit


def test_it_measures_both_pipelines_and_every_stage_on_a_film(tmp_path: Path) -> None:
    done = run("bench", video_of_a_visit(tmp_path / "visit.mp4"), "--json", "--count", "30")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["ratio"] == pytest.approx(
        figures["detector_ms"] / figures["classic_ms"], rel=0.01
    )
    assert list(figures["classic_stages_ms"]) == [
        "resize",
        "grey",
        "blur",
        "compare",
        "mark",
        "outline",
    ]
    assert list(figures["detector_stages_ms"]) == [
        "shrink",
        "blur",
        "learn",
        "compare",
        "outline",
        "rule",
    ]
    assert all(
        cost_ms > 0
        for name in ("classic", "detector")
        for cost_ms in figures[f"{name}_stages_ms"].values()
    )


def test_without_a_film_it_draws_its_own_and_shows_a_table() -> None:
    done = run("bench", "--count", "10")
    assert done.returncode == 0, done.stderr
    assert "mean of 10 frames" in done.stdout
    assert "classic" in done.stdout
    assert "shrink" in done.stdout


def test_a_film_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = run("bench", tmp_path / "nothing.mp4")
    assert done.returncode == 1
    assert "nothing.mp4" in done.stderr
    assert done.stdout == ""
