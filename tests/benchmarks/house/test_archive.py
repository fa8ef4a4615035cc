"""The index of many uploaded events is measured, and nothing is uploaded again."""

from pathlib import Path

from app.benchmarks.house.archive import index_costs, measure_archive, write_archive


def test_all_events_are_uploaded_already(tmp_path: Path) -> None:
    write_archive(tmp_path, 30)
    assert len(list(tmp_path.glob("events/*/*"))) == 30
    costs = index_costs(tmp_path)
    assert set(costs) == {
        *("first_scan_ms", "scan_ms", "fact_ms", "unfinished_clips_ms", "memory_mb"),
    }
    assert not any((tmp_path / "copies").iterdir())


def test_a_process_of_its_own_measures(tmp_path: Path) -> None:
    figures = measure_archive(tmp_path, 10)
    assert figures["events"] == 10
    assert figures["first_scan_ms"] > 0
