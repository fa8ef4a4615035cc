"""The counters of heartbeats."""

import pytest

from app.protocol.counters import COUNTERS, Counter, Figure, by_label

FRAMES = Counter("security_system", "frames", "", "frames")
ARMED = Counter("security_system", "armed", "bool", "armed?")
LAST = Counter("uploader", "store_last", "UTC time", "the last upload", "store")


@pytest.mark.parametrize(
    ("counter", "value", "allowed"),
    [
        (FRAMES, 3, True),
        (FRAMES, None, True),
        (FRAMES, "3", False),
        (FRAMES, True, False),
        (FRAMES, {"s3": 3}, False),
        (ARMED, True, True),
        (ARMED, 1, False),
        (LAST, {"s3": "2026-11-20T10:15:00+00:00", "dropbox": None}, True),
        (LAST, {"s3": 3}, False),
        (LAST, "2026-11-20T10:15:00+00:00", False),
    ],
)
def test_a_counter_allows_its_unit_and_label_only(
    counter: Counter, value: Figure | dict[str, Figure], allowed: bool
) -> None:
    assert counter.allows(value) is allowed


def test_no_program_declares_a_counter_twice() -> None:
    rows = [(counter.program, counter.name) for counter in COUNTERS]
    assert len(rows) == len(set(rows))


def test_figures_are_read_by_label() -> None:
    assert by_label({"store_waiting": {"s3": 3}}, "store_waiting") == {"s3": 3}
    assert by_label({"store_waiting": 3}, "store_waiting") == {}
    assert by_label({}, "store_waiting") == {}
