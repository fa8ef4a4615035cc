"""The plot of an event."""

from app.recording.trace import EventTrace
from app.web.dashboard.events.plot import plot_of


def test_each_figure_has_a_curve_with_its_limit() -> None:
    trace = EventTrace(
        (-1.0, 0.0, 1.0, 3.0),
        area_px=(0.0, 1000.0, 500.0, None),
        score=(None, 0.5, None, 1.0),
        least_area_px=250.0,
    )
    plot = plot_of(trace)
    assert plot
    assert (plot.from_s, plot.to_s, plot.start_x) == (-1.0, 3.0, 150.0)
    area, score = plot.curves
    assert area.words == "at most 1,000 pixels; it counts from 250 pixels"
    assert area.path == "M0.0 76.0h0L150.0 4.0L300.0 40.0"
    assert area.limit_y == 58.0
    assert (score.name, score.words, score.limit_y) == ("Person score", "at most 100%", None)
    assert score.path == "M150.0 40.0h0M600.0 4.0h0"


def test_nothing_measured_is_no_plot() -> None:
    assert plot_of(EventTrace(())) is None
    assert plot_of(EventTrace((0.0,))) is None


def test_one_frame_is_a_plot() -> None:
    plot = plot_of(EventTrace((0.0,), level=(120.0,), least_level=50.0))
    assert plot
    assert plot.curves[0].words == "at most 120 of 255; it counts from 50 of 255"
