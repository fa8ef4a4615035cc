"""A camera reads what it is to do from a real Redis."""

from datetime import UTC, datetime, timedelta

import redis

from app import protocol
from app.protocol import Position, Request
from app.state import Latest, State

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


def test_only_a_picture_from_before_is_forgotten(state: State) -> None:
    state.forget_latest("front", NOW)
    state.set_latest("front", Latest(b"jpeg", NOW))
    state.forget_latest("front", NOW)
    assert state.latest("front")
    state.forget_latest("front", NOW + timedelta(seconds=1))
    assert state.latest("front") is None


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


def test_somebody_who_looks_asks_all_cameras_at_once(state: State, raw: redis.Redis) -> None:
    state.watch(["front", "yard"])
    found = state.camera_controls("front", "0-0")
    assert (found.watched, found.detector_watched) == (True, False)
    assert 0 < raw.ttl("camera:yard:watched") <= protocol.WATCHED_LIFE_S
    state.watch(["yard"], detector=True)
    assert state.camera_controls("yard", "0-0").detector_watched
    assert not state.camera_controls("front", "0-0").detector_watched
    assert 0 < raw.ttl("camera:yard:detector_watched") <= protocol.WATCHED_LIFE_S
    state.watch([])


def test_any_other_value_asks_a_camera_for_nothing(state: State, raw: redis.Redis) -> None:
    raw.set("camera:front:watched", b"\xff no")
    raw.rpush("camera:front:detector_watched", "1")
    found = state.camera_controls("front", "0-0")
    assert not found.watched and not found.detector_watched
    state.watch(["front"])
    state.watch(["front"], detector=True)
    found = state.camera_controls("front", "0-0")
    assert found.watched and found.detector_watched
