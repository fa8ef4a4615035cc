"""`bench --timeline` measures the real dashboard."""

import json

import pytest

from app.benchmarks import timeline_load
from app.benchmarks.timeline_load import measure_timeline, timeline_table
from tests.evaluation.videos import run


def test_every_page_of_a_small_house_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline_load, "IDLE_AFTER_S", 0.0)
    monkeypatch.setattr(timeline_load, "QUIET_S", 0.1)
    figures = measure_timeline(count=60, times=1)
    assert all(cost["took_ms"] > 0 for cost in figures["pages"].values())
    assert 0 < figures["pss_before_mb"] < figures["pss_after_mb"] + 5
    assert "filter by class" in timeline_table(figures)


def test_the_verb_prints_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline_load, "measure_timeline", lambda: {"events": 1})
    done = run("bench", "--timeline", "--json")
    assert (done.exit_code, json.loads(done.stdout)) == (0, {"events": 1})
