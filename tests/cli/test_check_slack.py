"""The verb `check-slack`, as a person types it, against a Slack on loopback."""

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from tests.servers.ports import free_port
from tests.servers.programs import write_config
from tests.servers.slack import APP_TOKEN, BOT_TOKEN, SlackServer
from tests.servers.slack_requests import ALERTS, OWNER, SIGNING_SECRET
from tests.servers.suite import run_verb
from tests.servers.tricks import Trick, broken, refused

SOCKET_URL = "ws://127.0.0.1:9/link/?ticket=very-secret"
GOOD = {
    "mode": "http",
    "bot_token": BOT_TOKEN,
    "signing_secret": SIGNING_SECRET,
    "allowed_users": [OWNER],
    "alerts_channel": ALERTS,
}
SOCKET = {**GOOD, "mode": "socket", "app_token": APP_TOKEN, "signing_secret": None}


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        server.socket_url = SOCKET_URL
        yield server


def check(
    folder: Path, slack: SlackServer, settings: Mapping[str, object]
) -> subprocess.CompletedProcess[str]:
    """Run the verb with *settings*; whatever it says, it tells no secret and shows no traceback."""
    config = write_config(
        folder,
        "redis://localhost",
        "slack: " + yaml.safe_dump({"api_url": slack.api_url, **settings}, default_flow_style=True),
    )
    done = run_verb("check-slack", "--config", str(config))
    said = done.stdout + done.stderr
    for name in ("bot_token", "app_token", "signing_secret"):
        assert not settings.get(name) or str(settings[name]) not in said
    assert "ticket" not in said
    assert "Traceback" not in said
    return done


def missing(folder: Path, slack: SlackServer, settings: Mapping[str, object]) -> list[str]:
    """The things that the verb finds missing."""
    done = check(folder, slack, settings)
    found = [line for line in done.stdout.splitlines() if line.startswith("MISSING")]
    assert (done.returncode, done.stderr) == (1 if found else 0, "")
    return found


@pytest.mark.parametrize("settings", [GOOD, SOCKET], ids=["http", "socket"])
def test_all_is_well_when_nothing_is_missing(
    settings: Mapping[str, object], tmp_path: Path, slack: SlackServer
) -> None:
    done = check(tmp_path, slack, settings)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[-1] == "All is well."
    assert len(lines) == 6
    assert all(line.startswith("ok") for line in lines[:-1])
    assert "@whos_there in House" in lines[0]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            {"bot_token": None},
            "bot_token is not set: copy a bot token (xoxb-…) from https://api.slack.com/apps",
        ),
        (
            {"bot_token": "xoxb-1-2-3"},
            "Slack says invalid_auth: the token is wrong: copy the Bot User OAuth Token",
        ),
        ({"alerts_channel": None}, "alerts_channel is not set: in Slack, click the channel's name"),
        (
            {"alerts_channel": "C0NOWHERE1"},
            "sees no C0NOWHERE1: type /invite @whos_there in the channel",
        ),
        (
            {"signing_secret": None},
            "signing_secret is not set, and slack.mode is http: copy it from https://api.slack.com/apps",
        ),
        (
            {"signing_secret": None, "app_token": APP_TOKEN},
            "or set slack.mode: socket, since there is an app-level token",
        ),
        ({"mode": "socket"}, "app_token is not set: copy an app-level token (xapp-…)"),
        (
            {"mode": "socket", "app_token": "xapp-1-2-3"},
            "Slack refuses slack.app_token: invalid_auth; copy the app-level token",
        ),
    ],
)
def test_what_is_missing_is_said_with_its_cure(
    wrong: dict[str, object], said: str, tmp_path: Path, slack: SlackServer
) -> None:
    found = missing(tmp_path, slack, {**GOOD, **wrong})
    assert len(found) == 1
    assert said in found[0]


def test_a_bot_that_nobody_invited_is_to_be_invited(tmp_path: Path, slack: SlackServer) -> None:
    slack.channels[ALERTS].is_member = False
    assert [line.partition("  ")[2] for line in missing(tmp_path, slack, GOOD)] == [
        f"slack.alerts_channel: @whos_there is not in {ALERTS}: type /invite @whos_there there"
    ]


def test_missing_scopes_are_named_with_what_they_are_for(
    tmp_path: Path, slack: SlackServer
) -> None:
    slack.scopes = frozenset({"commands", "chat:write", "channels:history", "groups:history"})
    (line,) = missing(tmp_path, slack, GOOD)
    assert "files:write (to upload pictures" in line
    assert "files:read (to see when" in line
    assert "chat:write" not in line
    assert "Reinstall to Workspace" in line


def test_a_channel_that_cannot_be_read_names_the_scope(tmp_path: Path, slack: SlackServer) -> None:
    slack.scopes -= {"groups:history"}
    scopes, channel = missing(tmp_path, slack, {**GOOD, "alerts_channel": "G0PRIVATE1"})
    assert "groups:history (to" in scopes
    assert "the scope groups:history is missing" in channel


@pytest.mark.parametrize(
    ("trick", "said"),
    [
        (
            refused("account_inactive"),
            "Slack says account_inactive: the app was removed from the workspace: install it again",
        ),
        (
            refused("never_heard_of"),
            "Slack says never_heard_of: https://docs.slack.dev explains it",
        ),
        (broken(503), "Slack says "),
        (Trick(status=429), "Slack says ratelimited"),
        (Trick(reset=True), "Slack cannot be reached: "),
    ],
    ids=["inactive", "unknown", "503", "429", "reset"],
)
def test_a_slack_that_refuses_or_fails_is_told_in_words(
    trick: Trick, said: str, tmp_path: Path, slack: SlackServer
) -> None:
    slack.always("auth.test", trick)
    (line,) = missing(tmp_path, slack, GOOD)
    assert f"slack.bot_token: {said}" in line


def test_a_slack_that_is_not_there_is_told_with_its_address(
    tmp_path: Path, slack: SlackServer
) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/api/"
    (line,) = missing(tmp_path, slack, {**GOOD, "api_url": nowhere})
    assert "Slack cannot be reached" in line
    assert f"slack.api_url ({nowhere})" in line


def test_everything_that_is_missing_is_said_at_once(tmp_path: Path, slack: SlackServer) -> None:
    bot, users, secret = missing(tmp_path, slack, {})
    assert "bot_token is not set" in bot
    assert "allowed_users is empty, so nobody may send commands" in users
    assert "signing_secret is not set" in secret


def test_a_slack_that_refuses_a_socket_is_said_in_words(tmp_path: Path, slack: SlackServer) -> None:
    slack.always("apps.connections.open", Trick(reset=True))
    (line,) = missing(tmp_path, slack, SOCKET)
    assert "Slack does not answer apps.connections.open" in line
