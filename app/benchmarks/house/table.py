"""The table of `bench --house`: what was measured, what others need for it, and the goal."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

_HEAD = ("what", "measured", "beside it", "goal")


class Row(NamedTuple):
    """A line of the table; *beside* is what other programs need for the same."""

    what: str
    measured: str
    beside: str
    goal: str


def house_table(figures: Mapping[str, Any]) -> str:
    """Return the *figures* of `measure_house` for people to read."""
    rows = [Row(*_HEAD), *house_rows(figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    last = f"{figures['at']}, {figures['machine']}; it took {figures['took_s']} s."
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:], "", last])


def house_rows(figures: Mapping[str, Any]) -> Iterator[Row]:
    """Yield all lines of the table."""
    yield from _camera_rows(figures)
    yield from _idle_rows(figures)
    yield from _event_rows(figures)
    yield from _part_rows(figures)


def _camera_rows(figures: Mapping[str, Any]) -> Iterator[Row]:
    for name, goal in (("contest", "1.4"), ("large_contest", "1.25")):
        costs = figures[name]
        ours = _number(costs["over_bare"]["ours"])
        what = f"camera {costs['size']}, {costs['fps']} fps, recording: CPU over bare decode"
        yield Row(what, ours, _others(costs["over_bare"]), goal)


def _idle_rows(figures: Mapping[str, Any]) -> Iterator[Row]:
    idle, contest, glances = figures["idle"], figures["contest"], figures["idle"]["glances"]
    cpu = f"{_number(idle['rest_cpu_s_per_min'])}; {_number(glances['cpu_s_per_min'])}"
    what = "idle and armed: all programs but the camera; of it the door of Glances, CPU s a minute"
    yield Row(what, cpu, "", "0.12")
    wakes = f"{_number(idle['suite_wakes_per_s'])}; {_number(glances['wakes_per_s'])}"
    beside = _others(contest["wakes_per_s"])
    yield Row("idle and armed: wakes a second; of it the door of Glances", wakes, beside, "15")
    memory = (idle["pss_mb"], glances["pss_mb"], figures["further_camera_mb"])
    what = "memory with one camera; of it the door of Glances; each further camera, MB"
    yield Row(what, "; ".join(map(_number, memory)), _others(contest["pss_mb"]), "150; -; 25")
    written = f"{_number(_share(idle['written_kb_per_h'], 1e3))}; "
    written += _number(_share(idle["log_kb_per_h"], 1e3))
    what = "idle and armed: written to the disk; of it Redis' log, MB an hour"
    yield Row(what, written, "", "0.25")


def _event_rows(figures: Mapping[str, Any]) -> Iterator[Row]:
    events, answers = figures["events"], figures["answers"]
    yield Row(
        "clip: bytes written over those of the stream", _number(figures["clip_ratio"]), "", "1.05"
    )
    files, log = events["besides_clip_kb"], events["log_kb_per_event"]
    what = "event: its files besides the clip; Redis' log, kB"
    yield Row(what, f"{_number(files)}; {_number(log)}", "", "80 together")
    decoder_ms = events["decoder_ms"]
    delays = (events["frame_to_stream_ms"][one] for one in ("median", "worst"))
    beyond = "; ".join(_number(None if one is None else one - decoder_ms) for one in delays)
    what = "from a decoded frame to the stream, median; worst, ms"
    yield Row(what, beyond, f"decoder {_number(decoder_ms)}", "25; 80")
    slack = events["beyond_slack_ms"]
    shown = f"{_number(slack['median'])}; {_number(slack['worst'])}"
    what = "from the stream to Slack's message, without Slack's time, median; worst, ms"
    yield Row(what, shown, "", "100")
    worst = "; ".join(_number(answers[f"{one}_ms"]) for one in ("arm", "disarm", "label"))
    yield Row("arm; disarm; click to label, the worst, ms", worst, "", "50")


def _part_rows(figures: Mapping[str, Any]) -> Iterator[Row]:
    yield Row("warm start of all programs, CPU s", _number(figures["start_cpu_s"]), "", "2")
    archive, slack = figures["archive"], figures["slack"]
    costs = "; ".join(_number(archive[one]) for one in ("scan_ms", "fact_ms", "memory_mb"))
    what = f"uploader with {archive['events']} events: a scan, ms; a fact, ms; memory, MB"
    yield Row(what, costs, "", "10; 2; 5")
    rate = _number(figures["alerts_per_s"])
    yield Row("notifier: alerts a second to the folder", rate, "", "150")
    both = (_number(slack[one]["p99_ms"]) for one in ("status", "empty_view"))
    what = f"/status with {slack['in_flight']} in flight: p99 over that of an empty view"
    yield Row(what, _number(slack["ratio_p99"]), " and ".join(both) + " ms", "2")


def _others(costs: Mapping[str, float]) -> str:
    """Return what the other contestants need."""
    shown = {"motion": "Motion", "ffmpeg": "ffmpeg", "bare": "bare"}
    return ", ".join(f"{shown[one]} {_number(costs[one])}" for one in shown if one in costs)


def _share(value: float | None, of: float) -> float | None:
    return None if value is None else value / of


def _number(value: float | None) -> str:
    """Return *value* with three digits; a dash where nothing could be measured."""
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
