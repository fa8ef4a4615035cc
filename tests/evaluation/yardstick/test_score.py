"""The score of events against labels."""

import pytest

from app.evaluation.yardstick.score import Score, Span, score, total
from app.evaluation.yardstick.staging import Disturbance, Labels

VISIT = (20.0, 30.0)


def scored(*events: Span, presence: tuple[Span, ...] = (VISIT,), seconds: float = 60.0) -> Score:
    return score(Labels("scene", seconds, presence), events)


@pytest.mark.parametrize(
    ("event", "latency_s", "false"),
    [
        ((21.5, 29.0), 1.5, 0),
        ((19.8, 25.0), 0.0, 0),  # two frames early: his shadow
        ((15.0, 40.0), None, 1),  # it runs into the visit, but did not find it
        ((31.5, 33.0), None, 0),  # his shadow, after he has left
        ((32.5, 33.0), None, 1),
        ((4.0, 6.0), None, 0),  # nothing is scored while the scene settles
    ],
)
def test_an_event_finds_the_visit_in_which_it_opens(
    event: Span, latency_s: float | None, false: int
) -> None:
    got = scored(event)
    assert got.latencies_s == (latency_s,)
    assert len(got.false_at_s) == false


def test_an_open_event_finds_a_visit_that_follows_soon() -> None:
    got = scored((22.0, 36.0), presence=(VISIT, (33.0, 40.0)))
    assert got.latencies_s == (2.0, 0.0)
    assert got.false_at_s == ()


def test_an_event_left_open_does_not_find_a_much_later_visit() -> None:
    got = scored((22.0, 60.0), presence=(VISIT, (45.0, 50.0)))
    assert got.latencies_s == (2.0, None)
    assert got.overhang_s == pytest.approx(13 + 8)


def test_coverage_counts_overlapping_events_once() -> None:
    got = scored((21.0, 26.0), (24.0, 29.0))
    assert got.covered_s == pytest.approx(8)
    assert got.coverage == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("presence", "busy_s"), [((VISIT,), 12), ((VISIT, (31.0, 40.0)), 22), ((), 0)]
)
def test_free_time_leaves_out_settling_and_presence(
    presence: tuple[Span, ...], busy_s: float
) -> None:
    assert scored(presence=presence).free_s == pytest.approx(60 - 5 - busy_s)


def test_a_disturbance_trips_up_to_5_s_after_its_end() -> None:
    lamps = tuple(Disturbance("lamp", start_s, start_s + 2) for start_s in (15.0, 40.0))
    labels = Labels("scene", 60.0, disturbances=lamps)
    assert score(labels, [(22.0, 23.0)]).tripped == 1
    assert score(labels, [(22.1, 23.0)]).tripped == 0
    assert score(labels, []).disturbances == 2


def test_the_sum_of_several_scenes_has_their_rates() -> None:
    together = total([scored((22.5, 25.0)), scored((10.0, 11.0), presence=()), scored()])
    assert [together.recall(within_s) for within_s in (2, 3)] == [0.0, 0.5]
    assert together.median_latency_s == 2.5
    assert together.false_at_s == (10.0,)
    assert together.coverage == pytest.approx(2.5 / 20)


def test_without_visits_there_is_no_rate() -> None:
    empty = scored(presence=())
    assert (empty.recall(1), empty.median_latency_s, empty.coverage) == (None, None, None)
    assert empty.overhang == 0.0
