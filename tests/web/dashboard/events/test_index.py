"""The events of the disk and of Redis as one list, newest first."""

import time
from dataclasses import replace
from datetime import date
from shutil import rmtree

import pytest

from app.clock import FakeClock
from app.protocol import Request, event_id, host_name
from app.state import State
from app.web.dashboard.events.disk import EventDisk
from app.web.dashboard.events.index import EVERY_EVENT, EventFilter, EventIndex
from app.web.dashboard.events.words import place_of
from tests.web.dashboard.conftest import Site
from tests.web.dashboard.made_events import FIRST, an_event, folder_of, publish_event, write_event


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(FIRST)


@pytest.fixture
def index(site: Site, clock: FakeClock) -> EventIndex:
    return EventIndex(site.config, site.state, clock)


def shown(index: EventIndex, wanted: EventFilter = EVERY_EVENT) -> list[str]:
    return [row.id for row in index.page(wanted)]


def test_events_of_both_sources_come_newest_first(site: Site, index: EventIndex) -> None:
    here = write_event(site.data_dir, an_event(1))
    publish_event(site.state, an_event(1))
    before = write_event(site.data_dir, an_event(-24 * 60))
    elsewhere = publish_event(site.state, an_event(2, "garden"), host="shed", snapshot=b"jpeg")
    rows = index.page()
    assert [row.id for row in rows] == [elsewhere, here, before]
    assert [(row.is_here, row.host, row.has_clip) for row in rows] == [
        (False, "shed", False),
        (True, None, True),
        (True, None, True),
    ]
    assert all(row.has_snapshot and row.lasted_s == 42 for row in rows)


def test_pages_follow_one_another_while_events_arrive(
    site: Site, index: EventIndex, clock: FakeClock
) -> None:
    events = [write_event(site.data_dir, an_event(minute)) for minute in range(5)][::-1]
    first = index.page(count=2)
    write_event(site.data_dir, an_event(9))
    clock.advance(2)
    second = index.page(before=first[-1].id, count=2)
    third = index.page(before=second[-1].id, count=2)
    assert [row.id for row in (*first, *second, *third)] == events


def test_what_changes_is_noticed_within_seconds(
    site: Site, index: EventIndex, clock: FakeClock
) -> None:
    event = write_event(site.data_dir, an_event(), clip=None)
    other = write_event(site.data_dir, an_event(1))
    assert [row.has_clip for row in index.page()] == [True, False]
    (folder_of(site.data_dir, event) / "clip.mp4").write_bytes(b"clip")
    rmtree(folder_of(site.data_dir, other))
    clock.advance(2)
    assert [(row.id, row.has_clip) for row in index.page()] == [(event, True)]


def test_a_tag_in_redis_counts_before_the_disk_has_it(
    site: Site, index: EventIndex, clock: FakeClock
) -> None:
    tagged = write_event(site.data_dir, replace(an_event(), label="unoccupied"))
    untagged = write_event(site.data_dir, an_event(1))
    for record in (replace(an_event(), label="unoccupied"), an_event(1)):
        publish_event(site.state, record)
    assert shown(index, EventFilter(label="untagged")) == [untagged]
    site.state.tag(Request("tag", FIRST, "Ben", event=tagged))
    site.state.tag(Request("tag", FIRST, "Ben", event=untagged, label="occupied"))
    clock.advance(2)
    assert shown(index, EventFilter(label="untagged")) == [tagged]
    assert shown(index, EventFilter(label="unoccupied")) == []
    row = index.row(untagged)
    assert row
    assert (row.label, row.label_by) == ("occupied", "Ben")
    assert index.count(EventFilter(label="occupied")) == 1


def test_filters_choose_by_camera_what_and_day(site: Site, index: EventIndex) -> None:
    cat = replace(an_event(1), seen="cat", decision="held")
    garden = an_event(2, "garden")
    yesterday = an_event(-24 * 60)
    events = [write_event(site.data_dir, one) for one in (cat, garden, yesterday)]
    assert shown(index, EventFilter(camera="garden")) == [events[1]]
    assert shown(index, EventFilter(what="cat")) == [events[0]]
    assert shown(index, EventFilter(what="held")) == [events[0]]
    assert shown(index, EventFilter(day=date(2026, 11, 19))) == [events[2]]
    assert shown(index, EventFilter("front", day=date(2026, 11, 20))) == [events[0]]
    assert shown(index, EventFilter(day=date(2026, 11, 18))) == []


def test_garbage_costs_only_its_own_event(site: Site, index: EventIndex) -> None:
    whole = write_event(site.data_dir, an_event(5))
    broken = write_event(site.data_dir, an_event(4))
    (folder_of(site.data_dir, broken) / "event.json").write_bytes(b'{"id": [')
    stranger = write_event(site.data_dir, an_event(3))
    (folder_of(site.data_dir, stranger) / "event.json").write_text('{"id": "other"}')
    deep = write_event(site.data_dir, replace(an_event(2), label="occupied"))
    (folder_of(site.data_dir, deep) / "label.json").write_bytes(b"[" * 60_000)
    day = site.data_dir / "events" / "2026-11-20"
    (day / "20261399T100000.000Z-front").mkdir()
    (day / "20261120T100000.000Z-empty").mkdir()
    (day / "20261120T100000.000Z-link").symlink_to(day / whole)
    (site.data_dir / "events" / "2026-11-21").write_text("no folder")
    redis = site.state._redis
    redis.xadd("events", {"fact": "{"})
    redis.xadd("requests", {"request": b"\xff"})
    redis.xadd("events", {"other": "x"})
    lost = publish_event(site.state, an_event(1, "garden"))
    redis.hset(f"event:{lost}", "started_at", "soon")
    wrong = publish_event(site.state, an_event(0, "garden"))
    redis.delete(f"event:{wrong}")
    redis.set(f"event:{wrong}", "text")
    rows = index.page()
    assert [row.id for row in rows] == [whole, broken, stranger, deep]
    assert [row.lasted_s for row in rows] == [42, None, None, 42]


def test_streams_of_another_type_count_as_empty(site: Site, index: EventIndex) -> None:
    event = write_event(site.data_dir, an_event())
    site.state._redis.set("events", "text")
    site.state._redis.set("requests", "text")
    assert shown(index) == [event]
    assert index.trouble is None


def test_without_redis_the_disk_is_shown(site: Site, clock: FakeClock) -> None:
    event = write_event(site.data_dir, an_event())
    state = State("unix:///nowhere/redis.sock")
    index = EventIndex(site.config, state, clock)
    assert shown(index) == [event]
    assert index.trouble
    found = index.row(event)
    assert found
    assert found.has_clip


def test_a_long_stream_is_read_back_to_the_wanted_day(site: Site, index: EventIndex) -> None:
    old = publish_event(site.state, an_event(-3 * 24 * 60, "garden"))
    with site.state._redis.pipeline() as pipe:
        for _ in range(1100):
            pipe.xadd("events", {"other": "x"})
        pipe.execute()
    here = write_event(site.data_dir, an_event())
    assert shown(index) == [here, old]
    assert index.row(event_id(FIRST, "garden")) is None


def test_a_page_of_a_long_past_costs_little_more(site: Site) -> None:
    took_s = []
    for name, count in (("short", 60), ("long", 600)):
        folder = site.data_dir / name
        for number in range(count):
            record = an_event(-number * 10)
            write_event(folder, record, clip=None, pictures=False)
        index = EventIndex(site.config.model_copy(update={"data_dir": folder}), site.state)
        assert index.count() == count
        took_s.append(min(cpu_s(index) for _ in range(5)))
    assert took_s[1] < 3 * took_s[0]


def cpu_s(index: EventIndex) -> float:
    began_s = time.thread_time()
    assert len(index.page()) == 50
    return time.thread_time() - began_s


def test_a_deleted_recording_stays_as_redis_knows_it(
    site: Site, index: EventIndex, clock: FakeClock
) -> None:
    event = write_event(site.data_dir, an_event())
    publish_event(site.state, an_event(), host=host_name())
    assert [row.is_here for row in index.page()] == [True]
    rmtree(folder_of(site.data_dir, event).parent)
    clock.advance(2)
    (row,) = index.page()
    assert (row.id, row.is_here, place_of(row)) == (event, False, "deleted")


def test_a_folder_below_another_day_is_no_event(site: Site, index: EventIndex) -> None:
    event = write_event(site.data_dir, an_event())
    folder = folder_of(site.data_dir, event)
    moved = folder.parent.with_name("2026-11-19")
    moved.mkdir()
    folder.rename(moved / event)
    assert index.page() == []
    assert index.row(event) is None


def test_what_was_read_ahead_is_not_read_again(
    site: Site, index: EventIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = [write_event(site.data_dir, an_event(-24 * 60 * day)) for day in range(4)]
    index.read_ahead()
    monkeypatch.setattr(EventDisk, "_row", None)
    assert shown(index) == days
