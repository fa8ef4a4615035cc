"""The Slack server as a process: its pulse, its memory, changed configurations, and a Redis that is
away, hung or slow.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from app import protocol
from app.commands.context import REDIS_AWAY
from app.config import FOLDER_VARIABLE
from app.protocol import Heartbeat
from tests.servers.programs import REPO, Program, write_config
from tests.servers.redis_server import RedisServer
from tests.servers.slack import OWNER, SlackServer
from tests.waiting import until
from tests.web.slack.conftest import SLACK_WAITS_S, Door


def test_its_heart_beats_in_the_masters_name_with_what_it_has_done(own_door: Door) -> None:
    own_door.command("/status")
    own_door.command("/pycam_off", "U0STRANGER")
    own_door.redis.flushall()
    own_door.program.signal(signal.SIGHUP)
    beat = own_door.program.wait_until_beating(own_door.server.url)
    assert beat.pid == own_door.program.pid
    assert beat.counters.keys() == {"requests", "refused", "errors", "last_request"}
    key = protocol.heartbeat_key("slack_server", protocol.host_name())
    assert own_door.redis.get(key)


def test_both_processes_together_have_less_than_80_mb(own_door: Door) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert all(
            answer.status == 200
            for answer in pool.map(lambda _: own_door.command("/status"), range(100))
        )
    master = psutil.Process(own_door.program.pid)
    processes = [master, *master.children(recursive=True)]
    assert len(processes) == 2
    assert sum(process.memory_full_info().pss for process in processes) < 80e6


def test_it_loads_neither_opencv_nor_an_sdk(own_door: Door) -> None:
    heavy = (
        "print(*sorted({'cv2', 'numpy', 'av', 'slack_sdk', 'requests', 'boto3', 'psutil', "
        "'app.detector'} & sys.modules.keys()))"
    )
    script = f"import sys; from app.web.slack import patient_worker, server; server.application(); {heavy}"
    environment = {**os.environ, FOLDER_VARIABLE: str(own_door.folder / "config")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=REPO,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(done.stdout.split()) <= {"app.detector"}


def test_it_ends_within_six_seconds_and_leaves_nobody_behind(own_door: Door) -> None:
    children = psutil.Process(own_door.program.pid).children()
    assert own_door.program.stop(within_s=6) == 0
    assert not any(child.is_running() for child in children)


def test_a_changed_configuration_is_taken_over(own_door: Door) -> None:
    assert own_door.command("/help", "U0BEN00001").status == 401
    own_door.configure(users=(OWNER, "U0BEN00001"))
    own_door.program.signal(signal.SIGHUP)
    until(lambda: own_door.command("/help", "U0BEN00001").status == 200, "the new one is let in")


def test_a_wrong_configuration_takes_nothing_down_and_is_said(own_door: Door) -> None:
    good = (own_door.folder / "config" / "config.yml").read_text()
    (own_door.folder / "config" / "config.yml").write_text(good + "motion: {alpha: 7}\n")
    own_door.program.signal(signal.SIGHUP)
    assert "motion.alpha" in until(lambda: trouble(own_door), "the heartbeat tells of it")
    assert own_door.command("/help").status == 200
    (own_door.folder / "config" / "config.yml").write_text(good)
    own_door.program.signal(signal.SIGHUP)
    until(
        lambda: own_door.program.heartbeat(own_door.server.url) and not trouble(own_door),
        "all is well again",
    )
    assert "Traceback" not in own_door.program.log


def trouble(door: Door) -> str | None:
    beat: Heartbeat | None = door.program.heartbeat(door.server.url)
    return beat.last_error.what if beat and beat.last_error else None


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("motion: {alpha: 7}\n", "motion.alpha"),
        ("", "slack.signing_secret is missing"),
        ("slack: {signing_secret: ' ', allowed_users: [U1]}\n", "slack.signing_secret is missing"),
        ("slack: {signing_secret: abc}\n", "slack.allowed_users is empty"),
    ],
)
def test_it_does_not_start_with_a_wrong_configuration(
    tmp_path: Path, config: str, said: str
) -> None:
    with Program(
        "gunicorn", write_config(tmp_path, "redis://127.0.0.1:1", config), "-c", "gunicorn.conf"
    ) as program:
        assert program.wait() == 2
        assert said in program.log
        assert "Traceback" not in program.log


def in_time(door: Door, line: str) -> str:
    """The answer to *line*, which must come while Slack waits."""
    began_s = time.monotonic()
    said = door.command(line).said
    assert time.monotonic() - began_s < SLACK_WAITS_S
    return said


def test_with_redis_killed_everybody_is_told_so_and_it_works_again_afterwards(
    own_door: Door,
) -> None:
    own_door.server.kill()
    assert [
        in_time(own_door, line) for line in ("/status", "/pycam_off", "/help", "/nonsense")
    ] == [REDIS_AWAY] * 4
    assert own_door.ask("GET", "/health").status == 503
    own_door.server.start()
    until(lambda: "Disarmed" in own_door.command("/pycam_off").said, "it works again")
    until(lambda: own_door.ask("GET", "/health").status == 200, "it is healthy again")
    assert "Traceback" not in own_door.program.log


def test_with_redis_hung_everybody_is_told_so_while_slack_waits_however_many_they_are(
    own_door: Door,
) -> None:
    os.kill(own_door.server.pid, signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(50) as pool:
            assert set(pool.map(lambda _: in_time(own_door, "/pycam_off"), range(50))) == {
                REDIS_AWAY
            }
    finally:
        os.kill(own_door.server.pid, signal.SIGCONT)
    until(lambda: "armed" in own_door.command("/status").said.lower(), "it works again")


def test_a_click_with_redis_away_is_told_so_too(own_door: Door) -> None:
    own_door.server.kill()
    signed = own_door.slack.sign(b"payload=%7B%7D")
    assert own_door.send("/interactive", signed).said == REDIS_AWAY


@contextmanager
def slow(server: RedisServer, folder: Path, delay_s: float) -> Iterator[str]:
    """A Redis in front of *server* that takes *delay_s* for every answer; its address."""
    over = threading.Event()
    path = str(folder / "slow.sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            behind = socket.socket(socket.AF_UNIX)
            behind.connect(server.url.removeprefix("unix://"))
            threading.Thread(target=pass_on, args=(client, behind, 0.0), daemon=True).start()
            threading.Thread(target=pass_on, args=(behind, client, delay_s), daemon=True).start()

    def pass_on(source: socket.socket, target: socket.socket, delay_s: float) -> None:
        with source, target:
            try:
                while (part := source.recv(65_536)) and not over.wait(delay_s):
                    target.sendall(part)
            except OSError:  # one side has had enough
                return

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"unix://{path}"
    finally:
        over.set()
        listener.close()


@pytest.mark.parametrize("delay_s", [0.2, 0.5, 0.65, 1.5])
def test_with_a_slow_redis_everybody_is_answered_while_slack_waits(
    tmp_path: Path, redis_server: RedisServer, slack: SlackServer, delay_s: float
) -> None:
    with slow(redis_server, tmp_path, delay_s) as url:
        door = Door(tmp_path, redis_server, slack)
        (door.folder / "config" / "config.yml").write_text(
            (door.folder / "config" / "config.yml").read_text().replace(redis_server.url, url)
        )
        with door.redis, door.program:
            until(lambda: "Booting worker" in door.program.log, "it is up")
            for line in (
                "/status",
                "/initialize",
                "/pycam_off",
                "/last_image",
                "/current_position",
            ):
                said = in_time(door, line)
                assert said == REDIS_AWAY or delay_s < 1
