"""Which Redis is ours to start, and that every Redis that we start does as `redis.url` says."""

import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError

from app.errors import StateUnavailable, SuiteError
from app.launcher import local_redis
from app.launcher.config_files import write_private
from app.launcher.redis_server import find_redis_server
from app.state import State
from tests.servers.ports import free_port
from tests.servers.programs import REPO
from tests.waiting import until

HARD_TO_QUOTE = """p "a' ss\\@:/#%?"""


@contextmanager
def redis_for(url: str, folder: Path) -> Iterator[None]:
    """A Redis started as the suite starts it for *url*, with its data in *folder*."""
    write_private(
        folder / "redis.conf", local_redis.redis_conf(REPO / "config" / "redis.conf", url, folder)
    )
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen([find_redis_server(), folder / "redis.conf"], stdout=log) as server,
    ):
        try:
            until(lambda: server.poll() is not None or answers(url), "Redis answers")
            assert server.poll() is None, (folder / "log").read_text()
            yield
        finally:
            server.kill()


def answers(url: str) -> bool:
    with closing(State(url)) as state:
        try:
            state.ping()
        except StateUnavailable:
            return False
    return True


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path, for sockets."""
    with TemporaryDirectory(prefix="a redis-") as made:
        yield Path(made)


def test_messages_name_a_redis_without_its_password() -> None:
    assert local_redis.place("redis://me:secret@garage:7000/3") == "redis://garage:7000/3"
    assert local_redis.place("unix://:secret@/run/redis.sock?db=2") == "unix:///run/redis.sock"


def test_a_port_a_database_and_a_password_are_as_the_url_says(folder: Path) -> None:
    url = f"redis://:{quote(HARD_TO_QUOTE, safe='')}@127.0.0.1:{free_port()}/20"
    with redis_for(url, folder), Redis.from_url(url) as redis:
        assert redis.config_get("requirepass") == {"requirepass": HARD_TO_QUOTE}
        with closing(State(url)) as state:
            state.initialise_switches()
        assert redis.get("home") == b"False"
        with pytest.raises(AuthenticationError), Redis.from_url(local_redis.place(url)) as stranger:
            stranger.ping()
    assert (folder / "redis.conf").stat().st_mode & 0o077 == 0


def test_a_socket_and_a_user_are_as_the_url_says(folder: Path) -> None:
    url = f"unix://house:secret@{quote(str(folder))}/redis.sock?db=2"
    with redis_for(url, folder), Redis.from_url(url) as redis:
        assert redis.acl_whoami() in ("house", b"house")
        assert (folder / "redis.sock").stat().st_mode & 0o077 == 0


def test_a_redis_that_refuses_the_password_is_not_replaced(folder: Path) -> None:
    url = f"redis://:right@127.0.0.1:{free_port()}/0"
    with (
        redis_for(url, folder),
        pytest.raises(SuiteError, match=r"no usable Redis.* copy the file"),
    ):
        local_redis.answers(url.replace("right", "wrong"))
