"""`bench --viewers` measures the real camera, web server and viewers."""

import pytest

from app.benchmarks import viewers_load
from app.benchmarks.viewers_load import measure_viewers, viewers_table


def test_viewers_get_pictures_and_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewers_load, "SETTLE_S", 1.5)
    figures = measure_viewers(1, rounds=1, round_s=1.5, requests=10)
    got = figures["kb_per_s"]
    assert got[0] == 0 < got[1]
    assert "times as busy with 1 as with one" in viewers_table(figures)
