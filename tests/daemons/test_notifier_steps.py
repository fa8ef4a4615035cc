"""The notifier step by step, with ways to the owner that a test can watch."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.daemons import notifier
from app.daemons.notifier import NotifierDaemon, Way
from app.errors import DeliveryError
from app.notify import MemoryNotifier, Message, Notifier
from app.protocol import Fact
from app.state import State
from tests.servers.programs import write_config
from tests.servers.redis_server import RedisServer

AT = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
EVENT = "20261120T101500.000Z-front"
FACT = Fact(f"{EVENT}-motion_started", "motion_started", AT, "Motion.", "front", EVENT)


class Forgetful(Notifier):
    """Shows a message each time it is given one, as a text message does, and lets Redis die when it is given the first."""

    name = "forgetful"

    def __init__(self, server: RedisServer) -> None:
        self.shown: list[str] = []
        self._server = server

    def deliver(self, message: Message) -> None:
        if not self.shown:
            self._server.kill()
        self.shown.append(message.key)


@pytest.fixture
def state(durable_redis_server: RedisServer) -> Iterator[State]:
    opened = State(durable_redis_server.url)
    yield opened
    opened.close()


def test_when_redis_dies_between_the_telling_and_its_mark_only_the_mark_is_made_up_for(
    tmp_path: Path, durable_redis_server: RedisServer, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = Forgetful(durable_redis_server)
    monkeypatch.setattr(notifier, "make_notifiers", lambda *_: [way])
    daemon = NotifierDaemon(write_config(tmp_path, durable_redis_server.url))
    state.publish(FACT)
    assert daemon.attempt() > 0
    assert daemon.attempt() > 0
    assert daemon.counters()["waiting"] == 1
    durable_redis_server.start()
    assert daemon.attempt() == 0
    daemon.close()
    daemon.state.close()
    assert way.shown == [EVENT]
    assert "delivered:forgetful" in state.delivery_marks(FACT)
    assert daemon.counters()["waiting"] == 0


def test_a_way_rests_longer_after_each_failure_up_to_a_minute_and_is_well_after_one_success() -> None:
    way = Way(MemoryNotifier())
    way.queue.extend([notifier.Alert("1-0", FACT, {"memory"}), notifier.Alert("2-0", FACT, {"memory"})])
    rests_s = []
    for _ in range(8):
        way.failed(DeliveryError("no answer"), now_s=100.0)
        rests_s.append(way.due_in_s(now_s=100.0))
    assert rests_s == [1, 2, 4, 8, 16, 32, 60, 60]
    assert way.trouble == "no answer"
    assert way.due_in_s(now_s=160.0) == 0
    way.succeeded()
    assert way.trouble is None
    assert way.due_in_s(now_s=100.0) == 0
    way.failed(DeliveryError("no answer"), now_s=100.0)
    assert way.due_in_s(now_s=100.0) == 1


def test_a_way_with_nothing_to_tell_is_never_due() -> None:
    assert Way(MemoryNotifier()).due_in_s(now_s=100.0) == float("inf")
