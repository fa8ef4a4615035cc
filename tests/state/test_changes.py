"""Changes of keys are noticed at once, whoever makes them, and none is missed."""

import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis

from app.state import Changes, State
from app.state.changes import LOOK_S, POLL_S
from tests.servers.certificate import self_signed
from tests.servers.ports import free_port
from tests.servers.redis_server import RedisServer
from tests.waiting import Stopwatch, patience, until

LONG_S = 20.0


@pytest.fixture
def changes(state: State) -> Iterator[Changes]:
    """The changes of two keys, which Redis pushes already."""
    with closing(state.changes("camera_status", "camera:front:target")) as found:
        assert found.wait()
        assert found.are_pushed
        yield found


@pytest.fixture
def slow_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """No look is due in this test, so that only a push can end a wait."""
    monkeypatch.setattr("app.state.changes.LOOK_S", 1000.0)


def wait_while(act: Callable[[], object], changes: Changes, timeout_s: float = LONG_S) -> bool:
    """Wait for *changes* while another thread calls *act*."""
    timer = threading.Timer(0.05, act)
    timer.start()
    try:
        return changes.wait(timeout_s)
    finally:
        timer.join()


@pytest.mark.usefixtures("slow_look")
@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.set("camera_status", "True"),
        lambda raw: raw.set("camera:front:target", "{}", px=20),
        lambda raw: raw.eval(
            "redis.replicate_commands() redis.set_repl(redis.REPL_NONE)"
            "return redis.call('SET', KEYS[1], '1')",
            1,
            "camera_status",
        ),
        lambda raw: raw.flushall(),
    ],
    ids=["a command", "a key with a life", "a script that writes no log", "an emptied Redis"],
)
def test_a_change_ends_the_wait(
    state: State, raw: redis.Redis, change: Callable[[redis.Redis], object]
) -> None:
    raw.set("camera_status", "False")
    with closing(state.changes("camera_status", "camera:front:target")) as changes:
        assert changes.wait(LONG_S)
        assert wait_while(lambda: change(raw), changes)


@pytest.mark.usefixtures("slow_look")
def test_the_end_of_a_key_that_expires_is_a_change(changes: Changes, raw: redis.Redis) -> None:
    raw.set("camera_status", "1", px=150)
    assert changes.wait(LONG_S)
    assert raw.exists("camera_status")
    assert changes.wait(LONG_S)
    assert not raw.exists("camera_status")


@pytest.mark.usefixtures("slow_look")
def test_other_keys_end_no_wait(changes: Changes, raw: redis.Redis) -> None:
    assert not wait_while(
        lambda: raw.mset({"camera:front:position": "1", "heartbeat:x": "2", "camera_stat": "3"}),
        changes,
        0.3,
    )


@pytest.mark.usefixtures("slow_look")
def test_a_prefix_may_begin_with_another(state: State, raw: redis.Redis) -> None:
    with closing(state.changes("home_by", "home", "homes", "a", "home")) as changes:
        assert changes.wait(LONG_S)
        assert changes.are_pushed
        assert wait_while(lambda: raw.set("home_by", "1"), changes)


@pytest.mark.usefixtures("slow_look")
def test_a_change_before_the_wait_ends_it(changes: Changes, raw: redis.Redis) -> None:
    raw.set("camera_status", "True")
    assert changes.wait(LONG_S)


@pytest.mark.usefixtures("slow_look")
def test_a_change_before_the_connection_is_looked_at(state: State, raw: redis.Redis) -> None:
    with closing(state.changes("camera_status")) as changes:
        raw.set("camera_status", "True")
        assert changes.wait(LONG_S)
        assert not changes.wait(0.0)


@pytest.mark.usefixtures("slow_look")
def test_another_thread_ends_the_wait_and_nothing_is_to_look_at(
    changes: Changes, raw: redis.Redis
) -> None:
    changes.wake()
    assert not changes.wait(LONG_S)
    assert not wait_while(changes.wake, changes)
    raw.set("camera_status", "True")
    changes.wake()
    assert changes.wait(LONG_S)


def test_a_lost_push_is_made_up_for_by_a_look(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.state.changes.LOOK_S", LONG_S)
    with closing(state.changes("camera_status")) as changes:
        assert changes.wait()
        # However often it is woken.
        for _ in range(3):
            changes.wake()
            assert not changes.wait(0.0)
    monkeypatch.setattr("app.state.changes.LOOK_S", 0.0)
    with closing(state.changes("camera_status")) as changes:
        assert changes.wait()
        changes.wake()
        assert changes.wait(0.0)


@pytest.mark.usefixtures("slow_look")
def test_what_changed_while_redis_restarted_is_looked_at(
    redis_server: RedisServer, changes: Changes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.state.changes.RETRY_S", 0.0)
    redis_server.kill()
    assert changes.wait(LONG_S)
    redis_server.start()
    assert changes.wait(LONG_S)
    with redis.Redis.from_url(redis_server.url) as raw:
        assert wait_while(lambda: raw.set("camera_status", "True"), changes)


def test_while_redis_is_away_the_caller_alone_asks(
    redis_server: RedisServer, changes: Changes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.state.changes.RETRY_S", 0.0)
    redis_server.kill()
    assert changes.wait(LONG_S)
    redis_server.start()
    pushed = []
    for may_connect in (False, True):
        changes.wait(0.0, may_connect=may_connect)
        pushed.append(changes.are_pushed)
    assert pushed == [False, True]


@pytest.mark.usefixtures("slow_look")
def test_a_connection_that_hangs_is_given_up(
    redis_server: RedisServer, changes: Changes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.state.changes.SILENCE_S", 0.05)
    monkeypatch.setattr("app.state.changes.ANSWER_S", 0.3)
    for _ in range(12):
        assert not changes.wait(0.1)
    os.kill(redis_server.pid, signal.SIGSTOP)
    try:
        until_s = time.monotonic() + patience(LONG_S)
        while changes.are_pushed:
            changes.wait(0.05)
            assert time.monotonic() < until_s
    finally:
        os.kill(redis_server.pid, signal.SIGCONT)


def test_a_user_who_may_not_track_polls_and_is_warned_once(
    redis_server: RedisServer,
    raw: redis.Redis,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.state.changes.REFUSED_RETRY_S", 1.5)
    commands = ["+@all", "-client|tracking"]
    raw.acl_setuser("watch", enabled=True, keys=["*"], commands=commands, passwords="+word")
    state = State(redis_server.url.replace("unix://", "unix://watch:word@"))
    with closing(state), closing(state.changes("camera_status")) as changes:
        began_s = time.monotonic()
        with Stopwatch() as watch:
            assert [changes.wait(), changes.wait(), changes.wait()] == [True] * 3
        assert time.monotonic() - began_s >= 2 * POLL_S
        assert watch.seconds < patience(LOOK_S)
        assert not changes.are_pushed
        assert caplog.text.count("the user needs the right +client|tracking") == 1
        raw.acl_setuser("watch", enabled=True, commands=["+client|tracking"])
        until(lambda: changes.wait() and changes.are_pushed, "Redis pushes")


def test_tls_and_a_password_work(tmp_path: Path) -> None:
    self_signed(tmp_path / "tls.pem")
    port = free_port()
    pem = str(tmp_path / "tls.pem")
    options = ["--tls-port", str(port), "--tls-cert-file", pem, "--tls-key-file", pem]
    options += ["--tls-auth-clients", "no", "--tls-ca-cert-file", pem]
    with (
        tempfile.TemporaryDirectory(prefix="redis-") as folder,
        closing(State(f"rediss://:word@127.0.0.1:{port}/1?ssl_cert_reqs=none")) as state,
        RedisServer(Path(folder), *options) as server,
        closing(state.changes("home")) as changes,
    ):
        with redis.Redis.from_url(server.url) as raw:
            raw.config_set("requirepass", "word")
        assert changes.wait(LONG_S)
        assert changes.are_pushed
        assert wait_while(lambda: state.set_switch("home", True), changes)
