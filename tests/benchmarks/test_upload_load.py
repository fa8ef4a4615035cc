"""`bench --uploads` measures the real upload queues against a real server."""

import json

import pytest

from app.benchmarks import upload_load
from app.benchmarks.upload_load import measure_uploads, uploads_table
from tests.evaluation.videos import run


def test_everything_is_uploaded_and_measured() -> None:
    figures = measure_uploads(events=2, indexed=20)
    for store in ("s3", "folder"):
        assert figures[store]["mb_per_s"] > figures[store]["files_per_s"] > 0
    assert figures["peak_rss_mb"] > 20
    assert figures["archive"]["events"] == 20
    assert "urgent event" in uploads_table(figures)


def test_the_verb_prints_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_load, "measure_uploads", lambda: {"peak_rss_mb": 50.0})
    done = run("bench", "--uploads", "--json")
    assert (done.exit_code, json.loads(done.stdout)) == (0, {"peak_rss_mb": 50.0})
