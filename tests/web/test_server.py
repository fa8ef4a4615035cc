"""The Slack server as a process: heartbeat, memory, configuration, and a Redis in trouble."""

import inspect
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from flask import Flask
from gunicorn.arbiter import Arbiter

from app import protocol
from app.commands.context import NOT_ALLOWED, REDIS_AWAY
from app.config import FOLDER_VARIABLE
from app.launcher.processes import lives
from app.protocol import Heartbeat
from app.web import IDLE_WORK, server
from tests.servers.programs import REPO, Program, write_config
from tests.servers.redis_server import RedisServer
from tests.servers.slack import SlackServer
from tests.servers.slack_requests import OWNER
from tests.waiting import Stopwatch, patience, until
from tests.web.conftest import SLACK_WAITS_S, Endpoint


@pytest.fixture(scope="module")
def robust_endpoint(
    tmp_path_factory: pytest.TempPathFactory, slack: SlackServer
) -> Iterator[Endpoint]:
    """One for all tests that leave it as they found it."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as redis_server:
        endpoint = Endpoint(tmp_path_factory.mktemp("endpoint"), redis_server, slack)
        with endpoint.redis, ExitStack() as stack:
            stack.push(endpoint.program)
            endpoint.start()
            yield endpoint


def test_the_heartbeat_has_the_masters_pid_and_counters(robust_endpoint: Endpoint) -> None:
    robust_endpoint.redis.flushall()
    robust_endpoint.program.signal(signal.SIGHUP)
    heartbeat = robust_endpoint.program.wait_until_beating(robust_endpoint.server.url)
    assert heartbeat.pid == robust_endpoint.program.pid
    assert heartbeat.counters.keys() == {"requests", "refused", "errors", "last_request"}
    key = protocol.heartbeat_key("slack_server", protocol.host_name())
    assert robust_endpoint.redis.get(key)


def test_it_loads_neither_opencv_nor_an_sdk(endpoint: Endpoint) -> None:
    script = (
        "import sys; from app.web import patient_worker, server; server.current(); "
        "print(*sorted({'cv2', 'numpy', 'av', 'slack_sdk', 'requests', 'boto3', 'psutil'} & "
        "sys.modules.keys()))"
    )
    environment = {**os.environ, FOLDER_VARIABLE: str(endpoint.folder / "config")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=REPO,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == []


def test_it_ends_within_six_seconds_and_leaves_nobody(own_endpoint: Endpoint) -> None:
    children = psutil.Process(own_endpoint.program.pid).children()
    assert own_endpoint.program.stop(within_s=6) == 0
    assert not any(child.is_running() for child in children)


def test_a_killed_master_takes_its_workers_along(own_endpoint: Endpoint) -> None:
    children = psutil.Process(own_endpoint.program.pid).children()
    own_endpoint.program.kill()
    until(lambda: not any(lives(child.pid) for child in children), "the workers have ended", 5.0)


def test_gunicorns_master_waits_as_we_expect() -> None:
    assert [*inspect.signature(Arbiter.wait_for_signals).parameters] == ["self", "timeout"]
    assert "self.wait_for_signals(timeout=1.0)" in inspect.getsource(Arbiter.run)


def test_a_changed_configuration_is_taken_over(robust_endpoint: Endpoint) -> None:
    endpoint = robust_endpoint
    assert endpoint.command("/help", "U0BEN00001").reply == NOT_ALLOWED
    endpoint.configure(users=(OWNER, "U0BEN00001"))
    endpoint.program.signal(signal.SIGHUP)
    until(
        lambda: endpoint.command("/help", "U0BEN00001").reply != NOT_ALLOWED,
        "the new one may command",
    )


def test_a_wrong_configuration_is_reported_and_not_used(robust_endpoint: Endpoint) -> None:
    endpoint, config = robust_endpoint, robust_endpoint.folder / "config" / "config.yml"
    good = config.read_text()
    config.write_text(good + "motion: {alpha: 7}\n")
    endpoint.program.signal(signal.SIGHUP)
    assert "motion.alpha" in str(until(lambda: trouble(endpoint), "the heartbeat reports it"))
    assert endpoint.command("/help").status == 200
    config.write_text(good)
    endpoint.program.signal(signal.SIGHUP)
    until(
        lambda: endpoint.program.heartbeat(endpoint.server.url) and not trouble(endpoint),
        "all is well again",
    )
    assert "Traceback" not in endpoint.program.log


def trouble(endpoint: Endpoint) -> str | None:
    heartbeat: Heartbeat | None = endpoint.program.heartbeat(endpoint.server.url)
    return heartbeat.last_error.what if heartbeat and heartbeat.last_error else None


WRONG_CONFIGURATIONS = [
    ("motion: {alpha: 7}\n", "motion.alpha"),
    ("", "slack.signing_secret is missing"),
    ("slack: {signing_secret: ' ', allowed_users: [U1]}\n", "slack.signing_secret"),
    ("slack: {signing_secret: abc}\n", "slack.allowed_users is empty"),
]


@pytest.mark.parametrize(("config", "problem"), WRONG_CONFIGURATIONS)
def test_without_a_good_configuration_the_process_ends(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    config: str,
    problem: str,
) -> None:
    folder = write_config(tmp_path, "redis://127.0.0.1:1", config)
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    with pytest.raises(SystemExit) as ended:
        server.current()
    assert ended.value.code == 2
    assert problem in capsys.readouterr().err


def test_gunicorn_does_not_start_with_a_wrong_configuration(tmp_path: Path) -> None:
    folder = write_config(tmp_path, "redis://127.0.0.1:1")
    with Program("gunicorn", folder, "-c", "gunicorn.conf") as program:
        assert program.wait() == 2
        assert "slack.signing_secret is missing" in program.log
        assert "Traceback" not in program.log


def test_no_variable_changes_the_addresses(
    tmp_path: Path,
    redis_server: RedisServer,
    slack: SlackServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SCRIPT_NAME", "/x")
    endpoint = Endpoint(tmp_path, redis_server, slack)
    with endpoint.redis, ExitStack() as stack:
        stack.push(endpoint.program)
        endpoint.start()
        assert endpoint.command("/help").status == 200


def in_time(endpoint: Endpoint, line: str) -> str:
    """Return the reply to *line*, which must come while Slack waits."""
    with Stopwatch() as watch:
        reply = endpoint.command(line).reply
    assert watch.seconds < patience(SLACK_WAITS_S)
    return reply


def test_a_killed_redis_is_answered_in_words(robust_endpoint: Endpoint) -> None:
    endpoint = robust_endpoint
    clicks = [endpoint.slack.sign(f"payload=%7B%7D&n={number}".encode()) for number in range(58)]
    endpoint.server.kill()
    lines = ("/status", "/pycam_off", "/help", "/nonsense")
    assert [in_time(endpoint, line) for line in lines] == [REDIS_AWAY] * 4
    # Slack shows a failed click to the person; it would show no reply.
    assert {endpoint.send("/interactive", click).status for click in clicks} == {503}
    assert endpoint.ask("GET", "/health").status == 503
    endpoint.server.start()
    until(lambda: "Disarmed" in endpoint.command("/pycam_off").reply, "it works again")
    until(lambda: endpoint.ask("GET", "/health").status == 200, "it is healthy again")
    assert "Traceback" not in endpoint.program.log


def test_a_hung_redis_is_answered_while_slack_waits(robust_endpoint: Endpoint) -> None:
    endpoint = robust_endpoint
    os.kill(endpoint.server.pid, signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(50) as pool:
            replies = set(pool.map(lambda _: in_time(endpoint, "/pycam_off"), range(50)))
    finally:
        os.kill(endpoint.server.pid, signal.SIGCONT)
    assert replies == {REDIS_AWAY}
    until(lambda: "armed" in endpoint.command("/status").reply.lower(), "it works again")


class SlowRedis:
    """A Redis in front of *server* that takes *delay_s* for every answer."""

    def __init__(self, server: RedisServer, folder: Path) -> None:
        self.delay_s = 0.0
        self.url = f"unix://{folder}/slow.sock"
        self._behind = server.url.removeprefix("unix://")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f"{folder}/slow.sock")
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            behind = socket.socket(socket.AF_UNIX)
            behind.connect(self._behind)
            for source, target, is_answer in ((client, behind, False), (behind, client, True)):
                passing = threading.Thread(
                    target=self._pass_on, args=(source, target, is_answer), daemon=True
                )
                passing.start()

    def _pass_on(self, source: socket.socket, target: socket.socket, is_answer: bool) -> None:
        with source, target:
            try:
                while part := source.recv(65_536):
                    if is_answer:
                        time.sleep(self.delay_s)
                    target.sendall(part)
            # One side has closed.
            except OSError:
                return


def test_a_slow_redis_is_answered_while_slack_waits(
    tmp_path: Path, redis_server: RedisServer, slack: SlackServer
) -> None:
    slow = SlowRedis(redis_server, tmp_path)
    endpoint = Endpoint(tmp_path, redis_server, slack)
    config = endpoint.folder / "config" / "config.yml"
    config.write_text(config.read_text().replace(redis_server.url, slow.url))
    with endpoint.redis, endpoint.program:
        until(lambda: "Booting worker" in endpoint.program.log, "it is up")
        for slow.delay_s in (0.2, 0.5, 0.65, 1.5):
            for line in ("/status", "/initialize", "/pycam_off", "/last_image"):
                reply = in_time(endpoint, line)
                assert reply == REDIS_AWAY or slow.delay_s < 1
    slow.close()


def test_an_app_does_its_work_in_the_idle_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.web.server.BUSY_S", 0.0)
    app, done = Flask("quiet"), threading.Event()
    server.begin_idle_work(app)
    app.extensions[IDLE_WORK] = done.set
    server.begin_idle_work(app)
    assert done.wait(patience(10.0))
