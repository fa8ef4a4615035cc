"""`bench --viewers` measures the real camera, web server and viewers."""

import pytest

from app.benchmarks import viewers_load
from app.benchmarks.viewers_load import measure_viewers, viewers_table


def test_viewers_get_pictures_and_leave_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewers_load, "SETTLE_S", 3.0)
    figures = measure_viewers(2, rounds=1, round_s=1.0, requests=20)
    got = figures["kb_per_s"]
    assert got[0] == 0 < got[1] < got[2]
    assert "2 viewers cost" in viewers_table(figures)
