"""`bench --clips` films, and tells what that takes."""

import json

import pytest
from click.testing import CliRunner

from app.__main__ import main
from app.benchmarks import clip_load
from app.benchmarks.clip_load import clip_table, measure_clips


def test_every_kind_of_source_is_filmed_in_both_sizes() -> None:
    figures = measure_clips(seconds=3, live_s=1.5)
    for size in ("640x480", "1280x720"):
        for kind in ("h264", "mjpeg", "raw"):
            found = figures["sizes"][size][kind]
            assert found["kept_mb"] > 0
            assert found["filmed_ms"] > 0
        assert figures["sizes"][size]["h264"]["kept_mb"] < figures["sizes"][size]["raw"]["kept_mb"]
    assert figures["filmed_gap_ms"] > 0
    table = clip_table(figures)
    assert "1280x720" in table
    assert "while it is filmed" in table


def test_the_verb_prints_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip_load, "measure_clips", lambda: {"gap_ms": 101.0})
    done = CliRunner().invoke(main, ["bench", "--clips", "--json"])
    assert (done.exit_code, json.loads(done.output)) == (0, {"gap_ms": 101.0})
