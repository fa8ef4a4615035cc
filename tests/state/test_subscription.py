"""A subscription to channels of a real Redis."""

import time
from contextlib import closing
from threading import Timer

import pytest
import redis

from app.errors import StateUnavailable
from app.state import State
from tests.servers.redis_server import RedisServer
from tests.waiting import until

FRONT, YARD = "camera:front:frames", "camera:yard:detector"


def test_messages_come_in_order_with_their_channels(state: State) -> None:
    with closing(state.subscription(FRONT, YARD, FRONT)) as pictures:
        state.publish_frame("front", b"\xff\xd8one")
        state.publish_detector("yard", b"{}\n\xff\xd8two")
        state.publish_frame("other", b"not for us")
        state.publish_frame("front", b"x" * 300_000)
        assert pictures.read(5.0) == (FRONT, b"\xff\xd8one")
        assert pictures.read(5.0) == (YARD, b"{}\n\xff\xd8two")
        assert pictures.read(5.0) == (FRONT, b"x" * 300_000)
        assert pictures.read(0.0) is None


def test_a_read_waits_for_its_time_and_no_longer(state: State) -> None:
    with closing(state.subscription(FRONT)) as pictures:
        began_s = time.monotonic()
        assert pictures.read(0.2) is None
        assert time.monotonic() - began_s >= 0.2
        timer = Timer(0.1, state.publish_frame, ("front", b"late"))
        timer.start()
        assert pictures.read(20.0) == (FRONT, b"late")
        timer.join()


def test_a_closed_subscription_costs_redis_nothing(state: State, raw: redis.Redis) -> None:
    pictures = state.subscription(FRONT)
    assert raw.publish(FRONT, b"x") == 1
    pictures.close()
    until(lambda: raw.publish(FRONT, b"x") == 0, "nobody is subscribed")


def test_it_subscribes_again_when_redis_is_back(redis_server: RedisServer, state: State) -> None:
    with closing(state.subscription(FRONT)) as pictures:
        redis_server.kill()
        for _ in range(3):
            with pytest.raises(StateUnavailable):
                pictures.read(1.0)
        with pytest.raises(StateUnavailable):
            state.subscription(FRONT)
        redis_server.start()
        assert pictures.read(0.0) is None
        state.publish_frame("front", b"again")
        assert pictures.read(5.0) == (FRONT, b"again")


def test_a_user_who_may_not_subscribe_counts_as_redis_being_away(
    state: State, raw: redis.Redis
) -> None:
    raw.acl_setuser("default", enabled=True, commands=["-subscribe"])
    with pytest.raises(StateUnavailable, match="no permissions"):
        state.subscription(FRONT)
