"""A program that falls silent is announced once, and once when it sends them again."""

import socket
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis

from app import protocol
from app.clock import FakeClock
from app.daemons.notifier.heartbeat_monitor import HeartbeatMonitor
from app.errors import StateUnavailable
from app.programs import Program
from app.protocol import Fact, Heartbeat, SteadinessRecord
from app.state import Reader, State
from tests.servers.redis_server import RedisServer

HOST = protocol.host_name()
OWN = protocol.heartbeat_key("notifier", HOST)
FRONT = protocol.heartbeat_key("security_system", HOST, "front")
EXPECTED = (Program("security_system", "front"), Program("notifier"))


class Scene:
    """A monitor on a fake clock; the test says which programs beat."""

    def __init__(self, server: RedisServer) -> None:
        self.state = State(server.url)
        self.redis: Any = redis.Redis.from_url(server.url, decode_responses=True)
        self.clock = FakeClock()
        self.reader: Reader[Fact] = self.state.facts("test", "test")
        self.monitor = self.restarted()

    def restarted(self) -> HeartbeatMonitor:
        return HeartbeatMonitor(self.state, self.clock, OWN, EXPECTED)

    def live(self, *beating: str, seconds: float = 10.0) -> None:
        """Let *seconds* pass in which only *beating* beat, and check."""
        self.clock.advance(seconds)
        for key in self.redis.smembers("heartbeats"):
            self.redis.delete(key)
        for key in beating:
            self.state.send_heartbeat(key, Heartbeat(1, self.clock.now(), self.clock.now(), {}))
        self.monitor.step()

    def stored(self, key: str) -> Any:
        return self.redis.hget("hearts", key)

    def facts(self) -> list[Fact]:
        """The facts published since the last call."""
        entries = self.reader.new(0)
        for entry, _ in entries:
            self.reader.acknowledge(entry)
        return [fact for _, fact in entries]

    def kinds(self) -> list[str]:
        return [fact.kind for fact in self.facts()]


@pytest.fixture
def scene(redis_server: RedisServer) -> Iterator[Scene]:
    redis_server.settle()
    made = Scene(redis_server)
    yield made
    made.redis.close()
    made.state.close()


def test_silence_is_announced_once_and_so_is_the_return(scene: Scene) -> None:
    for _ in range(4):
        scene.live(FRONT, OWN)
    since = scene.clock.now().astimezone()
    for _ in range(5):
        scene.live(OWN)
    assert [(fact.kind, fact.text) for fact in scene.facts()] == [
        (
            "process_silent",
            f"The program security_system-front has been silent since {since:%H:%M:%S}.",
        )
    ]
    for _ in range(3):
        scene.live(FRONT, OWN)
    assert [(fact.kind, fact.text) for fact in scene.facts()] == [
        ("process_back", "The program security_system-front sends heartbeats again.")
    ]
    for _ in range(5):
        scene.live(OWN)
    assert scene.kinds() == ["process_silent"]


def test_a_program_that_beats_but_hangs_is_announced(scene: Scene) -> None:
    late = {"thread_step_s": {"clips": 700.0}, "thread_late_s": {"clips": 100.0}}
    for counters in ({}, {}, late, late, late, {}, {}, {}):
        scene.clock.advance(10)
        now = scene.clock.now()
        scene.state.send_heartbeat(FRONT, Heartbeat(1, now, now, counters))
        scene.monitor.step()
    assert [(fact.kind, fact.text) for fact in scene.facts()] == [
        (
            "process_silent",
            "The program security_system-front makes no progress: the thread clips has been busy "
            "for 700 s. Its file in logs/ may say why.",
        ),
        ("process_back", "The program security_system-front makes progress again."),
    ]
    for _ in range(5):
        scene.live(OWN)
    assert "has been silent since" in scene.facts()[0].text


def test_a_restart_neither_forgets_nor_repeats(scene: Scene) -> None:
    for _ in range(4):
        scene.live(FRONT)
    scene.live()
    assert scene.kinds() == ["process_silent"]
    scene.monitor = scene.restarted()
    for _ in range(5):
        scene.live()
    assert scene.facts() == []
    for _ in range(3):
        scene.live(FRONT)
    assert scene.kinds() == ["process_back"]


def test_after_a_restart_programs_have_time_to_beat(scene: Scene) -> None:
    scene.live(FRONT)
    scene.monitor = scene.restarted()
    for _ in range(3):
        scene.live(seconds=9.9)
    assert scene.facts() == []
    scene.live(seconds=10.5)
    scene.live()
    assert scene.kinds() == ["process_silent"]


def test_a_restart_of_redis_is_no_silence(scene: Scene, redis_server: RedisServer) -> None:
    for _ in range(4):
        scene.live(FRONT, OWN)
    scene.redis.delete("heartbeats_since")
    for _ in range(5):
        scene.live(OWN)
    assert scene.facts() == []
    redis_server.settle()
    for _ in range(2):
        scene.live(OWN)
    assert scene.facts() == []
    for _ in range(2):
        scene.live(OWN)
    assert scene.kinds() == ["process_silent"]


@pytest.mark.parametrize("pause", ["the machine slept", "Redis was away", "the clock was set back"])
def test_after_a_pause_programs_have_time_to_beat(scene: Scene, pause: str) -> None:
    for _ in range(4):
        scene.live(FRONT)
    if pause == "the machine slept":
        scene.clock.jump(3600)
    elif pause == "Redis was away":
        scene.monitor.interrupted()
    else:
        scene.clock.jump(-3600)
    for _ in range(2):
        scene.live()
    assert scene.facts() == []
    scene.live(FRONT)
    assert scene.facts() == []
    for _ in range(4):
        scene.live()
    assert scene.kinds() == ["process_silent"]


def test_only_expected_programs_and_other_machines_are_missed(scene: Scene) -> None:
    old_camera = protocol.heartbeat_key("security_system", HOST, "sold")
    elsewhere = protocol.heartbeat_key("security_system", "garage-pi", "garage")
    for _ in range(4):
        scene.live(OWN, old_camera, elsewhere)
    scene.live()
    assert [fact.text.split(" has been silent")[0] for fact in scene.facts()] == [
        "The program security_system-garage on garage-pi"
    ]


def test_without_redis_a_check_raises(scene: Scene, redis_server: RedisServer) -> None:
    redis_server.kill()
    with pytest.raises(StateUnavailable):
        scene.monitor.step()


def test_it_checks_no_oftener_than_needed(scene: Scene) -> None:
    scene.live(FRONT)
    checks = scene.redis.info("commandstats")["cmdstat_smembers"]["calls"]
    for _ in range(50):
        scene.clock.advance(0.1)
        scene.monitor.step()
    assert scene.redis.info("commandstats")["cmdstat_smembers"]["calls"] == checks


def test_what_an_earlier_version_stored_is_understood(scene: Scene) -> None:
    scene.redis.hset("hearts", FRONT, "silent since 2026-11-20T10:14:00+00:00")
    for _ in range(6):
        scene.live()
    assert scene.facts() == []
    for _ in range(3):
        scene.live(FRONT)
    assert scene.kinds() == ["process_back"]


def test_a_program_that_flaps_for_hours_is_a_few_messages(scene: Scene) -> None:
    for _ in range(35):
        for _ in range(6):
            scene.live(FRONT)
        for _ in range(6):
            scene.live()
    facts = scene.facts()
    assert 1 <= len(facts) <= 9
    assert facts[-1].text.startswith("The program security_system-front comes and goes: silent ")
    scene.monitor = scene.restarted()
    for _ in range(6):
        for _ in range(6):
            scene.live(FRONT)
        for _ in range(6):
            scene.live()
    assert scene.facts() == []


def test_a_change_that_redis_did_not_accept_comes_later(
    scene: Scene, redis_server: RedisServer
) -> None:
    for _ in range(4):
        scene.live(FRONT)
    scene.clock.advance(10)
    for key in scene.redis.smembers("heartbeats"):
        scene.redis.delete(key)
    scene.redis.config_set("min-replicas-to-write", "1")
    with pytest.raises(StateUnavailable):
        scene.monitor.step()
    scene.redis.config_set("min-replicas-to-write", "0")
    scene.live()
    assert scene.kinds() == ["process_silent"]


@pytest.mark.parametrize(
    ("stored", "settled", "fact_id"),
    [
        (
            "to tell: silent since 2026-11-20T10:14:00+00:00",
            "down",
            "20261120T101400.000Z-house-263ff7284c2e3de4",
        ),
        (
            "to tell: back at 2026-11-20T10:14:00+00:00",
            "up",
            "20261120T101400.000Z-house-c1138213bae1372b",
        ),
    ],
)
def test_a_change_that_an_earlier_run_left_keeps_its_fact_id(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, stored: str, settled: str, fact_id: str
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "house-pi")
    front = "heartbeat:security_system:house-pi:front"
    scene.redis.hset("hearts", front, stored)
    scene.live()
    assert protocol.decode(SteadinessRecord, scene.stored(front)).announced == settled
    assert [fact.id for fact in scene.facts()] == [fact_id]


@pytest.mark.parametrize("mark", ["nonsense", "", "to tell: nonsense", "to tell: silent since x"])
def test_a_damaged_state_hides_no_silence(scene: Scene, mark: str) -> None:
    scene.redis.hset("hearts", mapping={FRONT: mark, "no key": mark})
    scene.live(FRONT)
    assert scene.facts() == []
    for _ in range(5):
        scene.live()
    assert scene.kinds() == ["process_silent"]


def test_a_heartbeat_of_a_clock_ahead_hides_no_silence(scene: Scene) -> None:
    """Redis keeps it for as long as the clock was ahead."""
    scene.live(FRONT)
    later = scene.clock.now() + timedelta(hours=2)
    scene.state.put(FRONT, Heartbeat(1, later, later, {}))
    for _ in range(5):
        scene.clock.advance(10)
        scene.monitor.step()
    assert scene.kinds() == ["process_silent"]
