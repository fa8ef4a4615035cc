"""Calls to a real supervisord, and to things in its place."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from app.errors import SupervisorUnavailable
from app.launcher.supervisord import SOCKET, shut_down, starts_in, supervised
from tests.waiting import until

CONF = """
[supervisord]
nodaemon = true
[unix_http_server]
file = supervisord.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[program:sleeper]
command = sleep 60
autorestart = true
startsecs = 0
"""


def is_up(run_dir: Path) -> bool:
    try:
        return supervised(run_dir)["sleeper"].state == "RUNNING"
    except SupervisorUnavailable:
        return False


def test_programs_are_seen_until_it_is_shut_down(tmp_path: Path) -> None:
    (tmp_path / "supervisord.conf").write_text(CONF)
    command = [sys.executable, "-m", "supervisor.supervisord", "-c", "supervisord.conf"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) as supervisord:
        until(lambda: is_up(tmp_path), "supervisord runs its program")
        sleeper = supervised(tmp_path)["sleeper"]
        assert sleeper.pid > 0
        assert sleeper.started_at
        assert (sleeper.ended_s, sleeper.problem) == (0, "")
        os.kill(sleeper.pid, signal.SIGKILL)
        until(lambda: supervised(tmp_path)["sleeper"].pid not in (0, sleeper.pid), "it restarts")
        assert supervised(tmp_path)["sleeper"].ended_s > 0
        log = (tmp_path / "supervisord.log").read_bytes()
        assert starts_in(log) == {"sleeper": 2}
        assert starts_in(log + b"X INFO supervisord started with pid 7\n") == {}
        shut_down(tmp_path)
        assert supervisord.wait(20) == 0
    with pytest.raises(SupervisorUnavailable):
        supervised(tmp_path)


def test_without_a_folder_it_does_not_run(tmp_path: Path) -> None:
    with pytest.raises(SupervisorUnavailable, match="does not run"):
        supervised(tmp_path / "nowhere")


def test_a_socket_that_nobody_serves_does_not_answer(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / SOCKET))
        with pytest.raises(SupervisorUnavailable, match="does not answer"):
            supervised(tmp_path)
