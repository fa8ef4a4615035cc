"""Alerts that wait in Redis are written to the folder, and counted."""

from pathlib import Path

from app.benchmarks.house.alerts_folder import measure_alerts


def test_all_alerts_come_and_are_counted(tmp_path: Path) -> None:
    assert measure_alerts(tmp_path / "a", 6) > 0
    assert len(list((tmp_path / "a" / "data" / "alerts").glob("*/*.jpg"))) == 6
