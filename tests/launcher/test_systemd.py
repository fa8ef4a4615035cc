"""supervisord's notes to systemd, which a socket receives here as systemd does."""

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.launcher.systemd import Systemd
from tests.conftest import REPO
from tests.waiting import patience

CONF = """\
[supervisord]
nodaemon=true
logfile={folder}/supervisord.log
pidfile={folder}/supervisord.pid
[program:shows]
command=/bin/sh -c 'env > {folder}/environment; sleep 60'
"""


@pytest.fixture
def notes(tmp_path: Path) -> Iterator[socket.socket]:
    """A socket like systemd's."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.settimeout(patience(20))
        yield receiver


def environment(notes: socket.socket, watchdog_s: float, pid: int) -> dict[str, str]:
    return {
        "NOTIFY_SOCKET": notes.getsockname(),
        "WATCHDOG_USEC": str(int(watchdog_s * 1e6)),
        "WATCHDOG_PID": str(pid),
    }


def test_it_reports_start_work_and_end(notes: socket.socket) -> None:
    variables = environment(notes, 0.06, os.getpid())
    systemd = Systemd(variables)
    assert variables == {}
    assert systemd.longest_wait_s == pytest.approx(0.02)
    systemd.report(is_stopping=False)
    assert notes.recv(100) == b"READY=1\nWATCHDOG=1"
    while not has_note(notes):
        systemd.report(is_stopping=False)
    assert notes.recv(100) == b"WATCHDOG=1"
    systemd.report(is_stopping=True)
    assert notes.recv(100) == b"STOPPING=1"


def has_note(notes: socket.socket) -> bool:
    return bool(select.select([notes], [], [], 0)[0])


def test_without_a_watchdog_it_says_only_that_it_runs(notes: socket.socket) -> None:
    systemd = Systemd(environment(notes, 60, os.getpid() + 1))
    assert systemd.longest_wait_s == float("inf")
    for _ in range(3):
        systemd.report(is_stopping=False)
    assert notes.recv(100).startswith(b"READY=1")
    assert not has_note(notes)


def test_without_systemd_nothing_is_sent() -> None:
    Systemd({}).report(is_stopping=True)


def test_a_loop_that_hangs_sends_nothing(notes: socket.socket, tmp_path: Path) -> None:
    """The real supervisord; its program does not get the variables for systemd."""
    (tmp_path / "supervisord.conf").write_text(CONF.format(folder=tmp_path))
    supervise = [sys.executable, "-P", "-m", "app.launcher.supervise", "-c", "supervisord.conf"]
    shell = ["/bin/sh", "-c", 'WATCHDOG_PID=$$ exec "$@"', "sh"]
    with subprocess.Popen(
        [*shell, *supervise],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPO)} | environment(notes, 0.9, 0),
        stdout=subprocess.DEVNULL,
    ) as supervisord:
        assert notes.recv(100).startswith(b"READY=1")
        for _ in range(3):
            assert notes.recv(100) == b"WATCHDOG=1"
        supervisord.send_signal(signal.SIGSTOP)
        notes.settimeout(0.9)
        with pytest.raises(TimeoutError):
            while True:
                notes.recv(100)
        notes.settimeout(patience(20))
        supervisord.send_signal(signal.SIGCONT)
        supervisord.send_signal(signal.SIGTERM)
        while notes.recv(100) != b"STOPPING=1":
            pass
        assert supervisord.wait(patience(20)) == 0
    assert "WATCHDOG" not in (tmp_path / "environment").read_text()
    assert "NOTIFY" not in (tmp_path / "environment").read_text()
