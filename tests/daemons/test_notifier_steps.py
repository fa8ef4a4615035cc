"""The notifier step by step, with ways to the owner that a test can watch."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app import protocol
from app.clock import FakeClock
from app.daemons import notifier
from app.daemons.notifier import NotifierDaemon, Way
from app.errors import DeliveryError, StateUnavailable
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


@dataclass
class Stage:
    """A daemon whose only way is *way*, on a fake clock."""

    daemon: NotifierDaemon
    clock: FakeClock
    way: MemoryNotifier

    def told(self) -> list[str]:
        return [message.key for message in self.way.messages]


@pytest.fixture
def state(durable_redis_server: RedisServer) -> Iterator[State]:
    opened = State(durable_redis_server.url)
    yield opened
    opened.close()


@pytest.fixture
def stage(tmp_path: Path, durable_redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    way, clock = MemoryNotifier(), FakeClock()
    monkeypatch.setattr(notifier, "make_notifiers", lambda *_: [way])
    daemon = NotifierDaemon(write_config(tmp_path, durable_redis_server.url), clock=clock)
    yield Stage(daemon, clock, way)
    daemon.close()
    daemon.state.close()
    assert way.closed


def test_when_redis_dies_between_the_telling_and_its_mark_only_the_mark_is_made_up_for(
    stage: Stage, durable_redis_server: RedisServer, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = Forgetful(durable_redis_server)
    monkeypatch.setattr(notifier, "make_notifiers", lambda *_: [way, stage.way])
    state.publish(FACT)
    assert stage.daemon.attempt() > 0
    assert stage.daemon.attempt() > 0
    assert stage.daemon.counters()["waiting"] == 1
    durable_redis_server.start()
    assert stage.daemon.attempt() == 0
    assert way.shown == stage.told() == [EVENT]
    assert "delivered:forgetful" in state.delivery_marks(FACT)
    assert stage.daemon.counters()["waiting"] == 0


def test_what_another_notifier_has_told_meanwhile_is_not_told_again(stage: Stage, state: State) -> None:
    stage.way.fail_next(1)
    state.publish(FACT)
    stage.daemon.attempt()
    assert stage.daemon.counters()["memory_trouble"] == "told to fail"
    state.mark_delivery(FACT, {"delivered:memory": AT.isoformat()})
    stage.clock.advance(1)
    stage.daemon.attempt()
    assert stage.told() == []
    assert [stage.daemon.counters()[name] for name in ("waiting", "memory_trouble")] == [0, None]


def test_what_was_told_before_a_kill_is_not_marked_as_held_afterwards(stage: Stage, state: State) -> None:
    state.publish(FACT)
    state.mark_delivery(FACT, {"delivered:memory": AT.isoformat()})
    state.set_switch("camera_notifications", False)
    stage.daemon.attempt()
    assert stage.told() == []
    assert "held" not in state.delivery_marks(FACT)


def test_what_was_held_back_before_a_kill_is_not_told_afterwards(stage: Stage, state: State) -> None:
    state.publish(FACT)
    state.mark_delivery(FACT, {"held": "camera_notifications is False"})
    stage.daemon.attempt()
    assert stage.told() == []
    assert state.facts("notifier", protocol.host_name()).unfinished() == []


def test_a_fact_that_was_read_as_redis_went_away_is_told_when_it_is_back(
    stage: Stage, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(fact: Fact) -> dict[str, str]:
        raise StateUnavailable(f"Redis went away before the marks of {fact.id} were read")

    stage.daemon.attempt()
    state.publish(FACT)
    with monkeypatch.context() as patched:
        patched.setattr(stage.daemon.state, "delivery_marks", away)
        assert stage.daemon.attempt() > 0
    stage.daemon.attempt()
    assert stage.told() == [EVENT]


def test_a_way_rests_longer_after_each_failure_up_to_a_minute_and_is_well_after_one_success() -> None:
    way = Way(MemoryNotifier())
    way.queue.extend([notifier.Alert("1-0", FACT, {"memory"}), notifier.Alert("2-0", FACT, {"memory"})])
    rests_s = []
    for _ in range(8):
        way.failed(DeliveryError("no answer"), now_s=100.0)
        rests_s.append(way.due_in_s(now_s=100.0))
    assert rests_s == [1, 2, 4, 8, 16, 32, 60, 60]
    assert (way.trouble, way.due_in_s(now_s=160.0)) == ("no answer", 0)
    way.succeeded()
    assert way.trouble is None
    assert way.due_in_s(now_s=100.0) == 0
    way.failed(DeliveryError("no answer"), now_s=100.0)
    assert way.due_in_s(now_s=100.0) == 1


def test_a_way_with_nothing_to_tell_is_never_due() -> None:
    assert Way(MemoryNotifier()).due_in_s(now_s=100.0) == float("inf")
