"""A row of the timeline, made of a record or of a file."""

from dataclasses import replace

import pytest

from app.protocol import event_id
from app.web.dashboard.events.row import label_of, new_row
from tests.web.dashboard.made_events import FIRST, an_event

EVENT = event_id(FIRST, "front")


def test_a_row_has_the_times_and_the_score_of_its_record() -> None:
    row = new_row(EVENT)
    assert (row.started_at, row.ended_at, row.camera) == (FIRST, None, "front")
    scored = row.of_record(replace(an_event(), score=0.4))
    assert (scored.score, scored.ended_at) == (0.4, an_event().ended_at)
    seen = row.of_record(replace(an_event(), score=0.1, seen="cat", seen_score=0.9))
    assert (seen.seen, seen.score) == ("cat", 0.9)
    assert row.of_record(an_event(lasted_s=-5)).lasted_s == 0


@pytest.mark.parametrize("stored", [None, {}, {"label": "maybe"}, {"label": ["occupied"]}])
def test_what_is_no_label_is_none(stored: dict[str, object] | None) -> None:
    assert label_of(stored) == (None, None)


def test_a_label_names_who_gave_it() -> None:
    assert label_of({"label": "occupied", "user": "U1"}) == ("occupied", "U1")
    assert label_of({"label": "occupied", "user": 7}) == ("occupied", None)
