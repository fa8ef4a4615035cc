"""Lasting troubles are told once when they begin and once when they end, whatever happens to this
program or to Redis.
"""

import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from app import protocol
from app.clock import FakeClock
from app.daemons.uploader.trouble_alerts import RENEW_EVERY_S, Notices, Topic
from app.errors import StateUnavailable
from app.protocol import Fact
from app.state import State
from tests.servers.redis_server import RedisServer

DISK = Topic("disk", "disk_low", "disk_ok", "There is room again.")
STORE = Topic("store s3", "store_refused", "store_back", "Uploads go out again.")


class House:
    """The notices of one program, and the Redis that they are told to."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self.clock = FakeClock()
        self.state = State(server.url)
        self.raw: Any = redis.Redis.from_url(server.url, decode_responses=True)
        self.notices = self.restarted()

    def restarted(self) -> Notices:
        return Notices("uploader", self.state, self.clock)

    def told(self) -> list[tuple[str, str]]:
        """Kind and text of the facts on the stream."""
        facts = [protocol.decode(Fact, stored["fact"]) for _, stored in self.raw.xrange("events")]
        return [(fact.kind, fact.text) for fact in facts]

    def ids(self) -> list[str]:
        facts = [protocol.decode(Fact, stored["fact"]) for _, stored in self.raw.xrange("events")]
        return [fact.id for fact in facts]

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.told()]


@pytest.fixture
def house(redis_server: RedisServer) -> Iterator[House]:
    made = House(redis_server)
    yield made
    made.raw.close()
    made.state.close()


def test_a_trouble_is_told_when_it_begins_and_when_it_ends_and_not_in_between(house: House) -> None:
    for trouble in (
        None,
        None,
        "The disk is nearly full.",
        "The disk is nearly full, still.",
        None,
        None,
    ):
        house.notices.set(DISK, trouble)
        house.notices.step()
        house.clock.advance(10)
    assert house.told() == [
        ("disk_low", "The disk is nearly full."),
        ("disk_ok", "There is room again."),
    ]


def test_each_topic_is_told_by_itself(house: House) -> None:
    house.notices.set(DISK, "Full.")
    house.notices.set(STORE, "No such bucket.")
    house.notices.step()
    house.notices.set(DISK, None)
    house.notices.step()
    assert house.kinds() == ["disk_low", "store_refused", "disk_ok"]


def test_after_a_restart_what_was_told_is_not_told_again_and_its_end_is(house: House) -> None:
    house.notices.set(DISK, "Full.")
    house.notices.step()
    again = house.restarted()
    again.set(DISK, "Full.")
    again.step()
    again.set(DISK, None)
    again.step()
    assert house.kinds() == ["disk_low", "disk_ok"]


def test_killed_between_any_two_steps_it_tells_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("mark_delivery", "publish"):
        for fails_at in range(2):
            house.raw.flushall()
            with monkeypatch.context() as broken:
                broken.setattr(house.state, name, failing(getattr(house.state, name), fails_at))
                killed = house.restarted()
                killed.set(DISK, "Full.")
                with contextlib.suppress(StateUnavailable):
                    killed.step()
            house.clock.advance(5)
            again = house.restarted()
            again.set(DISK, "Full, and worse.")
            again.step()
            assert house.kinds() == ["disk_low"], (name, fails_at)


def failing(do: Callable[..., None], at: int) -> Callable[..., None]:
    """*do*, which is killed in the moment after its call number *at*."""
    calls = iter(range(at))

    def do_or_fail(*args: object) -> None:
        do(*args)
        if next(calls, None) is None:
            raise StateUnavailable("killed")

    return do_or_fail


def test_with_redis_away_it_is_told_when_redis_is_back_and_only_if_it_lasts(house: House) -> None:
    house.notices.set(DISK, None)
    house.notices.step()
    house.server.stop()
    house.notices.set(DISK, "Full.")
    house.notices.set(STORE, "No such bucket.")
    with pytest.raises(StateUnavailable):
        house.notices.step()
    house.notices.set(STORE, None)
    house.server.start()
    house.notices.step()
    assert house.told() == [("disk_low", "Full.")]


def test_a_redis_that_has_forgotten_what_was_told_is_told_the_end_all_the_same(
    house: House,
) -> None:
    house.notices.set(DISK, "Full.")
    house.notices.step()
    house.raw.flushall()
    house.notices.set(DISK, None)
    house.notices.step()
    assert house.kinds() == ["disk_ok"]


def test_a_trouble_that_lasts_for_long_is_not_forgotten(house: House) -> None:
    house.notices.set(DISK, "Full.")
    house.notices.step()
    key = protocol.delivery_key(f"uploader-{protocol.host_name()}")
    house.raw.expire(key, 100)
    house.clock.advance(RENEW_EVERY_S + 1)
    house.notices.step()
    assert house.raw.ttl(key) > 100
    assert house.kinds() == ["disk_low"]


def test_stored_values_and_fact_ids_stay_as_they_are(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "house-pi")
    key = "delivery:uploader-house-pi"
    house.clock.jump(0.123456)
    alerts = house.restarted()
    alerts.set(STORE, "Uploads wait: no such bucket.")
    alerts.step()
    assert house.raw.hgetall(key) == {"store s3": "begun"}
    alerts.set(STORE, None)
    alerts.step()
    assert house.raw.hgetall(key) == {"store s3": "over"}
    assert house.ids() == [
        "20261120T101500.123Z-house-1a116428645b2e7f",
        "20261120T101500.123Z-house-b021b27f17f5c530",
    ]


def test_a_change_that_an_earlier_run_left_keeps_its_fact_id(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "house-pi")
    key = "delivery:uploader-house-pi"
    house.raw.hset(key, "disk", "to tell: begun 2026-11-20T10:14:00+00:00 The disk is full.")
    alerts = house.restarted()
    alerts.set(DISK, "The disk is full.")
    alerts.step()
    assert house.raw.hgetall(key) == {"disk": "begun"}
    assert house.told() == [("disk_low", "The disk is full.")]
    assert house.ids() == ["20261120T101400.000Z-house-84c20cef8cd54697"]
