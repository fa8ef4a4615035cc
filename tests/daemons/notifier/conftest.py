"""An outbox for any test here."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from app.state import State
from tests.daemons.notifier.outbox_harness import OutboxHarness, make_harness

MakeOutbox = Callable[..., OutboxHarness]


@pytest.fixture
def make_outbox(state: State, tmp_path: Path) -> MakeOutbox:
    """Make a harness of the notifiers that a test gives."""
    return partial(make_harness, state, tmp_path)
