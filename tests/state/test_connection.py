"""Failures of a real Redis, and calls that end in time."""

import socket
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest
import redis

from app.errors import ForeignValue, ProtocolError, StateUnavailable
from app.state import Latest, State, within
from tests.servers.ports import free_port
from tests.servers.redis_server import RedisServer

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)


def test_a_server_that_is_gone_fails_at_once_and_works_again(
    redis_server: RedisServer, state: State
) -> None:
    state.ping()
    redis_server.kill()
    with pytest.raises(StateUnavailable, match="not reachable"):
        state.ping()
    redis_server.start()
    state.ping()


def test_a_server_that_cannot_write_counts_as_away(state: State, raw: redis.Redis) -> None:
    raw.config_set("maxmemory", "1mb")
    raw.config_set("maxmemory-policy", "noeviction")
    with pytest.raises(StateUnavailable, match="Redis"):
        state.set_latest("front", Latest(b"x" * 2_000_000, NOW))
        state.set_latest("front", Latest(b"x" * 2_000_000, NOW))


def test_a_call_that_would_begin_too_late_is_not_made(state: State) -> None:
    with within(-1), pytest.raises(StateUnavailable, match="too slow"):
        state.set_switch("home", True)
    assert state.read_strings("home") == [None]


@contextmanager
def denied(raw: redis.Redis, command: str) -> Iterator[None]:
    """In here nobody may call *command*."""
    raw.acl_setuser("default", enabled=True, commands=[f"-{command}"])
    try:
        yield
    finally:
        raw.acl_setuser("default", enabled=True, commands=[f"+{command}"])


def test_a_user_without_rights_counts_as_redis_being_away(state: State, raw: redis.Redis) -> None:
    with denied(raw, "mget"), pytest.raises(StateUnavailable, match="no permissions"):
        state.read_strings("home")


def test_a_server_that_refuses_its_settings_is_a_protocol_error(
    state: State, raw: redis.Redis
) -> None:
    with denied(raw, "config"), pytest.raises(ProtocolError, match="denies that to this user"):
        state.set_server("appendonly", "yes")
    with denied(raw, "info"), pytest.raises(ProtocolError, match="denies that to this user"):
        state.server_facts()


def test_a_replica_without_its_master_counts_as_away(state: State, raw: redis.Redis) -> None:
    raw.config_set("replica-serve-stale-data", "no")
    raw.replicaof("127.0.0.1", 1)
    with pytest.raises(StateUnavailable, match="MASTER is down"):
        state.read_strings("home")
    with pytest.raises(StateUnavailable, match="read only replica"):
        state.set_switch("home", True)


def test_a_cluster_that_is_down_counts_as_away(tmp_path: Path) -> None:
    ports = f"--port {free_port()} --cluster-enabled yes --cluster-port {free_port()}"
    with (
        tempfile.TemporaryDirectory(prefix="redis-") as folder,
        RedisServer(Path(folder), *ports.split()) as server,
        closing(State(server.url)) as state,
        pytest.raises(StateUnavailable, match="slot not served"),
    ):
        state.read_strings("home")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("-TRYAGAIN Multiple keys request during rehashing of slot", StateUnavailable),
        ("-MOVED 1 127.0.0.1:6381", StateUnavailable),
        ("-LOADING Redis is loading the dataset in memory", StateUnavailable),
        ("-BUSY Redis is busy running a script.", StateUnavailable),
        ("-NOSCRIPT No matching script.", StateUnavailable),
        ("-ERR Error running script (call to f_0): @user_script: 3: -MISCONF x", StateUnavailable),
        ("?no redis", StateUnavailable),
        ("-WRONGTYPE Operation against a key", ForeignValue),
        ("-ERR value is not an integer", ProtocolError),
    ],
)
def test_each_refusal_is_one_of_our_errors(answer: str, kind: type[Exception]) -> None:
    """Answers that a server of the test's own cannot be brought to give."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = Thread(target=answer_all, args=(listener, answer), daemon=True)
        thread.start()
        with closing(State(f"redis://127.0.0.1:{port}/0")) as state:
            with pytest.raises(kind) as caught:
                state.read_strings("home")
            assert type(caught.value) is kind
        thread.join()


def answer_all(listener: socket.socket, answer: str) -> None:
    """Accept the greeting of one client, and answer its commands with *answer*."""
    line, _ = listener.accept()
    with line:
        while asked := line.recv(4096):
            if b"MGET" in asked:
                line.sendall(f"{answer}\r\n".encode())
            elif b"HELLO" in asked:
                line.sendall(b"%1\r\n+proto\r\n:3\r\n")
            else:
                line.sendall(b"+OK\r\n" * asked.count(b"CLIENT"))
