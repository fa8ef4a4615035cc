"""A simulated month holds the events that the presence rules must cope with."""

import pytest

from app.evaluation.simulated_month import (
    PEOPLE,
    PHONES,
    VISITOR,
    draw_month,
    is_within,
    merge,
    subtract,
)


def test_spans_that_touch_or_lie_close_become_one() -> None:
    spans = [(5.0, 6.0), (0.0, 2.0), (2.0, 3.0), (3.5, 4.0)]
    assert merge(spans) == [(0.0, 3.0), (3.5, 4.0), (5.0, 6.0)]
    assert merge(spans, apart_s=0.5) == [(0.0, 4.0), (5.0, 6.0)]


def test_time_outside_the_holes_remains() -> None:
    holes = [(0.0, 1.0), (2.0, 3.0), (9.0, 12.0)]
    assert subtract([(0.5, 10.0), (11.0, 13.0)], holes) == [(1.0, 2.0), (3.0, 9.0), (12.0, 13.0)]


def test_a_span_includes_its_start_but_not_its_end() -> None:
    assert [is_within(at_s, [(1.0, 2.0)]) for at_s in (0.9, 1.0, 1.9, 2.0)] == [
        False,
        True,
        True,
        False,
    ]


def test_the_same_seed_gives_the_same_month() -> None:
    assert draw_month(5, 4) == draw_month(5, 4)
    assert draw_month(5, 4) != draw_month(6, 4)


@pytest.mark.parametrize("seed", [20, 89, 107, 5109])
def test_a_month_has_outages_visitors_and_sleeping_phones(seed: int) -> None:
    month = draw_month(seed, 30)
    homes = merge(span for spans in month.home.values() for span in spans)
    assert any(not is_within(start, homes) for start, _ in month.listed[VISITOR])
    assert VISITOR.hostname in {phone.hostname for phone in PHONES.values()}
    assert sum(120 <= end - start <= 240 for start, end in month.down) >= 25
    assert sum(end - start >= 3600 for start, end in month.down) >= 4
    for name in PEOPLE:
        off = subtract(month.home[name], merge([*month.listed[PHONES[name]], *month.down]))
        assert max(end - start for start, end in off) > 840
        assert any(start % 86_400 < 6 * 3600 and end - start > 600 for start, end in off)
