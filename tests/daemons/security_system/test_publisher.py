"""A camera's line to disk and Redis: nothing is lost, nothing comes twice, and the owner never
waits.
"""

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
from app.daemons.security_system.publisher import Link, News
from app.daemons.security_system.spool import Spool
from app.errors import WorldError
from app.protocol import EventRecord, Fact, Label, Position, Request
from app.recording.event_folder import EventFolders, SnapshotPair
from app.state import Latest, State
from tests.servers.redis_server import RedisServer
from tests.waiting import until

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
Start = Callable[[], Link]


@pytest.fixture
def start(durable_redis_server: RedisServer, tmp_path: Path) -> Iterator[Start]:
    """Starts a link of the camera front, as one run of its program after another does."""
    with contextlib.ExitStack() as open_links:

        def start_link() -> Link:
            state = State(durable_redis_server.url, 1.0)
            link = Link(
                "front", state, EventFolders(tmp_path), Spool(tmp_path / "spool"), SystemClock()
            )
            link.open()
            link.start()
            open_links.callback(state.close)
            open_links.callback(link.stop)
            return link

        yield start_link


@pytest.fixture
def raw(durable_redis_server: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(durable_redis_server.url) as client:
        yield client


def news(number: int) -> News:
    event = f"20261120T1015{number:02d}.000Z-front"
    fact = Fact(f"{event}-motion_started", "motion_started", NOW, "Motion.", "front", event)
    return News(fact, EventRecord("front", NOW), SnapshotPair(b"marked %d" % number, b"clean"))


def published(raw: redis.Redis) -> list[str]:
    entries: Any = raw.xrange("events")
    return [json.loads(stored[b"fact"])["event"][13:15] for _, stored in entries]


def test_an_event_is_on_disk_and_in_redis_with_its_picture(
    start: Start, raw: redis.Redis, tmp_path: Path
) -> None:
    link = start()
    link.tell(news(7))
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
    """Something that is to be done before a fact is told; it is as soon as that is waited for, and
    notes what was told by then.
    """

    def __init__(self, known: Callable[[], object]) -> None:
        super().__init__()
        self.seen: list[object] = []
        self._known = known

    def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002
        self.seen.append(self._known())
        return True


def test_nobody_hears_of_an_event_before_what_would_be_lost_with_the_program_is_on_disk(
    start: Start, raw: redis.Redis, tmp_path: Path
) -> None:
    before = Before(lambda: (published(raw), list(tmp_path.glob("events/*"))))
    start().tell(replace(news(1), after=(before,)))
    until(lambda: published(raw) == ["01"], "the event is published")
    assert before.seen == [([], [])]


def test_a_disk_that_hangs_holds_an_alert_up_for_a_moment_only(
    start: Start,
    raw: redis.Redis,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.daemons.security_system.publisher.PATIENCE_S", 0.1)
    start().tell(replace(news(1), after=(threading.Event(), threading.Event())))
    until(lambda: published(raw) == ["01"], "the event is published")
    assert "is told before its sample and film are on disk" in caplog.text


def test_what_happens_while_redis_is_away_comes_later_in_order_and_once(
    start: Start, raw: redis.Redis, durable_redis_server: RedisServer
) -> None:
    link = start()
    link.tell(news(0))
    until(lambda: published(raw) == ["00"], "the first is published")
    durable_redis_server.kill()
    for number in range(1, 6):
        link.tell(news(number))
    until(lambda: link.away and link.waiting >= 5, "they wait")
    durable_redis_server.start()
    until(lambda: link.away is None and link.waiting == 0, "Redis has them")
    assert published(raw) == ["00", "01", "02", "03", "04", "05"]
    assert raw.get("event:20261120T101503.000Z-front:snapshot") == b"marked 3"


def test_another_run_hands_over_what_the_last_one_could_not(
    start: Start, raw: redis.Redis, durable_redis_server: RedisServer
) -> None:
    durable_redis_server.kill()
    first = start()
    first.tell(news(1))
    first.tell(news(2))
    first.stop()
    durable_redis_server.start()
    start()
    until(lambda: published(raw) == ["01", "02"], "the next run has published them")


def test_a_redis_that_lost_its_last_second_is_told_again(
    start: Start, raw: redis.Redis, durable_redis_server: RedisServer, tmp_path: Path
) -> None:
    link = start()
    link.tell(news(1))
    until(lambda: published(raw) == ["01"], "it is published")
    raw.flushall()
    durable_redis_server.kill()
    until(lambda: link.away, "the link notices")
    durable_redis_server.start()
    until(lambda: published(raw) == ["01"], "it is published again")


def test_a_full_disk_holds_no_alert_up(start: Start, raw: redis.Redis, tmp_path: Path) -> None:
    (tmp_path / "events").write_text("a file where the folder should be")
    (tmp_path / "spool").write_text("and here")
    link = start()
    link.tell(news(3))
    until(lambda: published(raw) == ["03"], "the alert goes out from memory")
    assert raw.get("event:20261120T101503.000Z-front:snapshot") == b"marked 3"
    assert "the disk takes nothing" in (link.disk_trouble or "")
    (tmp_path / "events").unlink()
    (tmp_path / "spool").unlink()
    link.tell(news(4))
    until(lambda: link.disk_trouble is None and published(raw) == ["03", "04"], "it recovers")


def test_wishes_are_followed_and_a_broken_one_changes_nothing(
    start: Start, raw: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    raw.set("camera_status", "False")
    raw.set("camera:front:target", '{"pan_deg": 20, "tilt_deg": -10}')
    link = start()
    until(lambda: link.wishes.known, "Redis is asked")
    assert (link.wishes.armed, link.wishes.target) == (False, Position(20, -10))
    raw.set("camera_status", "maybe")
    raw.set("camera:front:target", '{"pan_deg": 200, "tilt_deg": 0}')
    raw.set("camera:front:watched", "1", ex=5)
    until(lambda: link.wishes.watched, "Redis is asked again")
    assert (link.wishes.armed, link.wishes.target) == (False, Position(20, -10))
    assert "camera_status is 'maybe'" in caplog.text
    assert "pan_deg" in caplog.text


def test_a_request_counts_once_and_only_for_its_camera_and_while_somebody_waits_for_it(
    start: Start, raw: redis.Redis, durable_redis_server: RedisServer
) -> None:
    link = start()
    until(lambda: link.wishes.known, "Redis is asked")
    with contextlib.closing(State(durable_redis_server.url)) as state:
        for camera in ("front", "back", None):
            state.add_request(Request("last_image", datetime.now(UTC), "anna", camera))
        state.add_request(Request("last_image", NOW, "anna", "front"))
    until(lambda: link.wishes.images_asked == 2, "both are noticed")


def test_a_clip_is_asked_of_its_camera_and_the_newest_request_tells_when(
    start: Start, durable_redis_server: RedisServer
) -> None:
    link = start()
    now = datetime.now(UTC)
    with contextlib.closing(State(durable_redis_server.url)) as state:
        for camera, at in (
            ("front", now - timedelta(seconds=2)),
            ("back", now),
            ("front", now - timedelta(seconds=1)),
            ("front", NOW),
        ):
            state.add_request(Request("clip", at, "anna", camera))
    until(lambda: link.wishes.clips_asked == 2, "both are noticed")
    assert link.wishes.clip_asked_at == now - timedelta(seconds=1)
    assert link.wishes.images_asked == 0


def test_a_spent_file_goes_when_its_fact_is_written_down_and_not_before(
    start: Start, raw: redis.Redis, tmp_path: Path
) -> None:
    spent = tmp_path / ".clip.mp4.part"
    spent.touch()
    (tmp_path / "spool").write_text("a file where the folder should be")
    link = start()
    link.tell(News(replace(news(1).fact, id="told-from-memory"), spent=spent))
    until(lambda: published(raw) == ["01"], "the fact goes out from memory")
    assert spent.exists()
    (tmp_path / "spool").unlink()
    link.tell(News(news(2).fact, spent=spent))
    until(lambda: not spent.exists(), "the file is gone")
    until(lambda: published(raw) == ["01", "02"], "the fact is out")


def tag(state: State, event: str, label: Label | None, user: str = "U1") -> None:
    state.add_request(Request("tag", NOW, "anna", event=event, label=label, user=user))


def test_a_tag_lands_beside_its_event_and_goes_with_its_undo(
    start: Start, durable_redis_server: RedisServer, tmp_path: Path
) -> None:
    link = start()
    link.tell(news(7))
    label = tmp_path / "events" / "2026-11-20" / "20261120T101507.000Z-front" / "label.json"
    until(label.parent.is_dir, "the event is on disk")
    with contextlib.closing(State(durable_redis_server.url)) as state:
        tag(state, "20261120T101507.000Z-back", "occupied")
        tag(state, "20261120T101507.000Z-front", "occupied")
        until(label.exists, "the label is there")
        facts = json.loads(label.read_text())
        assert facts == {
            "label": "occupied",
            "user": "U1",
            "time": "2026-11-20T10:15:00+00:00",
            "event": "20261120T101507.000Z-front",
        }
        tag(state, "20261120T101507.000Z-front", "unoccupied")
        until(lambda: "unoccupied" in label.read_text(), "the other label")
        tag(state, "20261120T101507.000Z-front", None)
        until(lambda: not label.exists(), "it is gone again")


def test_a_tag_given_while_the_camera_is_down_lands_later_and_once(
    start: Start, durable_redis_server: RedisServer, tmp_path: Path
) -> None:
    first = start()
    first.tell(news(7))
    label = tmp_path / "events" / "2026-11-20" / "20261120T101507.000Z-front" / "label.json"
    until(label.parent.is_dir, "the event is on disk")
    first.stop()
    with contextlib.closing(State(durable_redis_server.url)) as state:
        tag(state, "20261120T101507.000Z-front", "occupied")
        second = start()
        until(label.exists, "the label is there")
        second.stop()
        label.unlink()
        third = start()
        until(lambda: third.wishes.known, "Redis is asked")
    assert not label.exists()


@pytest.mark.parametrize(
    "event",
    [
        "..",
        "20261120T101507.000Z-front-",
        "20261120T101507.000Z-../../front",
        "20261320T101507.000Z-front",
    ],
)
def test_a_tag_for_what_is_no_event_writes_nothing(
    start: Start, raw: redis.Redis, tmp_path: Path, event: str
) -> None:
    link = start()
    until(lambda: link.wishes.known, "Redis is asked")
    raw.xadd(
        "requests",
        {
            "request": json.dumps(
                {
                    "kind": "tag",
                    "at": "2026-11-20T10:15:00Z",
                    "by": "x",
                    "event": event,
                    "label": "occupied",
                }
            )
        },
    )
    raw.set("camera:front:watched", "1")
    until(
        lambda: link.wishes.watched and (tmp_path / "spool" / "asked-up-to").exists(),
        "the request was read",
    )
    link.check()
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {
        "armed",
        "asked-up-to",
        "lock",
    }


def test_what_redis_refuses_is_said_and_keeps_nothing_else_from_being_shown(
    start: Start, raw: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    link = start()
    raw.lpush("camera:front:latest", "x")
    link.show_latest(Latest(b"jpeg", NOW))
    link.show_position(Position(3, 4))
    until(lambda: raw.get("camera:front:position"), "the position is shown")
    assert "the latest of camera front is not shown: Redis says: WRONGTYPE" in caplog.text
    link.check()


def test_what_is_to_be_shown_while_redis_is_away_is_shown_later(
    start: Start, raw: redis.Redis, durable_redis_server: RedisServer
) -> None:
    link = start()
    until(lambda: link.wishes.known, "Redis is asked")
    durable_redis_server.kill()
    link.show_position(Position(3, 4))
    until(lambda: link.away, "the link notices")
    durable_redis_server.start()
    until(lambda: raw.get("camera:front:position"), "the position is shown")


def test_a_disarmed_camera_stays_disarmed_when_it_starts_without_redis(
    start: Start, raw: redis.Redis, durable_redis_server: RedisServer
) -> None:
    raw.set("camera_status", "False")
    first = start()
    until(lambda: first.wishes.known, "Redis is asked")
    first.stop()
    durable_redis_server.kill()
    second = start()
    until(lambda: second.away, "Redis is away")
    assert not second.wishes.armed


def test_a_card_that_hangs_holds_no_switch_up(
    start: Start, raw: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = start()
    until(
        lambda: link.wishes.known and link.noted("armed") == "True",
        "Redis is asked, and what it says is written down",
    )
    hangs = threading.Event()
    monkeypatch.setattr(
        "app.daemons.security_system.publisher.write_atomic", lambda *_: hangs.wait(30)
    )
    raw.set("camera_status", "False")
    until(lambda: not link.wishes.armed, "the camera is to close")
    hangs.set()


def test_a_switch_that_the_disk_refuses_is_written_down_when_it_takes_files_again(
    start: Start, raw: redis.Redis, tmp_path: Path
) -> None:
    (tmp_path / "spool" / "armed").mkdir(parents=True)
    raw.set("camera_status", "False")
    link = start()
    until(lambda: link.disk_trouble, "the disk refuses")
    (tmp_path / "spool" / "armed").rmdir()
    until(lambda: link.noted("armed") == "False", "it is written")


def test_a_camera_has_one_program(start: Start) -> None:
    start()
    with pytest.raises(WorldError, match="running twice"):
        start()


def test_an_end_that_was_not_handed_over_is_the_events_end(
    start: Start, raw: redis.Redis, durable_redis_server: RedisServer, tmp_path: Path
) -> None:
    durable_redis_server.kill()
    first = start()
    began = news(7)
    ended = replace(EventRecord("front", NOW), ended_at=NOW + timedelta(seconds=9))
    first.tell(began)
    first.tell(
        News(replace(began.fact, id=f"{began.fact.event}-motion_ended", kind="motion_ended"), ended)
    )
    first.stop()
    path = tmp_path / "events" / "2026-11-20" / str(began.fact.event) / "event.json"
    path.write_text(
        json.dumps({"id": began.fact.event, "camera": "front", "started_at": NOW.isoformat()})
    )
    start()
    assert json.loads(path.read_text())["ended_at"] == "2026-11-20T10:15:09Z"


def test_files_that_cannot_be_removed_end_nothing(
    start: Start, raw: redis.Redis, tmp_path: Path
) -> None:
    link = start()
    link.tell(news(1))
    until(lambda: published(raw) == ["01"], "it is published")
    fact_file = next((tmp_path / "spool").glob("*.json"))
    fact_file.unlink()
    fact_file.mkdir()
    until(lambda: link.disk_trouble, "the trouble is said", within_s=10)
    link.tell(news(2))
    until(lambda: published(raw) == ["01", "02"], "it goes on")
    link.check()


def test_a_note_is_there_for_the_next_run_until_it_is_taken_away(
    start: Start, tmp_path: Path
) -> None:
    first = start()
    assert first.noted("opening") is None
    first.note("opening", "an old line")
    first.note("opening", "the line")
    until(lambda: first.noted("opening") == "the line", "it is written")
    first.stop()
    second = start()
    assert second.noted("opening") == "the line"
    second.note("opening", None)
    until(lambda: second.noted("opening") is None, "it is taken away")
    second.note("opening", None)
    second.stop()
    assert second.disk_trouble is None


def test_a_note_that_the_disk_refuses_is_written_when_it_takes_files_again(
    start: Start, tmp_path: Path
) -> None:
    link = start()
    (tmp_path / "spool" / "opening").mkdir()
    link.note("opening", "the line")
    until(lambda: link.disk_trouble, "the disk refuses")
    (tmp_path / "spool" / "opening").rmdir()
    until(lambda: link.noted("opening") == "the line", "it is written")
