"""Intervals against published values."""

import pytest

from app.evaluation.intervals import Counts, Interval, wilson


def rounded(found: Interval | None) -> tuple[float, float, float]:
    assert found
    return round(found.value, 4), round(found.low, 4), round(found.high, 4)


@pytest.mark.parametrize(
    ("count", "of", "expected"),
    [
        # Newcombe 1998, table I, method 3
        (81, 263, (0.3080, 0.2553, 0.3662)),
        (15, 148, (0.1014, 0.0624, 0.1605)),
        (0, 20, (0.0, 0.0, 0.1611)),
        (1, 29, (0.0345, 0.0061, 0.1718)),
        (20, 20, (1.0, 0.8389, 1.0)),
    ],
)
def test_a_share_has_wilsons_interval(
    count: int, of: int, expected: tuple[float, float, float]
) -> None:
    assert rounded(wilson(count, of)) == expected


def test_without_events_there_is_no_share() -> None:
    assert wilson(0, 0) is None
    assert (Counts().precision, Counts().recall, Counts().f1) == (None, None, None)
    assert Counts(right_no=9).f1 is None


def test_precision_recall_and_f1_are_the_usual_ones() -> None:
    found = Counts(hits=30, false=10, missed=20, right_no=40)
    assert rounded(found.precision)[0] == 0.75
    assert rounded(found.recall)[0] == 0.6
    assert rounded(found.f1)[0] == round(2 * 0.75 * 0.6 / (0.75 + 0.6), 4)


def test_the_bootstrap_of_f1_is_repeatable_and_narrows() -> None:
    few = Counts(hits=30, false=10, missed=20, right_no=40)
    many = Counts(hits=3000, false=1000, missed=2000, right_no=4000)
    assert few.f1 == few.f1
    assert few.f1 and many.f1
    assert few.f1.low < few.f1.value < few.f1.high
    # The standard error shrinks with the root of the number of events.
    ratio = (few.f1.high - few.f1.low) / (many.f1.high - many.f1.low)
    assert 8 < ratio < 12
