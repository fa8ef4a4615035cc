"""Both pipelines are measured with warm caches and with cold ones."""

from pathlib import Path

from app.benchmarks.frame_load import frames_table, measure_frames, read_pictures
from tests.evaluation.videos import video_of_a_visit


def test_both_pipelines_are_measured_warm_and_cold(tmp_path: Path) -> None:
    pictures = read_pictures(str(video_of_a_visit(tmp_path / "visit.mp4", 5, 5)))
    assert [bgr.shape for bgr, _ in pictures] == [(480, 640, 3)] * 10
    assert pictures[0][1].luma.shape == (480, 640)
    figures = measure_frames(pictures, 3)
    for costs in (figures, figures["cold"]):
        assert costs["detector_ms"] > 0
        assert costs["classic_ms"] > 0
    table = frames_table(figures)
    assert "of the classic pipeline's time" in table
    assert "cold, as at a camera's pace" in table
