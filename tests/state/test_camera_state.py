"""A camera reads what it is to do from a real Redis."""

from datetime import UTC, datetime

import redis

from app import protocol
from app.protocol import Position, Request
from app.state import State

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)


def test_a_camera_reads_its_controls_in_one_round_trip(state: State, raw: redis.Redis) -> None:
    state.set_switch("camera_status", False)
    state.put("camera:front:target", Position(10, -5))
    state.add_request(Request("last_image", NOW, "anna", "front"))
    raw.xadd("requests", {"request": "{"})
    wishes = state.camera_controls("front", "0-0")
    assert wishes.camera_status == "False"
    assert protocol.decode(Position, wishes.target or "") == Position(10, -5)
    assert not wishes.watched
    assert [asked and asked.by for asked in wishes.asked] == ["anna", None]
    assert state.camera_controls("front", wishes.newest).asked == ()


def test_requests_of_an_emptied_redis_are_read_from_the_start(
    state: State, raw: redis.Redis
) -> None:
    """A clock that was ahead has made the position, and then the requests were lost."""
    state.add_request(Request("last_image", NOW, "anna"))
    assert state.camera_controls("front", "99999999999999-0").asked
    raw.flushall()
    assert state.camera_controls("front", "99999999999999-0").newest == "0-0"
    state.add_request(Request("last_image", NOW, "ben"))
    again = state.camera_controls("front", "0-0")
    assert [asked and asked.by for asked in again.asked] == ["ben"]
    assert state.camera_controls("front", again.newest).asked == ()
