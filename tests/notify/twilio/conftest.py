"""A Twilio on loopback, and the settings for it."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from app.notify import TwilioSettings
from tests.servers.twilio import ACCOUNT, FROM, OWNER, TOKEN, TwilioServer


@pytest.fixture
def twilio() -> Iterator[TwilioServer]:
    with TwilioServer() as server:
        yield server


@pytest.fixture
def settings(twilio: TwilioServer) -> TwilioSettings:
    return TwilioSettings(twilio.url, ACCOUNT, SecretStr(TOKEN), from_=FROM, to=(OWNER,))
