"""Fixtures for the tests of scripts that set the suite up."""

import pytest

from tests.scripts.test_setup import MakeCheckout, checkout_in, ordinary_commands


@pytest.fixture(scope="session")
def make_checkout(tmp_path_factory: pytest.TempPathFactory) -> MakeCheckout:
    """A function that makes a checkout in a folder, which has never been set up."""
    commands = ordinary_commands(tmp_path_factory.mktemp("commands") / "usr-bin")
    return lambda folder: checkout_in(folder, commands)
