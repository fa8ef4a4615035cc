"""A browser for the tests of the dashboard."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.web.dashboard.browser import chromium
from tests.web.dashboard.house import House


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, started once for all tests of this folder; it ends after them."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, footage: Path) -> Iterator[House]:
    """A house with real footage and a dashboard, started once for the tests of a file.

    Put that file's name into `HOUSES` of tests/conftest.py.
    """
    with House(tmp_path_factory.mktemp("house"), footage) as started:
        yield started
