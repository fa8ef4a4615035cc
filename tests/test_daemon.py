"""The run loop: step by step in this process, and with real signals in real processes."""

import contextlib
import faulthandler
import json
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from app import protocol, worker
from app.clock import FakeClock
from app.daemon import BEAT_RETRY_S, BEAT_S, run_daemon
from app.errors import ConfigError
from app.programs import is_stuck
from app.protocol import Figure, Heartbeat, by_label
from app.state import State
from app.worker import Worker
from tests.conftest import REPO
from tests.servers.odd_daemon import OddDaemon
from tests.servers.programs import Program, write_config
from tests.servers.redis_server import RedisServer
from tests.waiting import until

Start = Callable[[str], Program]
#: Starts a program with each list of options, and prints the codes. The imports take a second.
SEVERAL_STARTS = """
import json, runpy, sys
program, starts = sys.argv[1], json.loads(sys.argv[2])
codes = []
for options in starts:
    sys.argv[1:] = options
    try:
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        codes.append(ended.code or 0)
print(json.dumps(codes))
"""


@pytest.fixture(autouse=True)
def no_dead_mans_timer() -> Iterator[None]:
    """A daemon that runs in this process leaves its timer, which would end the later tests."""
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def config(redis_server: RedisServer, tmp_path: Path) -> Path:
    return write_config(tmp_path, redis_server.url)


# --- step by step ---


@pytest.fixture
def daemon(
    config: Path, monkeypatch: pytest.MonkeyPatch, root_logger_as_before: None
) -> Iterator[OddDaemon]:
    monkeypatch.delenv("ODD", raising=False)
    monkeypatch.setattr(worker, "_steps", {})  # an earlier test's thread may still hang
    made = OddDaemon(config)
    yield made
    made.state.close()


def heartbeat(state: State) -> Heartbeat:
    found = state.get(protocol.heartbeat_key("odd", protocol.host_name()), Heartbeat)
    assert found
    return found


def trouble(state: State) -> str | None:
    last_error = heartbeat(state).last_error
    return last_error.what if last_error else None


def test_a_heartbeat_has_the_counters_and_no_trouble(daemon: OddDaemon, state: State) -> None:
    assert daemon.attempt() == 3600
    daemon.beat_if_due()
    counters = heartbeat(state).counters
    assert counters["steps"] == 1
    assert (counters["thread_step_s"], counters["thread_late_s"]) == ({}, {})
    assert trouble(state) is None


def test_a_heartbeat_is_due_once_in_fifteen_seconds(daemon: OddDaemon, state: State) -> None:
    daemon.clock = FakeClock()
    daemon.attempt()
    daemon.beat_if_due()
    daemon.attempt()
    daemon.beat_if_due()
    assert heartbeat(state).counters["steps"] == 1
    assert BEAT_S == 15


def test_a_heartbeat_shows_a_thread_that_hangs(
    daemon: OddDaemon, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.daemon.SHOWN_STEP_S", 0.0)
    daemon.attempt()
    hung = threading.Event()
    worker = Worker("odd thread", lambda: float(hung.wait(30)), limit_s=0.2)
    worker.start()
    until(lambda: _late(daemon, state).get("odd thread"), "the thread is late")
    assert by_label(heartbeat(state).counters, "thread_step_s")["odd thread"]
    hung.set()
    worker.ask_to_stop()
    until(lambda: not _late(daemon, state), "it is no longer late")


def _late(daemon: OddDaemon, state: State) -> Mapping[str, Figure]:
    daemon.report_heartbeat()
    return by_label(heartbeat(state).counters, "thread_late_s")


def test_a_program_that_waits_for_long_is_not_stuck(config: Path, state: State) -> None:
    clock = FakeClock()
    daemon = OddDaemon(config, clock=clock)
    daemon.signals = cast(Any, ImpatientSignals(clock))
    assert daemon.attempt() == 3600
    daemon._stop_asked(300.0)
    sent = heartbeat(state)
    assert clock.monotonic() >= 300
    assert not is_stuck(sent, clock.now() - timedelta(seconds=15))
    daemon.state.close()


def test_a_program_that_waits_is_woken(daemon: OddDaemon) -> None:
    assert daemon.attempt() == 3600
    threading.Timer(0.1, daemon.wake).start()
    assert not daemon._stop_asked(3600)
    daemon.wake()
    daemon.signals.put(signal.SIGTERM)
    assert daemon._stop_asked(3600)


class ImpatientSignals:
    """A queue of signals that stays empty, and moves the clock in place of a wait."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock

    def empty(self) -> bool:
        return True

    def get(self, timeout: float) -> int:
        self._clock.advance(timeout)
        raise queue.Empty

    def get_nowait(self) -> int:
        raise queue.Empty


def test_a_failure_is_logged_once_with_growing_waits(
    daemon: OddDaemon, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setenv("ODD", "fail")
    assert [daemon.attempt() for _ in range(3)] == [1.0, 2.0, 3600.0]
    assert caplog.text.count("the router does not answer") == 1
    assert "it works again" in caplog.text
    assert daemon.trouble is None


def test_a_trouble_that_is_over_leaves_the_heartbeat_soon(
    daemon: OddDaemon, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODD", "fail")
    daemon.clock = clock = FakeClock()
    daemon.attempt()
    daemon.beat_if_due()
    assert trouble(state) == "the router does not answer"
    daemon.attempt()
    assert daemon.attempt() == 3600
    clock.advance(BEAT_RETRY_S)
    daemon.beat_if_due()
    assert trouble(state) is None


def test_no_program_waits_on_when_redis_is_back(
    daemon: OddDaemon, redis_server: RedisServer
) -> None:
    daemon.attempt()
    redis_server.kill()
    daemon.report_heartbeat()
    redis_server.start()
    daemon.report_heartbeat()
    assert not daemon._stop_asked(3600)


def test_a_trouble_that_a_step_reports_outlives_a_failure(
    daemon: OddDaemon, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODD", "limp")
    for expected in ("the router does not answer", "the lens is dirty"):
        daemon.attempt()
        daemon.report_heartbeat()
        assert trouble(state) == expected


def test_a_changed_configuration_is_taken_over(
    daemon: OddDaemon, state: State, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon.attempt()
    good = (config / "config.yml").read_text()
    bow = "[[0, 0], [0.4, 0.4], [0.4, 0], [0, 0.4]]"
    cameras = f"cameras: {{back: {{masks: [{bow}]}}}}\n"
    (config / "config.yml").write_text(good + "motion: {alpha: 0.25}\n" + cameras)
    daemon.reload()
    assert heartbeat(state).counters["alpha"] == 0.25
    assert "cameras.back.masks.0: crosses itself" in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("motion: {alpha: 25}\n", "config.yml:5: motion.alpha: must be less than 1, not 25"),
        ("version: [\n", "logging.yml: not a logging configuration"),
    ],
)
def test_a_wrong_configuration_changes_nothing(
    daemon: OddDaemon, state: State, config: Path, text: str, problem: str
) -> None:
    daemon.attempt()
    good = (config / "config.yml").read_text()
    with (config / problem.partition(":")[0]).open("a") as file:
        file.write(text)
    daemon.reload()
    assert problem in str(trouble(state))
    assert heartbeat(state).counters["alpha"] == 0.1
    (config / "config.yml").write_text(good)
    (config / "logging.yml").unlink(missing_ok=True)
    daemon.reload()
    assert trouble(state) is None


def test_a_wrong_configuration_stops_a_start(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (config / "config.yml").write_text("motion: {alpha: 5}\n")
    assert run_daemon(lambda: OddDaemon(config)) == 2
    assert "config.yml:1: motion.alpha: must be less than 1, not 5" in capsys.readouterr().err
    with pytest.raises(ConfigError):
        OddDaemon(config)


@pytest.mark.parametrize("name", ["security_system", "uploader"])
def test_every_program_explains_and_checks_its_options(name: str, config: Path) -> None:
    wrong = ["--conifg", str(config)]
    unknown = ["--config", str(config), "--profile", "nope"]
    command = [sys.executable, "-c", SEVERAL_STARTS, f"app.daemons.{name}"]
    done = subprocess.run(
        [*command, json.dumps([["--help"], wrong, unknown])],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(option in done.stdout for option in ("--config DIR", "--profile NAME"))
    assert done.stdout.splitlines()[-1] == "[0, 2, 2]"
    assert "unrecognized arguments: --conifg" in done.stderr
    assert f"{config / 'profiles'}: there is no profile 'nope'" in done.stderr


# --- as a process ---


@pytest.fixture
def start(config: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """A function that starts an odd daemon."""
    with contextlib.ExitStack() as running:

        def start_odd(odd: str) -> Program:
            monkeypatch.setenv("ODD", odd)
            return running.enter_context(Program("tests.servers.odd_daemon", config))

        yield start_odd


def test_sighup_leads_to_a_step_and_sigterm_to_the_end(
    redis_server: RedisServer, start: Start, config: Path
) -> None:
    program = start("nothing")
    first = program.wait_until_beating(redis_server.url).counters
    assert (first["steps"], first["alpha"]) == (1, 0.1)
    with (config / "config.yml").open("a") as file:
        file.write("motion: {alpha: 0.25}\n")
    program.signal(signal.SIGHUP)
    until(lambda: counters(program, redis_server)["alpha"] == 0.25, "the value is taken over")
    # Each reload sends a heartbeat before the step that follows it.
    program.signal(signal.SIGHUP)
    until(lambda: counters(program, redis_server)["steps"] == 2, "a step followed the first")
    program.signal(signal.SIGTERM)
    assert program.wait(within_s=3) == 0
    assert "closed" in program.log


def counters(program: Program, server: RedisServer) -> dict[str, object]:
    found = program.heartbeat(server.url)
    return dict(found.counters) if found else {"steps": None, "alpha": None}


def test_a_redis_that_comes_back_gets_a_heartbeat_soon(
    redis_server: RedisServer, start: Start
) -> None:
    redis_server.kill()
    program = start("nothing")
    until(lambda: "no heartbeat" in program.log, "it logs that Redis is away")
    redis_server.start()
    until(lambda: program.heartbeat(redis_server.url), "it sends one as soon as it can", 4.0)
    assert program.log.count("no heartbeat") == 1
    program.signal(signal.SIGINT)
    assert program.wait(within_s=3) == 0
    assert "closed" in program.log


def test_a_step_that_hangs_is_ended_with_its_stack(start: Start) -> None:
    program = start("hang")
    assert program.wait(within_s=10) == 1
    assert "Timeout" in program.log
    assert "odd_daemon.py" in program.log


def test_our_own_mistakes_are_logged_and_end_the_process(start: Start) -> None:
    program = start("mistake")
    assert program.wait() == 1
    assert "CRITICAL app.daemon: a mistake in this program ends the thread job-queue" in program.log
    assert "a mistake in this program ends it" in program.log
    assert program.log.count("KeyError: 'a mistake'") == 2
    assert "closed" in program.log
