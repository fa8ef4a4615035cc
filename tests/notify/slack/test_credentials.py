"""Swapped, pasted and mistyped credentials of Slack, as `check-config` names them."""

from pathlib import Path

import pytest

from app.config import load_config
from app.errors import ConfigError

SWAPPED = "is a bot token, and no signing secret: copy it from https://api.slack.com/apps"


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("bot_token", "xapp-1-A-2-b", "is an app-level token: copy a bot token (xoxb-…)"),
        ("bot_token", "xoxp-1-2-3", "is a user token: copy a bot token"),
        ("bot_token", "xoxe.xoxb-1-2", "is a rotating token: copy"),
        ("bot_token", "Bearer of news", "is not a token of Slack: copy"),
        ("bot_token", "xoxb-1 2", "has characters that no token has"),
        ("bot_token", "“xoxb-1”", "stands in curly quotes"),
        ("app_token", "xoxb-1-2-3", "is a bot token: copy an app-level token (xapp-…)"),
        ("signing_secret", "xoxb-1-2-3", SWAPPED),
        ("signing_secret", "0123 4567", "has characters that no signing secret has"),
        ("alerts_channel", "'#alerts'", "must be a channel's ID, as in C0123ABCDEF: in Slack"),
        ("alerts_channel", "alerts", "must be a channel's ID"),
        ("allowed_users", "[anna]", "must be a member's ID, as in U0123ABCDEF: in Slack"),
        ("allowed_users", "[U1, '@anna']", "must be a member's ID"),
    ],
)
def test_a_wrong_credential_is_named_with_its_cure(
    key: str, value: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "config.yml").touch()
    users = "" if key == "allowed_users" else "allowed_users: [U1], "
    (tmp_path / "private.yml").write_text(f"slack: {{{users}{key}: {value}}}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path)
    assert f"private.yml:1: slack.{key}" in caught.value.problems[0]
    assert said in caught.value.problems[0]
    assert not any("xoxb-1" in problem for problem in caught.value.problems)


def test_an_empty_credential_counts_as_not_set(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("slack: {bot_token: '', alerts_channel: ''}\n")
    assert load_config(tmp_path).slack.missing() == ["slack.bot_token", "slack.alerts_channel"]
