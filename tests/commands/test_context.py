"""The parts of every command."""

from datetime import UTC, datetime

import pytest

from app.commands.context import Invocation, is_allowed
from app.config import Config
from app.protocol import ArmedBy

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)


def test_a_change_is_recorded_with_who_made_it_and_when() -> None:
    invocation = Invocation("", "U1", "anna", NOW)
    assert invocation.changed("by command") == ArmedBy("anna", NOW, "by command")


@pytest.mark.parametrize(
    ("user", "allowed"), [("U1", True), ("U2", True), ("u1", False), ("", False), ("U1,U2", False)]
)
def test_only_listed_users_may_command(user: str, allowed: bool) -> None:
    config = Config.model_validate({"slack": {"allowed_users": ["U1", "U2"]}})
    assert is_allowed(user, config) is allowed
