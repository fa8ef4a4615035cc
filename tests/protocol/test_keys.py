"""The rows of the keys in Redis, and the names that are made from them."""

import pytest

from app.protocol.keys import (
    EVENT,
    EVENT_SNAPSHOT,
    HEARTBEAT,
    KEYS,
    SWITCHES,
    Key,
    camera_key,
    changed_by_key,
    event_key,
    heartbeat_key,
    snapshot_key,
)

EVENT_ID = "20261120T101500.123Z-front"


def test_a_key_is_made_of_its_parts() -> None:
    assert event_key(EVENT_ID) == f"event:{EVENT_ID}"
    assert snapshot_key(EVENT_ID) == f"event:{EVENT_ID}:snapshot"
    assert camera_key("front", "target") == "camera:front:target"


def test_the_heartbeat_of_a_camera_has_one_part_more() -> None:
    assert heartbeat_key("notifier", "pi") == "heartbeat:notifier:pi"
    assert heartbeat_key("security_system", "pi", "front") == "heartbeat:security_system:pi:front"


@pytest.mark.parametrize("switch", SWITCHES)
def test_each_switch_has_a_key_and_one_for_who_changed_it(switch: str) -> None:
    names = [key.name for key in KEYS]
    assert switch in names
    assert changed_by_key(switch) in names


@pytest.mark.parametrize(
    ("key", "name", "matches"),
    [
        (EVENT, f"event:{EVENT_ID}", True),
        (EVENT, f"event:{EVENT_ID}:snapshot", False),
        (EVENT_SNAPSHOT, f"event:{EVENT_ID}:snapshot", True),
        (HEARTBEAT, "heartbeat:notifier:pi", True),
        (HEARTBEAT, "heartbeats", False),
        (EVENT, "my-event:1", False),
        (EVENT, "event:", False),
    ],
)
def test_a_row_knows_its_own_names(key: Key, name: str, matches: bool) -> None:
    assert key.matches(name) is matches


def test_no_name_belongs_to_two_rows() -> None:
    for key in KEYS:
        name = key.of(*"abcd"[: key.name.count("{")])
        assert [other.name for other in KEYS if other.matches(name)] == [key.name]


def test_every_row_says_what_it_holds_and_who_uses_it() -> None:
    for key in KEYS:
        assert key.holds, key.name
        assert key.written_by, key.name
        assert key.read_by, key.name
        assert bool(key.length) == (key.type == "stream"), key.name
