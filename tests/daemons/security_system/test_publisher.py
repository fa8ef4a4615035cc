"""Facts reach disk and Redis: none is lost, none comes twice, and a frame never waits."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis

from app.clock import SystemClock
from app.daemons.security_system.publisher import Publisher
from app.daemons.security_system.spool import Publication, Spool
from app.errors import WorldError
from app.protocol import EventRecord, Fact, Position
from app.recording.event_folder import EventFolders, SnapshotPair
from app.state import Latest, State
from tests.servers.redis_server import RedisServer
from tests.waiting import until

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
Start = Callable[[], Publisher]


@pytest.fixture
def start(durable_redis_server: RedisServer, tmp_path: Path) -> Iterator[Start]:
    """Starts publishers of the camera front, like consecutive runs of its program."""
    with contextlib.ExitStack() as opened:

        def start_publisher() -> Publisher:
            state = State(durable_redis_server.url, 1.0)
            publisher = Publisher(
                "front", state, EventFolders(tmp_path), Spool(tmp_path / "spool"), SystemClock()
            )
            publisher.open()
            publisher.start()
            opened.callback(state.close)
            opened.callback(publisher.stop)
            return publisher

        yield start_publisher


def opening(number: int) -> Publication:
    event = f"20261120T1015{number:02d}.000Z-front"
    fact = Fact(f"{event}-motion_started", "motion_started", NOW, "Motion.", "front", event)
    return Publication(
        fact, EventRecord("front", NOW), SnapshotPair(b"marked %d" % number, b"clean")
    )


def published(raw: redis.Redis) -> list[str]:
    entries: Any = raw.xrange("events")
    return [json.loads(stored[b"fact"])["event"][13:15] for _, stored in entries]


def test_an_event_is_on_disk_and_in_redis_with_its_picture(
    start: Start, raw: redis.Redis, tmp_path: Path
) -> None:
    publisher = start()
    publisher.publish(opening(7))
    until(lambda: published(raw) == ["07"], "the event is published")
    folder = tmp_path / "events" / "2026-11-20" / "20261120T101507.000Z-front"
    assert {path.name for path in folder.iterdir()} == {
        "event.json",
        "snapshot.jpg",
        "snapshot-clean.jpg",
    }
    assert json.loads((folder / "event.json").read_text())["camera"] == "front"
    assert raw.get("event:20261120T101507.000Z-front:snapshot") == b"marked 7"


class Before(threading.Event):
    """Is set as soon as somebody waits for it, and stores what *known* returns then."""

    def __init__(self, known: Callable[[], object]) -> None:
        super().__init__()
        self.seen: list[object] = []
        self._known = known

    def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002
        self.seen.append(self._known())
        return True


def test_an_event_waits_for_its_sample_and_clip_on_disk(
    start: Start, raw: redis.Redis, tmp_path: Path
) -> None:
    before = Before(lambda: (published(raw), list(tmp_path.glob("events/*"))))
    start().publish(replace(opening(1), after=(before,)))
    until(lambda: published(raw) == ["01"], "the event is published")
    assert before.seen == [([], [])]


def test_a_disk_that_hangs_delays_an_alert_only_a_moment(
    start: Start,
    raw: redis.Redis,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.daemons.security_system.publisher.PATIENCE_S", 0.1)
    start().publish(replace(opening(1), after=(threading.Event(), threading.Event())))
    until(lambda: published(raw) == ["01"], "the event is published")
    assert "is published before its sample and clip are on disk" in caplog.text


def test_facts_come_later_in_order_when_redis_was_away(
    start: Start, raw: redis.Redis, durable_redis_server: RedisServer
) -> None:
    publisher = start()
    publisher.publish(opening(0))
    until(lambda: published(raw) == ["00"], "the first is published")
    durable_redis_server.kill()
    for number in range(1, 6):
        publisher.publish(opening(number))
    until(lambda: publisher.away and publisher.waiting >= 5, "they wait")
    durable_redis_server.start()
    until(lambda: publisher.away is None and publisher.waiting == 0, "Redis has them")
    assert published(raw) == ["00", "01", "02", "03", "04", "05"]
    assert raw.get("event:20261120T101503.000Z-front:snapshot") == b"marked 3"


def test_the_next_run_hands_over_what_the_last_could_not(
    start: Start, raw: redis.Redis, durable_redis_server: RedisServer
) -> None:
    durable_redis_server.kill()
    first = start()
    first.publish(opening(1))
    first.publish(opening(2))
    first.stop()
    durable_redis_server.start()
    start()
    until(lambda: published(raw) == ["01", "02"], "the next run has published them")


def test_facts_in_the_lost_second_of_redis_are_published_again(
    start: Start, raw: redis.Redis, durable_redis_server: RedisServer, tmp_path: Path
) -> None:
    publisher = start()
    publisher.publish(opening(1))
    until(lambda: published(raw) == ["01"], "it is published")
    raw.flushall()
    durable_redis_server.kill()
    until(lambda: publisher.away, "the publisher notices")
    durable_redis_server.start()
    until(lambda: published(raw) == ["01"], "it is published again")


def test_a_full_disk_delays_no_alert(start: Start, raw: redis.Redis, tmp_path: Path) -> None:
    (tmp_path / "events").write_text("a file where the folder should be")
    (tmp_path / "spool").write_text("and here")
    publisher = start()
    publisher.publish(opening(3))
    until(lambda: published(raw) == ["03"], "the alert goes out from memory")
    assert raw.get("event:20261120T101503.000Z-front:snapshot") == b"marked 3"
    assert "the disk accepts no files" in (publisher.disk_trouble or "")
    (tmp_path / "events").unlink()
    (tmp_path / "spool").unlink()
    publisher.publish(opening(4))
    until(lambda: publisher.disk_trouble is None and published(raw) == ["03", "04"], "it recovers")


def test_a_spent_file_goes_when_its_fact_is_on_disk(
    start: Start, raw: redis.Redis, tmp_path: Path
) -> None:
    spent = tmp_path / ".clip.mp4.part"
    spent.touch()
    (tmp_path / "spool").write_text("a file where the folder should be")
    publisher = start()
    publisher.publish(Publication(replace(opening(1).fact, id="from-memory"), spent=spent))
    until(lambda: published(raw) == ["01"], "the fact goes out from memory")
    assert spent.exists()
    (tmp_path / "spool").unlink()
    publisher.publish(Publication(opening(2).fact, spent=spent))
    until(lambda: not spent.exists(), "the file is gone")
    until(lambda: published(raw) == ["01", "02"], "the fact is out")


def test_what_redis_refuses_is_logged_and_blocks_nothing(
    start: Start, raw: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    publisher = start()
    raw.lpush("camera:front:latest", "x")
    publisher.show_latest(Latest(b"jpeg", NOW))
    publisher.show_position(Position(3, 4))
    until(lambda: raw.get("camera:front:position"), "the position is shown")
    assert "the latest of camera front is not shown: Redis says: WRONGTYPE" in caplog.text
    publisher.check()


def test_a_position_is_shown_later_when_redis_was_away(
    start: Start, raw: redis.Redis, durable_redis_server: RedisServer
) -> None:
    publisher = start()
    until(lambda: publisher.controls.state.known, "Redis is asked")
    durable_redis_server.kill()
    publisher.show_position(Position(3, 4))
    until(lambda: publisher.away, "the publisher notices")
    durable_redis_server.start()
    until(lambda: raw.get("camera:front:position"), "the position is shown")


def test_a_start_without_redis_stays_disarmed(
    start: Start, raw: redis.Redis, durable_redis_server: RedisServer
) -> None:
    raw.set("camera_status", "False")
    first = start()
    until(lambda: first.controls.state.known, "Redis is asked")
    first.stop()
    durable_redis_server.kill()
    second = start()
    until(lambda: second.away, "Redis is away")
    assert not second.controls.state.armed


def test_a_disk_that_hangs_delays_no_switch(
    start: Start, raw: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = start()
    until(
        lambda: publisher.controls.state.known and publisher.notes.read("armed") == "True",
        "Redis is asked, and what it says is written down",
    )
    hangs = threading.Event()
    monkeypatch.setattr("app.daemons.security_system.notes.write_atomic", lambda *_: hangs.wait(30))
    raw.set("camera_status", "False")
    until(lambda: not publisher.controls.state.armed, "the camera is to close")
    hangs.set()


def test_a_camera_has_one_program(start: Start) -> None:
    start()
    with pytest.raises(WorldError, match="running twice"):
        start()


def test_an_end_from_the_spool_is_the_events_end(
    start: Start, raw: redis.Redis, durable_redis_server: RedisServer, tmp_path: Path
) -> None:
    durable_redis_server.kill()
    first = start()
    began = opening(7)
    ended = replace(EventRecord("front", NOW), ended_at=NOW + timedelta(seconds=9))
    first.publish(began)
    end = replace(began.fact, id=f"{began.fact.event}-motion_ended", kind="motion_ended")
    first.publish(Publication(end, ended))
    first.stop()
    path = tmp_path / "events" / "2026-11-20" / str(began.fact.event) / "event.json"
    path.write_text(
        json.dumps({"id": began.fact.event, "camera": "front", "started_at": NOW.isoformat()})
    )
    start()
    assert json.loads(path.read_text())["ended_at"] == "2026-11-20T10:15:09Z"


def test_a_file_that_cannot_be_removed_blocks_nothing(
    start: Start, raw: redis.Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.daemons.security_system.spool.SETTLE_S", 1.0)
    publisher = start()
    publisher.publish(opening(1))
    until(lambda: published(raw) == ["01"], "it is published")
    fact_file = next((tmp_path / "spool").glob("*.json"))
    fact_file.unlink()
    fact_file.mkdir()
    until(lambda: publisher.disk_trouble, "the trouble is reported", within_s=10)
    publisher.publish(opening(2))
    until(lambda: published(raw) == ["01", "02"], "it goes on")
    publisher.check()
