"""The run loop, in real processes with real signals."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.state import State
from tests.servers.programs import Program, eventually, write_config
from tests.servers.redis_server import RedisServer


@pytest.fixture
def state(redis_server: RedisServer, tmp_path: Path) -> Iterator[State]:
    write_config(tmp_path, redis_server.url)
    opened = State(redis_server.url)
    yield opened
    opened.close()


def odd(folder: Path, does: str = "") -> Program:
    program = Program("tests.servers.odd_daemon", folder, ODD=does)
    program.name = "odd"
    return program


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    with odd(tmp_path) as running:
        yield running


def counted(program: Program, state: State, what: str) -> object:
    beat = program.heartbeat(state)
    return beat and beat.counters[what]


def trouble(program: Program, state: State) -> str | None:
    beat = program.heartbeat(state)
    return beat.last_error.what if beat and beat.last_error else None


def test_a_heartbeat_carries_progress(state: State, program: Program) -> None:
    beat = program.await_heartbeat(state)
    assert beat.counters == {"steps": 1, "alpha": 0.1}
    assert beat.last_error is None


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_long_wait_at_once_and_gently(state: State, program: Program, signum: signal.Signals) -> None:
    program.await_heartbeat(state)
    program.signal(signum)
    assert program.wait(within_s=3) == 0
    assert "closed" in program.log


def test_sighup_reads_the_configuration_again_and_a_wrong_one_changes_nothing(state: State, program: Program, tmp_path: Path) -> None:
    program.await_heartbeat(state)
    config = tmp_path / "config" / "config.yml"
    good = config.read_text()

    config.write_text(good + "motion: {alpha: 0.25}\n")
    program.signal(signal.SIGHUP)
    eventually(lambda: counted(program, state, "alpha") == 0.25, "the new value")

    config.write_text(good + "motion: {alpha: 25}\n")
    program.signal(signal.SIGHUP)
    eventually(lambda: trouble(program, state), "the mistake in the heartbeat")
    assert "config.yml:3: motion.alpha: must be less than 1, not 25" in (trouble(program, state) or "")
    assert counted(program, state, "alpha") == 0.25

    config.write_text(good)
    program.signal(signal.SIGHUP)
    eventually(lambda: trouble(program, state) is None and counted(program, state, "alpha") == 0.1, "the mended file")


def test_a_step_that_hangs_is_ended_with_its_stack_in_the_log(tmp_path: Path, state: State) -> None:
    with odd(tmp_path, "hang") as program:
        assert program.wait(within_s=10) == 1
        assert "Timeout" in program.log
        assert "odd_daemon.py" in program.log


def test_the_worlds_failure_is_logged_once_backed_off_from_and_got_over(tmp_path: Path, state: State) -> None:
    with odd(tmp_path, "fail") as program:
        program.await_log("it works again")
        assert program.log.count("the router does not answer") == 1


def test_our_own_mistake_ends_the_process_with_a_traceback_and_closes(tmp_path: Path, state: State) -> None:
    with odd(tmp_path, "err") as program:
        assert program.wait() == 1
        assert "a mistake of ours ends this program" in program.log
        assert "KeyError: 'a mistake'" in program.log
        assert "closed" in program.log


def test_a_wrong_configuration_stops_a_start_and_is_printed(tmp_path: Path, state: State) -> None:
    (tmp_path / "config" / "config.yml").write_text("motion: {alpha: 5}\n")
    with odd(tmp_path) as program:
        assert program.wait() == 2
        assert "config.yml:1: motion.alpha: must be less than 1, not 5" in program.log


def test_with_redis_away_a_program_goes_on_and_says_so_once(tmp_path: Path, redis_server: RedisServer, state: State) -> None:
    redis_server.kill()
    with odd(tmp_path) as program:
        program.await_log("no heartbeat")
        redis_server.start()
        program.signal(signal.SIGHUP)
        program.await_heartbeat(state)
        assert program.log.count("no heartbeat") == 1
