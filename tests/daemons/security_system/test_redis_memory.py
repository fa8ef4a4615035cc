"""Pictures are not in Redis's log, and a restarted Redis gets them again."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import redis

from app.daemons.security_system.spool import Publication
from app.protocol import EventRecord, Fact
from app.recording.event_folder import SnapshotPair
from app.state import Latest, State
from tests.daemons.security_system.publishing import publishing
from tests.servers.redis_server import RedisServer
from tests.waiting import until

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
EVENTS = [f"20261120T1015{number:02d}.000Z-front" for number in range(3)]


def opening(event: str) -> Publication:
    fact = Fact(f"{event}-motion_started", "motion_started", NOW, "Motion.", "front", event)
    picture = f"marked picture of {event}".encode()
    return Publication(fact, EventRecord("front", NOW), SnapshotPair(picture, b"clean"))


def test_a_restarted_redis_gets_its_pictures_again(
    durable_redis_server: RedisServer, raw: redis.Redis, tmp_path: Path
) -> None:
    keys = [f"event:{event}:snapshot" for event in EVENTS]

    def picture() -> object:
        return raw.hget("camera:front:latest", "jpeg")

    with (
        closing(State(durable_redis_server.url)) as state,
        publishing(state, tmp_path) as publisher,
    ):
        for event in EVENTS:
            publisher.publish(opening(event))
        publisher.show_latest(Latest(b"the newest picture", NOW))
        until(lambda: all(raw.mget(keys)) and picture(), "Redis has the pictures")
        # A person has deleted that event.
        raw.delete(f"event:{EVENTS[1]}")
        durable_redis_server.kill()
        log = durable_redis_server.log()
        assert EVENTS[0].encode() in log
        assert b"marked picture" not in log
        assert b"newest picture" not in log
        assert b"snapshot" not in log
        durable_redis_server.start()
        until(lambda: raw.get(keys[2]) and picture() == b"the newest picture", "they are back")
        assert raw.mget(keys) == [f"marked picture of {EVENTS[0]}".encode(), None, raw.get(keys[2])]
        assert raw.llen("snapshots") == 2
        assert raw.xlen("events") == 3
