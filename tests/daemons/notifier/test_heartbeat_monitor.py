"""Programs that fall silent are told of once, and once when they beat again."""

import socket
from collections.abc import Iterator

import pytest
import redis

from app import protocol
from app.clock import FakeClock
from app.daemons.notifier.heartbeat_monitor import Hearts
from app.errors import StateUnavailable
from app.programs import Program
from app.protocol import Fact, Heartbeat
from app.state import Reader, State
from tests.servers.redis_server import RedisServer

HOST = protocol.host_name()
OWN = protocol.heartbeat_key("notifier", HOST)
FRONT = protocol.heartbeat_key("security_system", HOST, "front")
EXPECTED = (Program("security_system", "front"), Program("notifier"))


class Watch:
    """Hearts on a fake clock; the test says who beats."""

    def __init__(self, server: RedisServer) -> None:
        self.state = State(server.url)
        self.redis = redis.Redis.from_url(server.url)
        self.clock = FakeClock()
        self.facts: Reader[Fact] = self.state.facts("test", "test")
        self.hearts = self.make()

    def make(self) -> Hearts:
        return Hearts(self.state, self.clock, OWN, EXPECTED)

    def live(self, *beating: str, seconds: float = 10.0) -> None:
        """Let *seconds* pass in which only *beating* beat, and look."""
        self.clock.advance(seconds)
        for key in self.redis.smembers("heartbeats"):
            self.redis.delete(key)
        for key in beating:
            self.state.send_heartbeat(key, Heartbeat(1, self.clock.now(), self.clock.now(), {}))
        self.hearts.step()

    def stored(self, key: str) -> str:
        return (self.redis.hget("hearts", key) or b"").decode()

    def ids(self) -> list[str]:
        return [fact.id for _, fact in self.facts.new(0)]

    def told(self) -> list[tuple[str, str]]:
        """Kind and text of what was told since the last call."""
        facts = self.facts.new(0)
        for entry, _ in facts:
            self.facts.acknowledge(entry)
        return [(fact.kind, fact.text) for _, fact in facts]


@pytest.fixture
def watch(redis_server: RedisServer) -> Iterator[Watch]:
    made = Watch(redis_server)
    yield made
    made.redis.close()
    made.state.close()


def test_a_program_that_falls_silent_is_told_of_once_and_once_when_it_is_back(watch: Watch) -> None:
    for _ in range(4):
        watch.live(FRONT, OWN)
    since = watch.clock.now().astimezone()
    for _ in range(5):
        watch.live(OWN)
    assert watch.told() == [
        ("process_silent", f"The program security_system-front is silent since {since:%H:%M:%S}.")
    ]
    for _ in range(3):
        watch.live(FRONT, OWN)
    assert watch.told() == [("process_back", "The program security_system-front beats again.")]
    for _ in range(5):
        watch.live(OWN)
    assert [kind for kind, _ in watch.told()] == ["process_silent"]


def test_a_restart_neither_forgets_nor_repeats(watch: Watch) -> None:
    for _ in range(4):
        watch.live(FRONT)
    watch.live()
    assert [kind for kind, _ in watch.told()] == ["process_silent"]
    watch.hearts = watch.make()
    for _ in range(5):
        watch.live()
    assert watch.told() == []
    watch.live(FRONT)
    assert [kind for kind, _ in watch.told()] == ["process_back"]


def test_one_that_fell_silent_while_the_notifier_was_down_is_told_of_after_a_while_to_start_in(
    watch: Watch,
) -> None:
    watch.live(FRONT)
    watch.hearts = watch.make()
    for _ in range(3):
        watch.live(seconds=9.9)
    assert watch.told() == []
    watch.live(seconds=10.5)
    watch.live()
    assert [kind for kind, _ in watch.told()] == ["process_silent"]


@pytest.mark.parametrize(
    "noted",
    [
        "to tell: silent since 2026-11-20T10:14:00+00:00",
        "to tell: back at 2026-11-20T10:14:00+00:00",
    ],
)
def test_what_was_noted_but_perhaps_not_published_before_a_kill_is_told_once(
    watch: Watch, noted: str
) -> None:
    for _ in range(2):
        watch.state.mark_heartbeat(FRONT, noted)
        watch.hearts = watch.make()
        watch.live()
    assert len(watch.told()) == 1


@pytest.mark.parametrize("pause", ["the machine slept", "Redis was away", "the clock was set back"])
def test_after_a_pause_nobody_is_called_silent_before_hearts_can_beat_again(
    watch: Watch, pause: str
) -> None:
    for _ in range(4):
        watch.live(FRONT)
    if pause == "the machine slept":
        watch.clock.jump(3600)
    elif pause == "Redis was away":
        watch.hearts.interrupted()
    else:
        watch.clock.jump(-3600)
    for _ in range(2):
        watch.live()
    assert watch.told() == []
    watch.live(FRONT)
    assert watch.told() == []
    for _ in range(4):
        watch.live()
    assert [kind for kind, _ in watch.told()] == ["process_silent"]


def test_its_own_heart_and_what_the_house_has_no_more_are_not_missed_but_another_machines_are(
    watch: Watch,
) -> None:
    old_camera = protocol.heartbeat_key("security_system", HOST, "sold")
    elsewhere = protocol.heartbeat_key("security_system", "garage-pi", "garage")
    for _ in range(4):
        watch.live(OWN, old_camera, elsewhere)
    watch.live()
    assert [text.split(" is silent")[0] for _, text in watch.told()] == [
        "The program security_system-garage on garage-pi"
    ]


def test_with_redis_away_it_is_an_error_of_the_world(
    watch: Watch, redis_server: RedisServer
) -> None:
    redis_server.kill()
    with pytest.raises(StateUnavailable):
        watch.hearts.step()


def test_it_looks_not_oftener_than_needed(watch: Watch) -> None:
    watch.live(FRONT)
    looks = watch.redis.info("commandstats")["cmdstat_smembers"]["calls"]
    for _ in range(50):
        watch.clock.advance(0.1)
        watch.hearts.step()
    assert watch.redis.info("commandstats")["cmdstat_smembers"]["calls"] == looks


def test_stored_values_and_fact_ids_stay_as_they_are(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "house-pi")
    front = "heartbeat:security_system:house-pi:front"
    for _ in range(4):
        watch.live(front)
    assert watch.stored(front) == "beats"
    watch.clock.jump(0.123456)
    watch.live()
    assert watch.stored(front) == "silent since 2026-11-20T10:15:40+00:00"
    watch.live(front)
    assert watch.stored(front) == "beats"
    assert watch.ids() == [
        "20261120T101540.000Z-house-eb54ce98eaf22bc1",
        "20261120T101600.123Z-house-2866eb3100449d68",
    ]


@pytest.mark.parametrize(
    ("stored", "settled", "fact_id"),
    [
        (
            "to tell: silent since 2026-11-20T10:14:00+00:00",
            "silent since 2026-11-20T10:14:00+00:00",
            "20261120T101400.000Z-house-263ff7284c2e3de4",
        ),
        (
            "to tell: back at 2026-11-20T10:14:00+00:00",
            "beats",
            "20261120T101400.000Z-house-c1138213bae1372b",
        ),
    ],
)
def test_a_change_that_an_earlier_run_left_keeps_its_fact_id(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, stored: str, settled: str, fact_id: str
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "house-pi")
    front = "heartbeat:security_system:house-pi:front"
    watch.redis.hset("hearts", front, stored)
    watch.live()
    assert watch.stored(front) == settled
    assert watch.ids() == [fact_id]
