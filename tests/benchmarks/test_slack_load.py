"""`bench --slack` measures the real server."""

import json

import pytest
from click.testing import CliRunner

from app.__main__ import main
from app.benchmarks import slack_load
from app.benchmarks.slack_load import COMMANDS, measure_slack, slack_table


def test_every_request_is_answered_and_the_figures_are_told() -> None:
    figures = measure_slack(requests=60, in_flight=20)
    for command in COMMANDS:
        assert (
            0
            < figures[command]["p50_ms"]
            <= figures[command]["p99_ms"]
            <= figures[command]["max_ms"]
        )
    assert 20 < figures["pss_mb"] < 80
    assert "/status" in slack_table(figures)


def test_the_verb_prints_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slack_load, "measure_slack", lambda: {"pss_mb": 50.0})
    done = CliRunner().invoke(main, ["bench", "--slack", "--json"])
    assert (done.exit_code, json.loads(done.output)) == (0, {"pss_mb": 50.0})
