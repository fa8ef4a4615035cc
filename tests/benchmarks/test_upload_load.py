"""`bench --uploads` measures the real carriers against a real server."""

import json

import pytest
from click.testing import CliRunner

from app.__main__ import main
from app.benchmarks import upload_load
from app.benchmarks.upload_load import measure_uploads, uploads_table


def test_everything_is_carried_and_the_figures_are_told() -> None:
    figures = measure_uploads(events=2)
    for store in ("s3", "folder"):
        assert figures[store]["mb_per_s"] > figures[store]["files_per_s"] > 0
    assert figures["peak_rss_mb"] > 20
    assert "MB/s" in uploads_table(figures)


def test_the_verb_prints_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_load, "measure_uploads", lambda: {"peak_rss_mb": 50.0})
    done = CliRunner().invoke(main, ["bench", "--uploads", "--json"])
    assert (done.exit_code, json.loads(done.output)) == (0, {"peak_rss_mb": 50.0})
