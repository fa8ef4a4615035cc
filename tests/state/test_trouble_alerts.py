"""Lasting troubles are announced once when they begin and once when they end."""

import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import redis

from app import protocol
from app.clock import FakeClock
from app.errors import StateUnavailable
from app.protocol import Fact, SteadinessRecord
from app.state import State
from app.state.trouble_alerts import PACE, RENEW_EVERY_S, TroubleAlerts, TroubleKind
from tests.servers.redis_server import RedisServer

DISK = TroubleKind("disk", "disk_low", "disk_ok", "There is room again.", "The room comes and goes")
STORE = TroubleKind(
    "store s3", "store_refused", "store_back", "Uploads go out again.", "Uploads come and go"
)


class Scene:
    """The trouble alerts of one program, and the Redis that they are published to."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self.clock = FakeClock()
        self.state = State(server.url)
        self.raw: Any = redis.Redis.from_url(server.url, decode_responses=True)
        self.alerts = self.restarted()

    def restarted(self) -> TroubleAlerts:
        return TroubleAlerts("uploader", self.state, self.clock)

    def step_until_steady(self, alerts: TroubleAlerts) -> None:
        """Step until a return has lasted."""
        alerts.step()
        self.clock.advance(PACE.up_after_s)
        alerts.step()

    def facts(self) -> list[Fact]:
        """The facts on the stream."""
        entries = self.raw.xrange("events")
        return [protocol.decode(Fact, stored["fact"]) for _, stored in entries]

    def kinds(self) -> list[str]:
        return [fact.kind for fact in self.facts()]


@pytest.fixture
def scene(redis_server: RedisServer) -> Iterator[Scene]:
    made = Scene(redis_server)
    with closing(made.state), closing(made.raw):
        yield made


def test_a_trouble_is_announced_when_it_begins_and_ends(scene: Scene) -> None:
    for trouble in (None, None, "The disk is full.", "The disk is full, still.", None, None):
        scene.alerts.set(DISK, trouble)
        scene.alerts.step()
        scene.clock.advance(10)
    assert [(fact.kind, fact.text) for fact in scene.facts()] == [
        ("disk_low", "The disk is full."),
        ("disk_ok", "There is room again."),
    ]


def test_each_kind_is_announced_by_itself(scene: Scene) -> None:
    scene.alerts.set(DISK, "Full.")
    scene.alerts.set(STORE, "No such bucket.")
    scene.alerts.step()
    scene.alerts.set(DISK, None)
    scene.step_until_steady(scene.alerts)
    assert scene.kinds() == ["disk_low", "store_refused", "disk_ok"]


def test_a_restart_announces_only_the_end(scene: Scene) -> None:
    scene.alerts.set(DISK, "Full.")
    scene.alerts.step()
    again = scene.restarted()
    again.set(DISK, "Full.")
    again.step()
    again.set(DISK, None)
    scene.step_until_steady(again)
    assert scene.kinds() == ["disk_low", "disk_ok"]


def test_without_redis_only_what_lasts_is_announced_later(scene: Scene) -> None:
    scene.alerts.set(DISK, None)
    scene.alerts.step()
    scene.server.stop()
    scene.alerts.set(DISK, "Full.")
    scene.alerts.set(STORE, "No such bucket.")
    with pytest.raises(StateUnavailable):
        scene.alerts.step()
    scene.alerts.set(STORE, None)
    scene.server.start()
    scene.alerts.step()
    assert [(fact.kind, fact.text) for fact in scene.facts()] == [("disk_low", "Full.")]


def test_the_end_is_announced_when_redis_has_lost_the_begin(scene: Scene) -> None:
    scene.alerts.set(DISK, "Full.")
    scene.alerts.step()
    scene.raw.flushall()
    scene.alerts.set(DISK, None)
    scene.step_until_steady(scene.alerts)
    assert scene.kinds() == ["disk_ok"]


def test_a_trouble_that_lasts_for_long_stays_in_redis(scene: Scene) -> None:
    scene.alerts.set(DISK, "Full.")
    scene.alerts.step()
    key = protocol.delivery_key(f"uploader-{protocol.host_name()}")
    scene.raw.expire(key, 100)
    scene.clock.advance(RENEW_EVERY_S + 1)
    scene.alerts.step()
    assert scene.raw.ttl(key) > 100
    assert scene.kinds() == ["disk_low"]


def test_what_an_earlier_version_stored_is_understood(scene: Scene) -> None:
    key = protocol.delivery_key(f"uploader-{protocol.host_name()}")
    scene.raw.hset(key, mapping={"store s3": "begun", "disk": "over"})
    scene.alerts.set(STORE, "No such bucket.")
    scene.alerts.set(DISK, None)
    scene.step_until_steady(scene.alerts)
    assert scene.facts() == []
    scene.alerts.set(STORE, None)
    scene.step_until_steady(scene.alerts)
    assert scene.kinds() == ["store_back"]


def test_a_store_that_flaps_for_a_day_is_a_few_messages(scene: Scene) -> None:
    for hour in range(24):
        for trouble in ("Busy.", None):
            scene.alerts.set(STORE, trouble)
            for _ in range(30):
                scene.alerts.step()
                scene.clock.advance(60)
        if hour == 12:
            scene.alerts = scene.restarted()
    kinds = scene.kinds()
    assert len(kinds) <= 10
    assert scene.facts()[6].text.startswith("Uploads come and go: in trouble 4 times in 3 h, since")


def test_a_change_that_an_earlier_run_left_keeps_its_fact_id(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "house-pi")
    key = "delivery:uploader-house-pi"
    scene.raw.hset(key, "disk", "to tell: begun 2026-11-20T10:14:00+00:00 The disk is full.")
    alerts = scene.restarted()
    alerts.set(DISK, "The disk is full.")
    alerts.step()
    stored = scene.raw.hget(key, "disk")
    assert protocol.decode(SteadinessRecord, stored).announced == "down"
    assert [(fact.id, fact.kind, fact.text) for fact in scene.facts()] == [
        ("20261120T101400.000Z-house-84c20cef8cd54697", "disk_low", "The disk is full.")
    ]


@pytest.mark.parametrize("stored", ["to tell: nonsense", "to tell: begun then Full.", "nonsense"])
def test_a_damaged_record_stops_no_announcement(scene: Scene, stored: str) -> None:
    scene.state.mark_delivery(f"uploader-{protocol.host_name()}", {"disk": stored})
    scene.alerts.set(DISK, "Full.")
    for _ in range(2):
        scene.alerts.step()
        scene.clock.advance(RENEW_EVERY_S)
    assert scene.kinds() == ["disk_low"]
