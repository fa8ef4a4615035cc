"""A Slack and a clock for the tests of several channels."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from app.clock import FakeClock
from tests.servers.slack import SlackServer


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        yield server


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime(2026, 11, 20, 10, 15, 3, tzinfo=UTC))
