"""The parts of every command."""

from datetime import UTC, datetime

import pytest

from app.commands.context import Invocation, address, is_allowed
from app.config import Config
from app.protocol import ArmedBy, ReplyTo

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


def test_a_foreign_reply_address_is_logged_and_left_out(caplog: pytest.LogCaptureFixture) -> None:
    slacks = "https://hooks.slack.com/commands/T1/2/x"
    assert address(slacks, "C1", Config()) == ReplyTo(slacks, "C1")
    assert not caplog.text
    foreign = "http://169.254.169.254/latest/meta-data/"
    assert address(foreign, "C1", Config()) == ReplyTo(None, "C1")
    assert "is not Slack's" in caplog.text
