"""The count of logins from each address."""

from concurrent.futures import ThreadPoolExecutor

from app import protocol
from app.state import State
from tests.servers.redis_server import RedisServer

ADDRESS = "2001:db8:1:2::/64"
KEY = protocol.login_failures_key(ADDRESS)


def test_five_of_many_at_once_are_let_through(redis_server: RedisServer) -> None:
    state = State(redis_server.url)
    with ThreadPoolExecutor(8) as pool:
        waits_s = list(pool.map(lambda _: state.count_login(ADDRESS), range(30)))
    assert waits_s.count(0) == protocol.LOGIN_FAILURES_MOST
    assert all(290 < wait_s <= protocol.LOGIN_FAILURES_LIFE_S for wait_s in waits_s if wait_s)
    assert state.count_login("192.0.2.1") == 0
    state.close()


def test_who_has_to_wait_does_not_wait_longer_by_trying(redis_server: RedisServer) -> None:
    state = State(redis_server.url)
    for _ in range(protocol.LOGIN_FAILURES_MOST):
        assert state.count_login(ADDRESS) == 0
    state._redis.expire(KEY, 7)
    assert 0 < state.count_login(ADDRESS) <= 7
    state.forget_logins(ADDRESS)
    assert state.count_login(ADDRESS) == 0
    assert 290 < state._redis.ttl(KEY) <= 300
    state.close()


def test_a_foreign_value_locks_nobody_out(redis_server: RedisServer) -> None:
    state = State(redis_server.url)
    for value in ("garbage", "-5", "1e300", "9"):  # the last one has no end, as nobody writes it
        state._redis.set(KEY, value)
        assert state.count_login(ADDRESS) == 0
        assert 290 < state._redis.ttl(KEY) <= 300
    state._redis.delete(KEY)
    state._redis.rpush(KEY, "a list")
    assert state.count_login(ADDRESS) == 0
    assert state._redis.get(KEY) == b"1"
    state.close()
