"""Covers several modules: a suite in Socket Mode."""

import json
from pathlib import Path

import psutil

from tests.servers.slack import APP_TOKEN, BOT_TOKEN, SlackServer
from tests.servers.slack_requests import ALERTS, OWNER
from tests.servers.slack_socket import SocketServer
from tests.servers.suite import Suite


def test_socket_mode_answers_slack_without_an_open_port(tmp_path: Path) -> None:
    with SlackServer() as slack, SocketServer(slack) as socket:
        settings = {
            "mode": "socket",
            "api_url": slack.api_url,
            "app_token": APP_TOKEN,
            "bot_token": BOT_TOKEN,
            "allowed_users": [OWNER],
            "alerts_channel": ALERTS,
        }
        with Suite(tmp_path, private=f"slack: {json.dumps(settings)}\n") as suite:
            printed = suite.start("redis", "slack_socket", "notifier")
            assert "no port is open" in printed
            socket.wait_until_opened()
            assert "Disarmed" in socket.slash("/pycam_off")
            found = suite.processes()
            assert "slack_server" not in found
            listening = {
                name
                for name, process in found.items()
                for one in process.net_connections("inet")
                if one.status == psutil.CONN_LISTEN
            }
            assert listening <= {"redis"}
