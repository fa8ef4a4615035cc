"""Fixtures of the tests of person models."""

from pathlib import Path

import pytest

from tests.people.backends import Models


@pytest.fixture(scope="session")
def models(model_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Models:
    """Makes every model that runs here."""
    return Models(model_files, tmp_path_factory.mktemp("models"))
