"""A notifier and an API for the Slack of a test."""

import pytest
from pydantic import SecretStr

from app.clock import FakeClock
from app.notify import SlackSettings
from app.notify.slack.api import SlackApi
from app.notify.slack.notifier import SlackNotifier
from tests.servers.slack import BOT_TOKEN, SlackServer
from tests.servers.slack_requests import ALERTS


@pytest.fixture
def api(slack: SlackServer, clock: FakeClock) -> SlackApi:
    return SlackApi(slack.api_url, BOT_TOKEN, clock)


@pytest.fixture
def notifier(slack: SlackServer, clock: FakeClock) -> SlackNotifier:
    return SlackNotifier(SlackSettings(slack.api_url, SecretStr(BOT_TOKEN), ALERTS), clock)
