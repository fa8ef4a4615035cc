"""Covers several modules: the Slack server as a program of the suite."""

import os
import signal
import urllib.request
from pathlib import Path

from tests.servers.ports import free_port
from tests.servers.slack_requests import SIGNING_SECRET
from tests.servers.suite import Suite
from tests.waiting import until


def test_a_slack_server_that_is_killed_comes_back(
    tmp_path: Path,
) -> None:
    port = free_port()
    slack = (
        f"slack: {{bind: '127.0.0.1:{port}', signing_secret: {SIGNING_SECRET}, allowed_users: "
        "[U1]}\n"
    )
    with Suite(tmp_path, slack) as house:
        assert f"commands are answered at 127.0.0.1:{port}" in house.start("slack_server")
        health = house.program("slack_server")
        assert health.healthy
        assert urllib.request.urlopen(f"http://127.0.0.1:{port}/health").read() == b"ok"
        assert health.pid is not None
        os.kill(health.pid, signal.SIGKILL)
        until(
            lambda: (
                house.program("slack_server").healthy
                and house.program("slack_server").pid != health.pid
            ),
            "it is back",
        )
        house.verb("stop")
        assert not house.processes()


def test_a_suite_without_slack_says_so(tmp_path: Path) -> None:
    with Suite(tmp_path) as house:
        assert "Slack: not set up" in " ".join(house.start("uploader").split())
