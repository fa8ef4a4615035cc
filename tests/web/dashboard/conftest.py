"""A browser for the tests of the dashboard."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.web.dashboard.browser import chromium


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, started once for all tests of this folder; it ends after them."""
    with chromium() as started:
        yield started
