"""That an event happened is on disk at once, whatever its pictures, its clip and Redis do."""

import os
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.clock import SystemClock
from app.daemons.security_system.disk_writer import DiskWriter
from app.daemons.security_system.publication_writer import PublicationWriter
from app.daemons.security_system.publisher import Publisher
from app.daemons.security_system.spool import Publication, Spool
from app.protocol import EventRecord, Fact
from app.recording.event_folder import EventFolders, SnapshotPair
from app.state import State
from tests.servers.redis_server import RedisServer
from tests.waiting import until

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
EVENT = "20261120T101500.000Z-front"
PICTURES = SnapshotPair(b"marked", b"clean")


def opening() -> Publication:
    fact = Fact(f"{EVENT}-motion_started", "motion_started", NOW, "Motion.", "front", EVENT)
    return Publication(fact, EventRecord("front", NOW), drawn=threading.Event(), news="it opens")


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


@pytest.fixture
def writer(spool: Spool, tmp_path: Path) -> Iterator[PublicationWriter]:
    started = PublicationWriter(
        EventFolders(tmp_path), spool, DiskWriter(), SystemClock(), lambda: None
    )
    started.start()
    yield started
    started.stop(1.0)


def test_an_opening_is_on_disk_before_its_pictures_are_drawn(
    writer: PublicationWriter, spool: Spool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    publication, clip = opening(), threading.Event()
    writer.add(publication)
    until(lambda: "it opens" in caplog.text, "it is logged")
    assert [one.fact for one in Spool(spool.folder).load()] == [publication.fact]
    publication.pictures, publication.after = PICTURES, (clip,)
    assert publication.drawn
    publication.drawn.set()
    assert spool.first() is None
    assert not list(tmp_path.glob("events/*"))
    clip.set()
    until(spool.first, "it may go to Redis")
    assert (tmp_path / "events" / "2026-11-20" / EVENT / "snapshot.jpg").read_bytes() == b"marked"


def test_an_event_that_is_never_drawn_goes_out_without_a_picture(
    writer: PublicationWriter,
    spool: Spool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("app.daemons.security_system.publication_writer.PICTURES_PATIENCE_S", 0.05)
    writer.add(opening())
    until(spool.first, "it may go to Redis")
    assert f"{EVENT}-motion_started is published without its picture" in caplog.text


def test_a_redis_that_hangs_keeps_no_event_from_the_disk(
    durable_redis_server: RedisServer, tmp_path: Path
) -> None:
    spool = Spool(tmp_path / "spool")
    state = State(durable_redis_server.url, 30.0)
    publisher = Publisher("front", state, EventFolders(tmp_path), spool, SystemClock())
    publisher.open()
    publisher.start()
    until(lambda: publisher.controls.state.known, "Redis is asked")
    os.kill(durable_redis_server.pid, signal.SIGSTOP)
    try:
        first, second = opening(), opening()
        publisher.publish(first)
        until(lambda: first.path, "the first is on disk")
        first.drawn.set()  # type: ignore[union-attr]
        publisher.publish(second)
        until(lambda: second.path, "the second is on disk, though Redis hangs", 5.0)
    finally:
        os.kill(durable_redis_server.pid, signal.SIGCONT)
        second.drawn.set()  # type: ignore[union-attr]
        publisher.stop()
        state.close()
