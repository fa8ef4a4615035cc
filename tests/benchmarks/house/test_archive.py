"""The index of many uploaded events is measured, and nothing is uploaded again."""

from pathlib import Path

from app.benchmarks.house.archive import index_costs, measure_archive, write_archive


def test_a_scan_and_a_fact_cost_a_fraction_of_the_first_scan(tmp_path: Path) -> None:
    write_archive(tmp_path, 300)
    assert len(list(tmp_path.glob("events/*/*"))) == 300
    costs = index_costs(tmp_path)
    assert costs["scan_ms"] < costs["first_scan_ms"] / 4
    assert costs["fact_ms"] < costs["first_scan_ms"] / 20
    assert not any((tmp_path / "copies").iterdir()), "everything is uploaded already"


def test_a_process_of_its_own_measures(tmp_path: Path) -> None:
    figures = measure_archive(tmp_path, 10)
    assert figures["events"] == 10
    assert figures["first_scan_ms"] > 0
