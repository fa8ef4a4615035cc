"""`bench --clips` records, and measures the cost."""

import json

import pytest

from app.benchmarks import clip_load
from app.benchmarks.clip_load import clip_table, measure_clips
from tests.evaluation.videos import run


def test_every_kind_of_source_is_recorded() -> None:
    figures = measure_clips(seconds=2, live_s=1.2, sizes=[(320, 240)])
    costs = figures["sizes"]["320x240"]
    for kind in ("h264", "mjpeg", "raw"):
        assert costs[kind]["kept_mb"] > 0
        assert costs[kind]["recorded_ms"] > 0
    assert costs["h264"]["kept_mb"] < costs["raw"]["kept_mb"]
    # The index of so short a clip is a tenth of it; a clip that is written twice has 2.
    assert 1.0 < costs["h264"]["written"] < 1.5
    assert figures["recorded_gap_ms"] > 0
    table = clip_table(figures)
    assert "320x240" in table
    assert "during recording" in table


def test_the_verb_prints_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip_load, "measure_clips", lambda: {"gap_ms": 101.0})
    done = run("bench", "--clips", "--json")
    assert (done.exit_code, json.loads(done.stdout)) == (0, {"gap_ms": 101.0})
