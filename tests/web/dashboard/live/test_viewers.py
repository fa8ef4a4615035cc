"""Covers several modules: viewers of the live picture under the real gunicorn, also slow ones."""

import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from redis import Redis

from app.state import State
from tests.servers.ports import free_port
from tests.servers.programs import Program, write_config
from tests.servers.redis_server import RedisServer
from tests.waiting import Stopwatch, patience, until

FILLER = b"." * 40_000
WATCHED = "camera:front:watched"


class Watched:
    """The dashboard of a demo under gunicorn, and the pictures that its camera publishes."""

    def __init__(self, port: int, program: Program, state: State, redis: Redis) -> None:
        self.address = ("127.0.0.1", port)
        self.program = program
        self.redis = redis
        self._state = state
        self._number = 0

    def viewer(self, receive_bytes: int = 1_000_000) -> socket.socket:
        """Somebody who looks, and whose system takes *receive_bytes* that nobody has read yet."""
        found = socket.socket()
        found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        found.settimeout(20)
        found.connect(self.address)
        found.sendall(b"GET /live/front HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        until(lambda: b"--picture" in found.recv(100_000), "the stream begins")
        until(lambda: self.redis.exists(WATCHED), "the camera is asked")
        return found

    def publish(self) -> int:
        """Publish the next picture; returns its number."""
        self._number += 1
        self._state.publish_frame("front", b"<%d>" % self._number + FILLER)
        return self._number

    def is_asked(self) -> bool:
        """Whether somebody still asks the camera for pictures."""
        self.redis.delete(WATCHED)
        time.sleep(2.2)
        return bool(self.redis.exists(WATCHED))


def numbers(viewer: socket.socket, last: int) -> list[int]:
    """The numbers of all pictures up to the *last* that *viewer* gets."""
    got = b""
    while b"<%d>" % last not in got:
        part = viewer.recv(100_000)
        assert part, "the stream has ended"
        got += part
    return [int(number) for number in re.findall(rb"<(\d+)>", got)]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    port = free_port()
    with ExitStack() as stack:
        stack.enter_context(pytest.MonkeyPatch.context()).setenv("WHOS_THERE_SOURCE", "demo")
        server = stack.enter_context(RedisServer(tmp_path_factory.mktemp("redis")))
        more = f"dashboard: {{bind: '127.0.0.1:{port}'}}\n"
        config = write_config(tmp_path_factory.mktemp("house"), server.url, more)
        program = stack.enter_context(Program("gunicorn", config, "-c", "gunicorn.conf"))
        program.wait_until_beating(server.url)
        state = State(server.url)
        stack.callback(state.close)
        redis = stack.enter_context(Redis.from_url(server.url))
        yield Watched(port, program, state, redis)


def test_a_slow_viewer_holds_nobody_and_is_hardly_behind(watched: Watched) -> None:
    with watched.viewer(4096) as slow, watched.viewer() as quick:
        for _ in range(50):
            number = watched.publish()
            assert numbers(quick, number) == [number]
        seen = numbers(slow, number)
    assert seen[-1] == number
    assert len(seen) <= 4


def test_a_viewer_that_is_gone_is_noticed_without_pictures(watched: Watched) -> None:
    watched.viewer().close()
    until(lambda: not watched.is_asked(), "nobody asks any more")


def test_a_viewer_that_reads_nothing_is_cut_off(watched: Watched) -> None:
    with watched.viewer(4096) as stuck:

        def is_cut_off() -> bool:
            watched.publish()
            return not watched.redis.pubsub_numsub("camera:front:frames")[0][1]

        until(is_cut_off, "nobody is served any more", 12.0, 0.2)
        assert stuck.fileno() >= 0


def test_streams_end_when_the_program_must_end(watched: Watched) -> None:
    with watched.viewer() as viewer:
        with Stopwatch() as watch:
            watched.program.stop()
            assert viewer.recv(100_000).endswith(b"0\r\n\r\n")
        assert watch.seconds < patience(15.0)
