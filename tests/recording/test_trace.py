"""The trace of an event: what is kept of its frames, and the file of it."""

import json

import pytest

from app.recording.trace import (
    MOST_BYTES,
    MOST_POINTS,
    EventTrace,
    Limits,
    TracePoint,
    TraceRecorder,
    decode_trace,
    encode_trace,
)


def recorded(count: int, fps: float = 10.0, *, peak: int | None = None) -> EventTrace:
    """The trace of an event of so many frames, with a dip and a *peak* of one frame each."""
    recorder = TraceRecorder()
    recorder.begin(100.0)
    for number in range(count):
        area_px = {peak: 9000.0, count // 3: 0.0}.get(number, 500.0)
        recorder.add(TracePoint(100 + number / fps, area_px, 0.7, None))
    trace = recorder.end(Limits(394.0, 0.58))
    assert trace
    return trace


def test_a_short_event_keeps_each_frame_and_the_seconds_before() -> None:
    recorder = TraceRecorder()
    for number in range(100):
        recorder.add(TracePoint(number / 10, 10.0, None, None))
    recorder.begin(9.9)
    recorder.add(TracePoint(10.0, 5120.4, 0.714, None))
    trace = recorder.end(Limits(394.0, 0.58))
    assert trace
    assert (trace.t_s[0], trace.t_s[-1], len(trace.t_s)) == (-5.0, 0.1, 52)
    assert trace.area_px[-2:] == (10, 5120)
    assert trace.hidden[-2:] == (None, 0.71)
    assert trace.level == trace.score == ()
    assert (trace.least_area_px, trace.least_hidden, trace.least_score) == (394.0, 0.58, None)
    assert recorder.end(Limits()) is None


@pytest.mark.parametrize("count", [300, 5_000, 40_000])
def test_a_long_event_keeps_its_peaks_in_few_points(count: int) -> None:
    trace = recorded(count, peak=count // 2)
    assert MOST_POINTS / 3 < len(trace.t_s) <= MOST_POINTS
    areas_px = [one or 0.0 for one in trace.area_px]
    assert (min(areas_px), max(areas_px)) == (0, 9000)
    assert trace.t_s[areas_px.index(9000)] == pytest.approx(count / 20, abs=0.1)
    gaps = [later - earlier for earlier, later in zip(trace.t_s, trace.t_s[1:], strict=False)]
    assert max(gaps) < 6 * count / 10 / MOST_POINTS + 0.2


def test_a_score_is_put_on_the_frame_that_the_model_saw() -> None:
    recorder = TraceRecorder()
    for number in range(10):
        recorder.add(TracePoint(number / 10, 10.0, None, None))
    recorder.looked(0.5, 0.3)
    recorder.begin(0.9)
    recorder.add(TracePoint(1.0, 10.0, None, None))
    recorder.looked(0.9, 0.91234)
    recorder.looked(-70.0, 1.0)
    trace = recorder.end(Limits(score=0.5))
    assert trace
    scores = dict(zip(trace.t_s, trace.score, strict=True))
    assert {at_s: one for at_s, one in scores.items() if one is not None} == {-0.4: 0.3, 0.0: 0.912}
    assert trace.least_score == 0.5


def test_scores_survive_the_thinning() -> None:
    recorder = TraceRecorder()
    recorder.begin(0.0)
    for number in range(3_000):
        recorder.add(TracePoint(number / 10, float(number % 7), None, None))
        if number == 40:
            recorder.looked(4.0, 0.9)
    trace = recorder.end(Limits())
    assert trace
    assert [one for one in trace.score if one is not None] == [0.9]


def test_where_light_is_the_trigger_the_level_is_kept() -> None:
    recorder = TraceRecorder()
    recorder.begin(0.0)
    for number in range(1_000):
        recorder.add(TracePoint(number / 10, None, None, 200.0 if number == 500 else 3.14159))
    trace = recorder.end(Limits(level=50.0))
    assert trace
    assert trace.area_px == trace.hidden == ()
    assert (max(one or 0 for one in trace.level), min(one or 0 for one in trace.level)) == (
        *(200.0, 3.1),
    )
    assert trace.least_level == 50.0


def test_the_longest_trace_fits_into_its_file() -> None:
    times = tuple(round(900_000.01 + number, 2) for number in range(MOST_POINTS))
    trace = EventTrace(
        times,
        (12_582_912,) * MOST_POINTS,
        (0.71,) * MOST_POINTS,
        score=(0.912,) * MOST_POINTS,
        least_area_px=394.0,
    )
    stored = encode_trace(trace)
    assert len(stored) <= MOST_BYTES
    assert decode_trace(stored) == trace


@pytest.mark.parametrize(
    "stored",
    [
        *(b"", b"[]", b"{}", b"\xff\x00", b'{"t_s":[0,1],"area_px":[5]}', b'{"t_s":[1,0]}'),
        *(b'{"t_s":["0"]}', b'{"t_s":[NaN]}', b'{"t_s":[1e999]}', b'{"t_s":[0],"area_px":[-1]}'),
        *(b'{"t_s":[0],"hidden":[2]}', b'{"t_s":[0],"least_area_px":"x"}'),
        json.dumps({"t_s": list(range(MOST_POINTS + 1))}).encode(),
        b'{"t_s":[0],"x":' + b"[" * 5000,
    ],
)
def test_anything_else_is_no_trace(stored: bytes) -> None:
    with pytest.raises(ValueError, match="validation error"):
        decode_trace(stored)


def test_fields_of_a_later_version_are_left_out() -> None:
    assert decode_trace(b'{"t_s":[0],"area_px":[null],"new":[1]}') == EventTrace((0,), (None,))
