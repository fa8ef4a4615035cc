"""Covers several modules: the real program while the lens of its camera moves."""

from datetime import UTC, datetime

import pytest

from app.protocol import Request
from tests.daemons.security_system.conftest import Front
from tests.servers.programs import REPO
from tests.waiting import until

YAML = """
people: {backend: none}
cameras:
  front: {source: auto, fps: 20, resolution: [320, 240], warmup_s: 0, focus: auto}
motion: {method: running_average}
events: {motion_classification_store_cnt: 5, event_gap_s: 1, min_notify_seconds: 0}
disk: {min_free_gb: 0}
"""


def test_nothing_is_detected_until_the_lens_is_at_rest(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{REPO / 'tests/cameras/pi'}:{REPO}")
    monkeypatch.setenv("PI_SWEEP", "40")  # 2 s, in which the bar of the fake moves all the time
    program = front.start(more=YAML)
    event = front.first_event()
    kept = front.data / "spool/front/lens-position"
    assert "the lens is focused at 2 m" in program.log
    record = until(lambda: front.state.event(event), "the event is stored")
    assert record.started_at.timestamp() >= kept.stat().st_mtime
    front.state.add_request(Request("focus", datetime.now(UTC), "anna", "front"))
    until(lambda: program.log.count("the lens looks for") == 2, "it sweeps again")
