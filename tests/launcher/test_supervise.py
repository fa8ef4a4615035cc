"""Our supervisord: it starts programs, also unasked, and its logs survive a full disk."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from supervisor import loggers

from app.launcher import supervise
from tests.servers.programs import REPO
from tests.waiting import patience, until

CONF = """
[supervisord]
nodaemon = true
silent = true
logfile = {folder}/log
pidfile = {folder}/pid
[program:lasting]
command = /bin/sh -c "echo $$ >> {folder}/started; exec sleep 60"
startsecs = 0
[program:broken]
command = {python} -m app.launcher.redis_starter too few
startsecs = 10
redirect_stderr = true
stdout_logfile = {folder}/broken
"""


@pytest.fixture
def supervisord(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Our supervisord with two programs, whom nobody calls."""
    conf = tmp_path / "supervisord.conf"
    conf.write_text(CONF.format(folder=tmp_path, python=sys.executable))
    command = [sys.executable, "-P", "-m", "app.launcher.supervise", "-c", str(conf)]
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(REPO)}) as process:
        yield process
        process.kill()


def test_it_starts_programs_again_without_a_call(
    supervisord: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    def started() -> list[str]:
        path = tmp_path / "started"
        return path.read_text().split() if path.exists() else []

    def log() -> str:
        return (tmp_path / "log").read_text()

    until(lambda: len(started()) == 1, "a program is started")
    os.kill(int(started()[0]), signal.SIGKILL)
    until(lambda: len(started()) == 2, "a killed program is started again")
    until(lambda: log().count("spawned: 'broken'") > 1, "a broken program is tried again")
    assert "exited: broken (exit status 1; not expected)" in log()
    assert "ValueError: not enough values to unpack" in (tmp_path / "broken").read_text()
    supervisord.send_signal(signal.SIGHUP)
    until(lambda: len(started()) == 3, "after a reload it is started again")
    supervisord.terminate()
    assert supervisord.wait(patience(10)) == 0


def test_a_log_continues_after_a_failed_rollover(tmp_path: Path) -> None:
    path = tmp_path / "program.log"
    handler = loggers.RotatingFileHandler(str(path), maxBytes=10, backupCount=1)
    handler.stream.write(b"a long first line\n")
    handler.stream.close()  # an earlier failure left it so
    supervise._roll_over_if_possible(handler)
    handler.stream.write(b"second\n")
    handler.stream.flush()
    assert path.read_bytes().endswith(b"second\n")
    handler.close()


def test_a_log_rolls_over_where_it_can(tmp_path: Path) -> None:
    path = tmp_path / "program.log"
    handler = loggers.RotatingFileHandler(str(path), maxBytes=10, backupCount=1)
    handler.stream.write(b"a long first line\n")
    handler.stream.flush()
    supervise._roll_over_if_possible(handler)
    assert (tmp_path / "program.log.1").read_bytes() == b"a long first line\n"
    assert path.read_bytes() == b""
    handler.close()
