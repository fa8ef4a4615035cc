"""The scripts that Redis runs in one step."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
import redis

from app import protocol
from app.clock import FakeClock
from app.errors import ProtocolError, StateUnavailable
from app.protocol import ArmedBy, EventRecord, Fact, FactKind, Label, Presence, Request
from app.state import State, Tag, base_state

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
EVENT = "20261120T101500.000Z-front"


def started(number: int = 0) -> Fact:
    return Fact(f"{EVENT}-{number}", "motion_started", NOW, "Motion.", "front", EVENT)


def test_a_fact_published_again_is_on_the_stream_once(state: State, raw: redis.Redis) -> None:
    for _ in range(3):
        state.publish(started(), EventRecord("front", NOW), b"jpeg")
    assert raw.xlen("events") == 1
    assert state.event(EVENT) == EventRecord("front", NOW)
    assert state.snapshot(EVENT) == b"jpeg"


def tag(label: Label | None, by: str = "anna", minutes: int = 0) -> Request:
    return Request("tag", NOW + timedelta(minutes=minutes), by, user="U1", event=EVENT, label=label)


def test_a_tag_lands_on_its_event_and_is_requested_once(state: State, raw: redis.Redis) -> None:
    state.publish(started(), EventRecord("front", NOW))
    assert state.tag(tag("occupied")) == Tag()
    assert state.tag(tag("occupied", "ben", 1)) == Tag("occupied", "anna", NOW)
    assert state.event(EVENT) == EventRecord(
        "front", NOW, label="occupied", label_by="anna", label_at=NOW
    )
    assert raw.xlen("requests") == 1


def test_a_label_can_change_and_be_undone(state: State, raw: redis.Redis) -> None:
    state.publish(started(), EventRecord("front", NOW))
    state.tag(tag("occupied"))
    assert state.tag(tag("unoccupied", "ben", 1)) == Tag("occupied", "anna", NOW)
    assert state.tag(tag(None)) == Tag("unoccupied", "ben", NOW + timedelta(minutes=1))
    assert state.tag(tag(None)) == Tag()
    assert state.event(EVENT) == EventRecord("front", NOW)
    assert raw.xlen("requests") == 3


def test_a_tag_on_an_event_that_is_gone_requests_nothing(state: State, raw: redis.Redis) -> None:
    state.mark_event(EVENT, {"delivered:folder": "2026-11-20T10:15:01Z"})
    assert state.tag(tag("occupied")) is None
    assert not raw.exists("requests")


def test_a_commit_is_whole_and_publishes_once(state: State, raw: redis.Redis) -> None:
    fact = Fact(
        "20261120T101500.000Z-house-1", "presence_changed", NOW, "Everyone has left: armed."
    )
    for _ in range(2):
        state.commit(
            {"presence:anna": Presence(False, NOW)},
            {"home": False, "camera_status": True},
            ArmedBy("who is home", NOW, "gone"),
            fact,
        )
    assert state.get("presence:anna", Presence) == Presence(False, NOW)
    assert state.read_strings("home", "camera_status") == ["False", "True"]
    armed_by = state.get("armed_by", ArmedBy)
    assert armed_by and armed_by.why == "gone"
    assert raw.xlen("events") == 1


def test_a_commit_sent_again_overwrites_nothing_newer(state: State) -> None:
    fact = Fact(
        "20261120T101500.000Z-house-1", "presence_changed", NOW, "Everyone has left: armed."
    )
    state.commit({}, {"camera_status": True}, None, fact)
    state.set_switch("camera_status", False)
    state.commit({}, {"camera_status": True}, None, fact)
    assert state.read_strings("camera_status") == ["False"]


def test_a_commit_that_cannot_publish_stores_nothing(state: State, raw: redis.Redis) -> None:
    state.publish(started())
    raw.config_set("maxmemory", "1")
    fact = Fact(
        "20261120T101500.000Z-house-1", "presence_changed", NOW, "Everyone has left: armed."
    )
    with pytest.raises(StateUnavailable, match="maxmemory"):
        state.commit({"presence:anna": Presence(False, NOW)}, {"camera_status": True}, None, fact)
    assert set(raw.keys()) == {b"events", b"published:" + started().id.encode()}


def test_a_commit_with_one_wrong_record_stores_nothing(state: State, raw: redis.Redis) -> None:
    with pytest.raises(ProtocolError, match="hoem is not a switch"):
        state.commit({"presence:anna": Presence(False, NOW)}, {"hoem": False})
    assert raw.dbsize() == 0


def fill(raw: redis.Redis, number: int) -> None:
    """Put *number* facts on the stream: of each three, an alert, the end of its event, its clip."""
    kinds: tuple[FactKind, ...] = ("motion_started", "motion_ended", "clip_ready")
    with raw.pipeline(transaction=False) as pipe:
        for place in range(number):
            kind = kinds[place % 3]
            fact = Fact(f"f{place}", kind, NOW, "Words.", "front", alert=kind != "motion_ended")
            pipe.xadd("events", {"fact": protocol.encode(fact)})
        pipe.execute()


def kinds_of(entries: Iterable[tuple[str, Fact]]) -> Counter[str]:
    return Counter(fact.kind for _, fact in entries)


def read_all(state: State, group: str = "notifier") -> list[tuple[str, Fact]]:
    reader, found = state.facts(group, "pi"), []
    while fresh := reader.new(0):
        found += fresh
    return found


def test_facts_that_wait_for_a_stopped_notifier_are_kept(state: State, raw: redis.Redis) -> None:
    """More than the stream keeps of what everybody has read, as after an outage of days."""
    read_all(state)
    fill(raw, protocol.EVENTS_KEPT + 2_950)
    for number in range(100):
        state.publish(started(number))
    assert len(read_all(state)) == protocol.EVENTS_KEPT + 3_050
    assert not raw.exists("dropped")


@pytest.fixture
def small_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that is trimmed from 100 facts on, and may have some 1,000."""
    monkeypatch.setitem(base_state._LIMITS, "events", (100, 200_000))


@pytest.mark.usefixtures("small_stream")
def test_a_stream_keeps_what_any_group_still_needs(state: State, raw: redis.Redis) -> None:
    fill(raw, 199)
    entries = read_all(state)
    late = state.facts("uploader-pi", "uploader")
    late.new(0)
    state.publish(started(1))
    assert raw.xlen("events") == 200
    for entry, _ in late.unfinished():
        late.acknowledge(entry)
    for entry, _ in entries:
        if entry != entries[50][0]:
            state.facts("notifier", "pi").acknowledge(entry)
    fill(raw, 99)
    state.publish(started(2))
    assert raw.xrange("events", max=entries[50][0], count=2) == raw.xrange("events", count=1)
    assert not raw.exists("dropped")


@pytest.mark.usefixtures("small_stream")
def test_what_is_worth_least_is_dropped_first_and_reported(
    state: State, raw: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """The ends of events go first, then clips, then the oldest alerts."""
    state.clock = FakeClock(NOW)
    read_all(state)
    others: tuple[FactKind, ...] = ("motion_confirmed", "motion_reconfirmed", "motion_corrected")
    for kind in others:
        alert = kind != "motion_corrected"
        fact = Fact(kind, kind, NOW, "Words.", "front", alert=alert)
        raw.xadd("events", {"fact": protocol.encode(fact)})
    fill(raw, 1_996)
    state.publish(started(1))
    waiting = kinds_of(read_all(state))
    assert (waiting["motion_started"], waiting["motion_ended"]) == (667, 0)
    assert [waiting[kind] for kind in others] == [1, 1, 0]
    assert 200 < waiting["clip_ready"] < 600
    assert waiting["redis_trouble"] == 1
    assert state.read_strings("dropped") == [str(2_000 - 669 - waiting["clip_ready"])]
    assert "were dropped" in caplog.text


def fill_with_alerts(raw: redis.Redis, number: int) -> None:
    with raw.pipeline(transaction=False) as pipe:
        for place in range(number):
            pipe.xadd("events", {"fact": protocol.encode(started(place))})
        pipe.execute()


@pytest.mark.usefixtures("small_stream")
def test_alerts_that_are_read_but_not_delivered_stay(state: State, raw: redis.Redis) -> None:
    """As many as there is room for, though their readers need more memory than they."""
    fill_with_alerts(raw, 1_999)
    read_all(state)
    for number in range(2_000, 2_300):
        state.publish(started(number))
    assert 200 < raw.xlen("events") < 500
    assert read_all(state)[-1][1] == started(2_299)


@pytest.mark.usefixtures("small_stream")
def test_the_newest_alerts_are_dropped_last(state: State, raw: redis.Redis) -> None:
    read_all(state)
    fill_with_alerts(raw, 1_999)
    state.publish(started(1_999))
    left = [fact.id for _, fact in read_all(state) if fact.kind == "motion_started"]
    assert left == [started(number).id for number in range(2_000 - len(left), 2_000)]
    assert 700 < len(left) < 1_000


@pytest.mark.usefixtures("small_stream")
def test_the_group_of_another_machine_costs_no_alert(state: State, raw: redis.Redis) -> None:
    """That machine is gone, and what the notifier is done with goes first."""
    read_all(state, "uploader-gone")
    fill(raw, 1_999)
    reader, unfinished = state.facts("notifier", "pi"), []
    for entry, fact in read_all(state):
        if fact.id in ("f0", "f300"):
            unfinished.append(entry)
        else:
            reader.acknowledge(entry)
    state.publish(started(1))
    assert raw.xlen("events") < 1_200
    assert [entry for entry, _ in reader.unfinished()] == unfinished
    assert not raw.exists("dropped")


def test_the_oldest_pictures_make_room(
    state: State, raw: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "SNAPSHOT_BYTES", 30)
    events = [protocol.event_id(NOW + timedelta(seconds=number), "front") for number in range(5)]
    for event in events:
        fact = Fact(f"{event}-x", "motion_started", NOW, "Motion.", "front", event)
        state.publish(fact, EventRecord("front", NOW), b"ten bytes.")
    assert [bool(state.snapshot(event)) for event in events] == [False, False, True, True, True]
    assert (raw.get("snapshot_bytes"), raw.llen("snapshots")) == (b"30", 3)


def test_requests_are_trimmed_too(state: State, raw: redis.Redis) -> None:
    state.publish(started(), EventRecord("front", NOW))
    reader = state.requests("notifier", "pi")
    for number in range(protocol.REQUESTS_KEPT + 100):
        if number % 2:
            state.add_request(Request("last_image", NOW, "anna"))
        else:
            state.tag(tag("unoccupied" if number % 4 else "occupied"))
        for entry, _ in reader.new(0):
            reader.acknowledge(entry)
    state.add_request(Request("last_image", NOW, "anna"))
    assert raw.xlen("requests") == protocol.REQUESTS_KEPT + 1
