"""The run loop, in real processes with real signals."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers.programs import Program, write_config
from tests.servers.redis_server import RedisServer
from tests.waiting import until

Start = Callable[[str], Program]


@pytest.fixture
def start(
    redis_server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Start]:
    """Starts an odd daemon that does what it is told."""
    config = write_config(tmp_path, redis_server.url)
    with contextlib.ExitStack() as running:

        def start_odd(does: str) -> Program:
            monkeypatch.setenv("ODD", does)
            return running.enter_context(Program("tests.servers.odd_daemon", config))

        yield start_odd


def counted(program: Program, server: RedisServer, what: str) -> object:
    beat = program.heartbeat(server.url)
    return beat and beat.counters[what]


def trouble(program: Program, server: RedisServer) -> str | None:
    beat = program.heartbeat(server.url)
    return beat.last_error.what if beat and beat.last_error else None


def test_a_heartbeat_carries_progress(redis_server: RedisServer, start: Start) -> None:
    beat = start("nothing").wait_until_beating(redis_server.url)
    assert beat.counters == {"steps": 1, "alpha": 0.1}
    assert beat.last_error is None


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_long_wait_at_once_and_gently(
    redis_server: RedisServer, start: Start, signum: signal.Signals
) -> None:
    program = start("nothing")
    program.wait_until_beating(redis_server.url)
    program.signal(signum)
    assert program.wait(within_s=3) == 0
    assert "closed" in program.log


def test_sighup_reads_the_configuration_again_and_a_wrong_one_changes_nothing(
    redis_server: RedisServer, start: Start, tmp_path: Path
) -> None:
    program = start("nothing")
    program.wait_until_beating(redis_server.url)
    config = tmp_path / "config" / "config.yml"
    good = config.read_text()

    config.write_text(good + "motion: {alpha: 0.25}\n")
    program.signal(signal.SIGHUP)
    until(lambda: counted(program, redis_server, "alpha") == 0.25, "the new value is taken over")
    until(
        lambda: counted(program, redis_server, "steps") == 2,
        "the next step is not waited for",
        40.0,
    )

    config.write_text(good + "motion: {alpha: 25}\n")
    program.signal(signal.SIGHUP)
    until(lambda: trouble(program, redis_server), "the mistake is in the heartbeat")
    assert "config.yml:3: motion.alpha: must be less than 1, not 25" in (
        trouble(program, redis_server) or ""
    )
    assert counted(program, redis_server, "alpha") == 0.25

    config.write_text(good)
    program.signal(signal.SIGHUP)
    until(
        lambda: (
            trouble(program, redis_server) is None
            and counted(program, redis_server, "alpha") == 0.1
        ),
        "the mended file is read",
    )


def test_a_wrong_logging_file_changes_nothing_while_it_runs(
    redis_server: RedisServer, start: Start, tmp_path: Path
) -> None:
    program = start("nothing")
    program.wait_until_beating(redis_server.url)
    (tmp_path / "config" / "logging.yml").write_text("version: [\n")
    program.signal(signal.SIGHUP)
    until(
        lambda: "logging.yml" in (trouble(program, redis_server) or ""),
        "the mistake is in the heartbeat",
    )
    assert "logging.yml: not a logging configuration" in program.log


def test_a_step_that_hangs_is_ended_with_its_stack_in_the_log(start: Start) -> None:
    program = start("hang")
    assert program.wait(within_s=10) == 1
    assert "Timeout" in program.log
    assert "odd_daemon.py" in program.log


def test_the_worlds_failure_is_logged_once_backed_off_from_and_got_over(start: Start) -> None:
    program = start("fail")
    until(lambda: "it works again" in program.log, "it works again")
    assert program.log.count("the router does not answer") == 1


def test_what_a_step_found_wrong_is_still_told_when_the_worlds_failure_is_got_over(
    redis_server: RedisServer, start: Start
) -> None:
    program = start("limp")
    until(lambda: "it works again" in program.log, "it works again")
    program.signal(signal.SIGHUP)
    until(
        lambda: counted(program, redis_server, "steps") == 2, "it beats before its next step", 40.0
    )
    assert trouble(program, redis_server) == "the lens is dirty"


def test_a_threads_mistake_is_logged_with_its_traceback(start: Start) -> None:
    program = start("thread")
    until(
        lambda: "CRITICAL app.daemon: a mistake of ours ends the thread darkroom" in program.log,
        "it is logged",
    )
    until(lambda: "KeyError: 'a mistake'" in program.log, "with its traceback")


def test_our_own_mistake_ends_the_process_with_a_traceback_and_closes(start: Start) -> None:
    program = start("err")
    assert program.wait() == 1
    assert "a mistake of ours ends this program" in program.log
    assert "KeyError: 'a mistake'" in program.log
    assert "closed" in program.log


def test_a_wrong_configuration_stops_a_start_and_is_printed(start: Start, tmp_path: Path) -> None:
    (tmp_path / "config" / "config.yml").write_text("motion: {alpha: 5}\n")
    program = start("nothing")
    assert program.wait() == 2
    assert "config.yml:1: motion.alpha: must be less than 1, not 5" in program.log


def test_with_redis_away_a_program_goes_on_and_says_so_once(
    redis_server: RedisServer, start: Start
) -> None:
    redis_server.kill()
    program = start("nothing")
    until(lambda: "no heartbeat" in program.log, "it says that Redis is away")
    redis_server.start()
    until(lambda: program.heartbeat(redis_server.url), "it beats as soon as it can", 4.0)
    assert program.log.count("no heartbeat") == 1
