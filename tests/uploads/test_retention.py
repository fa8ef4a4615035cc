"""The files that are deleted from a full disk, and their order."""

from pathlib import Path

import pytest

from app.uploads.base import DiskSettings
from app.uploads.retention import DAY_S, Candidate, Deletion, Priority, make_room

GB = 10**9
NOW_S = 100 * DAY_S

UPLOADED, PLAIN, LABELLED, WAITING = (
    Priority.UPLOADED,
    Priority.PLAIN,
    Priority.LABELLED,
    Priority.WAITING,
)


def candidate(name: str, priority: Priority, days_old: float, gb: float = 1.0) -> Candidate:
    return Candidate(Path(name), priority, NOW_S - days_old * DAY_S, round(gb * GB))


def deletions(
    candidates: list[Candidate], free_gb: float, settings: DiskSettings, stuck: tuple[str, ...] = ()
) -> list[Deletion]:
    """Return what has to go, in order, when *stuck* cannot be deleted."""
    tried: list[Deletion] = []

    def delete(one: Deletion) -> bool:
        tried.append(one)
        return str(one.candidate.path) not in stuck

    make_room(candidates, NOW_S, round(free_gb * GB), settings, delete)
    return tried


def going(
    candidates: list[Candidate],
    free_gb: float = 50.0,
    stuck: tuple[str, ...] = (),
    **settings: float,
) -> list[str]:
    """Return the names of what goes, in order."""
    return [
        str(one.candidate.path)
        for one in deletions(candidates, free_gb, DiskSettings(**settings), stuck)
    ]


ONE_OF_EACH = [
    candidate("waiting", WAITING, 9),
    candidate("labelled", LABELLED, 8),
    candidate("plain", PLAIN, 7),
    candidate("uploaded", UPLOADED, 6),
]


def test_within_all_limits_nothing_goes() -> None:
    assert going(ONE_OF_EACH) == []
    assert going([]) == []


@pytest.mark.parametrize(
    ("free_gb", "gone"),
    [
        (5.0, []),
        (4.99, ["uploaded"]),
        (4.2, ["uploaded", "plain"]),
        (3.0, ["uploaded", "plain", "labelled"]),
        (1.0, ["uploaded", "plain", "labelled", "waiting"]),
    ],
)
def test_on_a_full_disk_what_waits_for_an_upload_goes_last(free_gb: float, gone: list[str]) -> None:
    assert going(ONE_OF_EACH, free_gb, min_free_gb=5) == gone


def test_among_equals_the_oldest_goes_first() -> None:
    events = [
        candidate("young", PLAIN, 1),
        candidate("old", PLAIN, 3),
        candidate("middle", PLAIN, 2),
    ]
    assert going(events, 0.0, min_free_gb=1.5) == ["old", "middle"]


def test_a_little_more_than_min_free_gb_is_freed() -> None:
    crumbs = [candidate(f"{number:02}", PLAIN, 20 - number, 0.02) for number in range(20)]
    assert len(going(crumbs, 0.99, min_free_gb=1)) == 3
    assert going(crumbs, 1.01, min_free_gb=1) == []


def test_what_is_too_old_goes_unless_it_waits_for_an_upload() -> None:
    old = [candidate(priority.name, priority, 31) for priority in Priority] + [
        candidate("young", PLAIN, 29)
    ]
    assert going(old, keep_days=30) == ["UPLOADED", "PLAIN", "LABELLED"]


def test_more_than_max_gb_goes_in_the_same_order() -> None:
    assert going(ONE_OF_EACH, max_gb=2) == ["uploaded", "plain"]
    assert going(ONE_OF_EACH, max_gb=0.5) == ["uploaded", "plain", "labelled", "waiting"]


def test_what_goes_for_its_age_counts_as_freed() -> None:
    candidates = [
        candidate("ancient", LABELLED, 99, 3.0),
        candidate("uploaded", UPLOADED, 1),
        candidate("plain", PLAIN, 2),
    ]
    assert going(candidates, 0.5, min_free_gb=3, keep_days=30) == ["ancient"]
    assert going(candidates, max_gb=2, keep_days=30) == ["ancient"]


def test_max_gb_and_min_free_gb_hold_together() -> None:
    candidates = [candidate(str(number), PLAIN, 10 - number) for number in range(6)]
    assert going(candidates, 2.5, min_free_gb=4, max_gb=3) == ["0", "1", "2"]
    assert going(candidates, 0.5, min_free_gb=5, max_gb=4) == ["0", "1", "2", "3", "4"]


def test_each_deletion_names_its_setting() -> None:
    settings = DiskSettings(keep_days=30, max_gb=1, min_free_gb=1)
    candidates = [
        candidate("old", PLAIN, 40, 0.1),
        candidate("a", PLAIN, 3),
        candidate("b", PLAIN, 2, 0.3),
        candidate("c", PLAIN, 1, 0.7),
    ]
    reasons = {str(one.candidate.path): one.why for one in deletions(candidates, -0.5, settings)}
    assert reasons == {
        "old": "it is older than disk.keep_days (30)",
        "a": "all of it together is more than disk.max_gb (1)",
        "b": "less than disk.min_free_gb (1) is free",
        "c": "less than disk.min_free_gb (1) is free",
    }


def test_for_an_undeletable_candidate_the_next_goes() -> None:
    candidates = [
        candidate("stuck", UPLOADED, 9, 3.0),
        *(candidate(str(number), PLAIN, 8 - number) for number in range(4)),
    ]
    assert going(candidates, 0.5, stuck=("stuck",), min_free_gb=2) == ["stuck", "0", "1"]
    assert going(candidates, max_gb=4, stuck=("stuck",)) == ["stuck"]
    assert going(candidates, 0.5, stuck=("stuck",), min_free_gb=2, keep_days=8.5) == [
        "stuck",
        "0",
        "1",
    ]


def test_with_min_free_gb_0_a_full_disk_stays_full() -> None:
    assert going(ONE_OF_EACH, 0.0, min_free_gb=0) == []


def test_an_unreachable_min_free_gb_loses_nothing() -> None:
    assert going(ONE_OF_EACH, 78.0, min_free_gb=500) == ["uploaded"]
    assert going(ONE_OF_EACH, 0.0, min_free_gb=4.5) == ["uploaded"]
    assert going(ONE_OF_EACH, 0.5, stuck=("uploaded",), min_free_gb=4.2) == ["uploaded"]


def test_uploaded_and_a_day_old_goes_even_if_that_is_too_little() -> None:
    uploads = [
        candidate("today", UPLOADED, 0.9, 0.3),
        candidate("yesterday", UPLOADED, 2, 0.3),
        candidate("before", UPLOADED, 3, 0.3),
    ]
    assert going(uploads, 0.1, min_free_gb=2) == ["before", "yesterday"]
    assert going(
        [*uploads, candidate("stuck", UPLOADED, 9, 1.0)], 1.8, stuck=("stuck",), min_free_gb=2.8
    ) == ["stuck", "before", "yesterday"]


def test_on_a_disk_that_others_filled_half_of_the_limit_is_freed() -> None:
    today = [candidate("today", PLAIN, 0.9), candidate("uploaded today", UPLOADED, 0.5)]
    assert going([*ONE_OF_EACH, *today], 0.0, min_free_gb=8) == ["uploaded"]
    assert going([*ONE_OF_EACH, *today], 3.0, min_free_gb=9.5) == ["uploaded", "plain"]
    assert going([*ONE_OF_EACH, *today], 4.8, min_free_gb=11.0) == ["uploaded"]
    assert going([*ONE_OF_EACH, *today], 5.6, min_free_gb=11.7) == ["uploaded"]
    assert going(ONE_OF_EACH, 4.5, min_free_gb=8.9) == ["uploaded"]
    assert going(ONE_OF_EACH[:3], 4.5, min_free_gb=8.9) == []


def test_if_all_is_too_old_the_clock_is_not_believed() -> None:
    assert going([candidate("a", PLAIN, 400), candidate("b", UPLOADED, 380)], keep_days=30) == []
    assert going([candidate("a", PLAIN, 9), candidate("b", UPLOADED, 8)], keep_days=7) == []


def test_after_a_jump_of_the_clock_nothing_goes_for_its_age() -> None:
    month = [candidate(str(days), PLAIN, days) for days in range(31)]
    after_a_jump = [
        candidate("new", PLAIN, 0),
        *(candidate(str(days), PLAIN, days + 400) for days in range(31)),
    ]
    assert going(month, keep_days=29.5, max_gb=99) == ["30"]
    assert going(after_a_jump, keep_days=30, max_gb=99) == []


def test_a_rare_old_event_goes_for_its_age() -> None:
    assert going([candidate("a", PLAIN, 100), candidate("b", PLAIN, 0)], keep_days=1) == ["a"]
