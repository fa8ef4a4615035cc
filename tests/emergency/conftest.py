"""A house whose owner is reached by a Slack on loopback."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.config import Config, load_config
from tests.servers.programs import write_config
from tests.servers.slack import BOT_TOKEN, SlackServer
from tests.servers.slack_requests import ALERTS, OWNER


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        yield server


@pytest.fixture
def config(tmp_path: Path, slack: SlackServer) -> Config:
    """A configuration with Slack, and with a Redis that is not there."""
    folder = write_config(tmp_path, "redis://127.0.0.1:1/0")
    (folder / "private.yml").touch(0o600)
    (folder / "private.yml").write_text(
        f"slack: {{api_url: '{slack.url}/api/', bot_token: {BOT_TOKEN}, "
        f"alerts_channel: {ALERTS}, allowed_users: [{OWNER}]}}"
    )
    return load_config(folder)
