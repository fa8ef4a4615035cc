"""Facts reach disk and Redis: none is lost, none comes twice, and a frame never waits."""

import contextlib
import errno
import json
import queue
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis

from app.daemons.security_system.publisher import Publisher
from app.daemons.security_system.spool import Publication
from app.errors import WorldError
from app.protocol import EventRecord, Fact, Position
from app.recording.event_folder import EventFolders, SnapshotPair
from app.state import Latest, State
from tests.clocks import NoonClock
from tests.daemons.security_system.publishing import publishing
from tests.servers.redis_server import RedisServer
from tests.waiting import until

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
Start = Callable[[], Publisher]


@pytest.fixture
def start(durable_redis_server: RedisServer, tmp_path: Path) -> Iterator[Start]:
    """Starts publishers of the camera front, like consecutive runs of its program."""
    with contextlib.ExitStack() as opened:

        def start_publisher() -> Publisher:
            state = opened.enter_context(contextlib.closing(State(durable_redis_server.url, 1.0)))
            state.clock = NoonClock()
            return opened.enter_context(publishing(state, tmp_path, NoonClock()))

        yield start_publisher


def opening(number: int) -> Publication:
    event = f"20261120T1015{number:02d}.000Z-front"
    fact = Fact(f"{event}-motion_started", "motion_started", NOW, "Motion.", "front", event)
    return Publication(
        fact, EventRecord("front", NOW), SnapshotPair(b"marked %d" % number, b"clean")
    )


def published(raw: redis.Redis) -> list[str]:
    entries: Any = raw.xrange("events")
    facts = [json.loads(stored[b"fact"]) for _, stored in entries]
    return [(fact["event"] or "")[13:15] for fact in facts]


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


def test_an_event_waits_for_its_sample_and_clip_on_disk(start: Start, raw: redis.Redis) -> None:
    before = Before(lambda: published(raw))
    start().publish(replace(opening(1), after=(before,)))
    until(lambda: published(raw) == ["01"], "the event is published")
    assert before.seen == [[]]


def test_a_disk_that_hangs_delays_an_alert_only_a_moment(
    start: Start,
    raw: redis.Redis,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.daemons.security_system.publication_writer.FILES_PATIENCE_S", 0.1)
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
    start: Start,
    state: State,
    raw: redis.Redis,
    durable_redis_server: RedisServer,
    tmp_path: Path,
) -> None:
    durable_redis_server.kill()
    with publishing(state, tmp_path) as first:
        first.publish(opening(1))
        first.publish(opening(2))
    durable_redis_server.start()
    start()
    until(lambda: published(raw) == ["01", "02"], "the next run has published them")


@pytest.mark.parametrize("is_noticed", [True, False], ids=["later", "at once"])
def test_facts_in_the_lost_second_of_redis_are_published_again(
    start: Start, raw: redis.Redis, durable_redis_server: RedisServer, is_noticed: bool
) -> None:
    publisher = start()
    publisher.publish(opening(1))
    until(lambda: published(raw) == ["01"], "it is published")
    raw.flushall()
    durable_redis_server.kill()
    if is_noticed:
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


def test_a_disk_with_errors_is_reported_once(
    start: Start, raw: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    publisher = start()
    monkeypatch.setattr("app.daemons.security_system.spool.write_atomic", refuse)
    monkeypatch.setattr(EventFolders, "write_event", refuse)
    publisher.publish(opening(1))
    until(lambda: len(published(raw)) == 2, "the event and the report are published")
    raw.set("camera_status", "True")  # it looks again
    publisher.publish(opening(2))
    until(lambda: len(published(raw)) == 3, "the next event is published")
    assert sorted(published(raw)) == ["", "01", "02"]


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


def test_a_foreign_value_under_an_event_stops_no_fact(start: Start, raw: redis.Redis) -> None:
    raw.set("event:20261120T101501.000Z-front", "x")
    raw.lpush("camera:front:latest", "x")
    publisher = start()
    publisher.show_latest(Latest(b"jpeg", NOW))
    for number in range(3):
        publisher.publish(opening(number))
    until(lambda: len(published(raw)) == 5, "all facts and two reports are out")
    assert [one for one in published(raw) if one] == ["00", "01", "02"]
    until(lambda: raw.hget("camera:front:latest", "jpeg"), "the picture is shown")


@contextlib.contextmanager
def publisher_without(command: str, folder: Path) -> Iterator[tuple[Publisher, redis.Redis]]:
    """A publisher, and a client, of a Redis that does not know *command*."""
    with (
        tempfile.TemporaryDirectory(prefix="redis-") as socket_folder,
        RedisServer(Path(socket_folder), "--rename-command", command, "") as server,
        contextlib.closing(State(server.url, 1.0)) as state,
        redis.Redis.from_url(server.url) as client,
        publishing(state, folder, NoonClock()) as publisher,
    ):
        yield publisher, client


def test_a_picture_from_before_a_mask_is_removed(start: Start, raw: redis.Redis) -> None:
    publisher = start()
    publisher.show_latest(Latest(b"old", NOW))
    until(lambda: raw.exists("camera:front:latest"), "the picture is shown")
    publisher.forget_latest(NOW + timedelta(seconds=1))
    until(lambda: not raw.exists("camera:front:latest"), "it is removed")
    publisher.show_latest(Latest(b"new", NOW + timedelta(seconds=2)))
    publisher.forget_latest(NOW + timedelta(seconds=1))
    until(lambda: raw.exists("camera:front:latest"), "a newer one stays")


def test_a_record_that_redis_refuses_is_kept_and_reported_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It refuses those of the facts that have a record."""
    with publisher_without("HSET", tmp_path) as (publisher, client):
        for number in range(4):
            has_record = number in (1, 2)
            one = opening(number)
            publisher.publish(one if has_record else Publication(one.fact))
        until(lambda: len(published(client)) == 3, "the others and the report are out")
        assert [one for one in published(client) if one] == ["00", "03"]
        assert publisher.away is None
    kept = sorted(path.name for path in (tmp_path / "spool" / "refused").iterdir())
    assert [name[13:15] for name in kept] == ["01", "02"]
    assert caplog.text.count("is not published, and is kept as") == 2


def test_facts_wait_while_redis_refuses_all(tmp_path: Path) -> None:
    """Then no record is at fault, and switches are obeyed meanwhile."""
    with publisher_without("XADD", tmp_path) as (publisher, client):
        publisher.publish(opening(0))
        until(lambda: publisher.away, "the publisher notices")
        client.set("camera_status", "False")
        until(lambda: not publisher.controls.state.armed, "the switch is obeyed")
        assert publisher.waiting == 1
    assert not (tmp_path / "spool" / "refused").exists()


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
    start: Start,
    state: State,
    raw: redis.Redis,
    durable_redis_server: RedisServer,
    tmp_path: Path,
) -> None:
    raw.set("camera_status", "False")
    with publishing(state, tmp_path) as first:
        until(lambda: first.controls.state.known, "Redis is asked")
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
    start: Start, state: State, durable_redis_server: RedisServer, tmp_path: Path
) -> None:
    durable_redis_server.kill()
    began = opening(7)
    ended = replace(EventRecord("front", NOW), ended_at=NOW + timedelta(seconds=9))
    end = replace(began.fact, id=f"{began.fact.event}-motion_ended", kind="motion_ended")
    with publishing(state, tmp_path) as first:
        first.publish(began)
        first.publish(Publication(end, ended))
    path = tmp_path / "events" / "2026-11-20" / str(began.fact.event) / "event.json"
    path.write_text(
        json.dumps({"id": began.fact.event, "camera": "front", "started_at": NOW.isoformat()})
    )
    start()
    assert json.loads(path.read_text())["ended_at"] == "2026-11-20T10:15:09Z"


def test_a_file_that_cannot_be_removed_blocks_nothing(
    start: Start, raw: redis.Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.daemons.security_system.spool.SETTLE_S", 0.5)
    monkeypatch.setattr("app.state.changes.LOOK_S", 0.5)
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


def test_a_change_of_the_switch_is_obeyed_at_once(
    start: Start, raw: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.state.changes.LOOK_S", 1000.0)
    publisher = start()
    seen: queue.SimpleQueue[bool] = queue.SimpleQueue()
    publisher.controls.on_change = lambda: seen.put(publisher.controls.state.armed)
    for wanted in (True, False, True):
        raw.set("camera_status", str(wanted))
        until(lambda: not seen.empty(), "the switch is obeyed", every_s=0.001)
        while not seen.empty():
            last = seen.get()
        assert last is wanted
