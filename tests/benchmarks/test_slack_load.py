"""`bench --slack` measures the real server."""

import json

import pytest

from app.benchmarks import slack_load
from app.benchmarks.slack_load import COMMANDS, EMPTY, measure_slack, slack_table
from tests.evaluation.videos import run


def test_every_request_is_answered_and_measured() -> None:
    figures = measure_slack(requests=60, in_flight=20)
    for command in (*COMMANDS, EMPTY):
        took_ms = figures[command]
        assert 0 < took_ms["p50_ms"] <= took_ms["p99_ms"] <= took_ms["max_ms"]
    assert 5 < figures["pss_mb"] < 500
    assert figures["ratio_p99"] > 0
    assert "/status" in slack_table(figures)


def test_the_verb_prints_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slack_load, "measure_slack", lambda: {"pss_mb": 50.0})
    done = run("bench", "--slack", "--json")
    assert (done.exit_code, json.loads(done.stdout)) == (0, {"pss_mb": 50.0})
