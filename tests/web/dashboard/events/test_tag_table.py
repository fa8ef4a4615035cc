"""The table of what the tags say so far."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from app.protocol import Decision, Label
from app.web.dashboard.events.index import EventIndex
from app.web.dashboard.events.tag_table import Share, TagTable, tag_tables
from tests.web.dashboard.conftest import Site
from tests.web.dashboard.made_events import an_event, write_event


def tables(site: Site, *events: tuple[str, Label | None, Decision | None]) -> Sequence[TagTable]:
    for minute, (camera, label, decision) in enumerate(events):
        record = replace(an_event(minute, camera), label=label, decision=decision)
        write_event(site.data_dir, record, clip=None, pictures=False)
    return list(tag_tables(EventIndex(site.config, site.state)))


def test_each_cell_counts_the_events_of_a_label_and_a_decision(site: Site) -> None:
    (table,) = tables(
        site,
        ("front", "occupied", "sent"),
        ("front", "occupied", "sent"),
        ("front", "occupied", "held"),
        ("front", "unoccupied", "sent"),
        ("front", "unoccupied", "silenced"),
        ("front", "unoccupied", None),
        ("front", None, "sent"),
    )
    assert table.camera is None
    assert [table.cell("occupied", one) for one in ("sent", "held", None)] == [2, 1, 0]
    assert (table.total("occupied"), table.total("unoccupied")) == (3, 3)
    assert table.undecided == 1
    assert str(table.false_alarms) == "2 of 4 (50%)"
    assert str(table.missed_visits) == "1 of 3 (33%)"


def test_several_cameras_have_tables_of_their_own(site: Site) -> None:
    found = tables(site, ("front", "occupied", "sent"), ("garden", "unoccupied", "sent"))
    assert [(one.camera, one.total("occupied")) for one in found] == [
        (None, 1),
        ("front", 1),
        ("garden", 0),
    ]


@pytest.mark.parametrize(
    ("share", "text"), [(Share(0, 0), "not known yet"), (Share(1, 8), "1 of 8 (12%)")]
)
def test_a_share_of_nothing_is_not_known(share: Share, text: str) -> None:
    assert str(share) == text


def test_without_tags_there_is_a_table_of_zeros(site: Site) -> None:
    (table,) = tables(site)
    assert (table.total("occupied"), str(table.false_alarms)) == (0, "not known yet")
