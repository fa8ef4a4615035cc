"""The table has a line for each figure, and a dash for what could not be measured."""

from typing import Any

from app.benchmarks.house.table import house_rows, house_table


def contest(size: str, fps: int) -> dict[str, Any]:
    costs = {"ours": 1.38, "bare": 1.0, "motion": 1.6}
    return {"size": size, "fps": fps, "over_bare": costs, "wakes_per_s": costs, "pss_mb": costs}


FIGURES: dict[str, Any] = {
    "machine": "a machine, 2 cores",
    "at": "2026-11-30T18:33:27+00:00",
    "took_s": 260,
    "idle": {
        "rest_cpu_s_per_min": 0.466,
        "suite_wakes_per_s": 77.6,
        "written_kb_per_h": None,
        "log_kb_per_h": 613.3,
        "pss_mb": 310.0,
        "glances": {"cpu_s_per_min": 0.12, "wakes_per_s": 10.9, "pss_mb": 56.0},
    },
    "start_cpu_s": 4.7,
    "events": {
        "decoder_ms": 100.0,
        "frame_to_stream_ms": {"median": 145.0, "worst": 190.5},
        "beyond_slack_ms": {"median": None, "worst": None},
        "besides_clip_kb": 88.5,
        "log_kb_per_event": 95.3,
    },
    "contest": contest("640x480", 10),
    "answers": {"disarm_ms": 548.5, "arm_ms": 614.6, "label_ms": 406.7},
    "large_contest": contest("1280x720", 15),
    "further_camera_mb": 60.6,
    "clip_ratio": 2.01,
    "archive": {"events": 10000, "scan_ms": 307.6, "fact_ms": 280.2, "memory_mb": 34.7},
    "alerts_per_s": 34.1,
    "slack": {
        "in_flight": 50,
        "status": {"p99_ms": 661.8},
        "empty_view": {"p99_ms": 123.9},
        "ratio_p99": 5.34,
    },
}


def test_each_line_has_its_figure_and_its_goal() -> None:
    rows = {row.what: row for row in house_rows(FIGURES)}
    camera = rows["camera 640x480, 10 fps, recording: CPU over bare decode"]
    assert (camera.measured, camera.beside, camera.goal) == ("1.38", "Motion 1.6, bare 1", "1.4")
    memory = rows["memory with one camera; of it the door of Glances; each further camera, MB"]
    assert memory.measured == "310; 56; 60.6"
    decoded = rows["from a decoded frame to the stream, median; worst, ms"]
    assert (decoded.measured, decoded.beside) == ("45; 90.5", "decoder 100")
    assert all(row.goal for row in rows.values())
    assert len(rows) == 15


def test_what_could_not_be_measured_is_a_dash() -> None:
    rows = {row.what: row.measured for row in house_rows(FIGURES)}
    assert rows["idle and armed: written to the disk; of it Redis' log, MB an hour"] == "-; 0.613"


def test_the_table_ends_with_the_day_and_the_machine() -> None:
    lines = house_table(FIGURES).splitlines()
    assert lines[0].split() == ["what", "measured", "beside", "it", "goal"]
    assert lines[-1] == "2026-11-30T18:33:27+00:00, a machine, 2 cores; it took 260 s."
