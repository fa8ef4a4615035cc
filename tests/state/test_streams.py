"""Streams, read by groups of readers, on a real Redis."""

from datetime import UTC, datetime

import pytest
import redis

from app.protocol import Fact
from app.state import State

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
EVENT = "20261120T101500.000Z-front"


def started(number: int = 0) -> Fact:
    return Fact(f"{EVENT}-{number}", "motion_started", NOW, "Motion.", "front", EVENT)


def test_a_reader_gets_new_facts_and_its_unfinished_ones(state: State) -> None:
    reader = state.facts("notifier", "one")
    for number in range(3):
        state.publish(started(number))
    first, *_ = reader.new(0.1)
    reader.acknowledge(first[0])
    assert [fact.id for _, fact in state.facts("notifier", "one").unfinished()] == [
        f"{EVENT}-1",
        f"{EVENT}-2",
    ]
    assert reader.new(0.05) == []


def test_two_readers_of_a_group_share_the_facts(state: State) -> None:
    one, two = state.facts("notifier", "one"), state.facts("notifier", "two")
    state.publish(started(0))
    assert len(one.new(0.1)) == 1
    state.publish(started(1))
    assert [fact.id for _, fact in two.new(0.1)] == [f"{EVENT}-1"]


def test_a_reader_goes_on_after_the_stream_was_deleted(state: State, raw: redis.Redis) -> None:
    reader = state.facts("notifier", "one")
    reader.unfinished()
    raw.flushall()
    state.publish(started())
    assert len(reader.new(0.1)) == 1


def test_a_group_that_left_holds_nothing(state: State, raw: redis.Redis) -> None:
    reader = state.facts("uploader-pi", "one")
    reader.leave()
    state.publish(started())
    assert len(reader.new(0)) == 1
    reader.leave()
    assert raw.xinfo_groups("events") == []


def test_garbage_on_the_stream_is_dropped_and_logged(
    state: State, raw: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    reader = state.facts("notifier", "one")
    raw.xadd("events", {"fact": '{"id": 3}'})
    raw.xadd("events", {"nonsense": "x"})
    state.publish(started())
    assert [fact.id for _, fact in reader.new(0.1)] == [f"{EVENT}-0"]
    assert caplog.text.count("dropped from the stream events") == 2


def test_facts_behind_a_whole_batch_of_garbage_are_read(state: State, raw: redis.Redis) -> None:
    """Half a digest must not count as a whole one, and a dead reader must leave no entries."""
    reader = state.facts("notifier", "one")
    for _ in range(250):
        raw.xadd("events", {"nonsense": "x"})
    state.publish(started())
    raw.xgroup_create("events", "notifier", id="0")
    raw.xreadgroup("notifier", "one", {"events": ">"}, count=1000)
    assert [fact.id for _, fact in reader.all_unfinished()] == [f"{EVENT}-0"]
    raw.xgroup_setid("events", "notifier", id="0")
    assert [fact.id for _, fact in reader.new(0)] == [f"{EVENT}-0"]
    assert raw.xpending("events", "notifier")["pending"] == 1
