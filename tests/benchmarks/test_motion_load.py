"""Both methods are measured with an empty room and with somebody there."""

from pathlib import Path

import pytest

from app.benchmarks import motion_load
from app.benchmarks.caches import Caches
from app.benchmarks.motion_load import METHODS, STAGES, measure_motion, motion_table, read_lumas
from tests.evaluation.videos import video_of_a_visit


def test_each_method_and_state_has_its_costs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # To wipe the caches of a large machine takes longer than the frames.
    monkeypatch.setattr(motion_load, "Caches", lambda: Caches(tmp_path))
    figures = measure_motion("demo", 190, passes=1)
    assert list(figures["methods_ms"]) == list(METHODS)
    for by_caches in figures["methods_ms"].values():
        assert list(by_caches) == ["warm", "cold"]
        assert all(cost > 0 for costs in by_caches.values() for cost in costs.values())
    stages = figures["structure_stages_ms"]
    assert list(stages) == [*STAGES, "tracks and rules"]
    assert stages["shrink"] > 0
    assert "structure, cold" in motion_table(figures)


def test_a_state_that_does_not_occur_has_no_cost(tmp_path: Path) -> None:
    video = video_of_a_visit(tmp_path / "still.mp4", before=20, during=0)
    figures = measure_motion(str(video), 20, passes=1)
    assert figures["methods_ms"]["structure"]["warm"] == {"empty": None, "somebody": None}
    assert figures["structure_stages_ms"] == {}
    assert "-" in motion_table(figures)


def test_pictures_are_resized_and_no_more_are_read(tmp_path: Path) -> None:
    lumas = read_lumas(str(video_of_a_visit(tmp_path / "visit.mp4")), 5)
    assert [luma.shape for luma in lumas] == [(480, 640)] * 5
