"""The verb `slack-manifest`, as a person types it, against Slack's published limits and against the
commands there are.
"""

import json
import re
from typing import Any

import pytest
import yaml

from app.commands.registry import COMMANDS
from app.commands.slack_names import OTHER_NAMES, command_named, slack_name
from tests.servers.programs import REPO
from tests.servers.slack import SCOPES
from tests.servers.suite import run_verb

URL = "https://house.example.org"
#: Slack's own commands. An app that names one so is refused whole.
TAKEN = {
    *(
        "archive",
        "away",
        "call",
        "collapse",
        "dm",
        "dnd",
        "expand",
        "feed",
        "feedback",
        "invite",
        "join",
        "leave",
        "me",
        "msg",
        "mute",
    ),
    *(
        "open",
        "remind",
        "remove",
        "rename",
        "search",
        "shortcuts",
        "shrug",
        "star",
        "status",
        "topic",
        "who",
    ),
}


def printed(*arguments: str) -> Any:
    done = run_verb("slack-manifest", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return yaml.safe_load(done.stdout)


def slash_commands(manifest: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = manifest["features"]["slash_commands"]
    return found


@pytest.fixture(scope="module", params=[("--url", URL), ("--socket",)], ids=["http", "socket"])
def manifest(request: pytest.FixtureRequest) -> Any:
    return printed(*request.param)


def test_every_command_is_in_it_in_the_order_of_help(manifest: Any) -> None:
    found = slash_commands(manifest)
    assert [command_named(one["command"]) for one in found] == list(COMMANDS)
    assert [one["description"] for one in found] == [command.help for command in COMMANDS.values()]
    assert [one.get("usage_hint", "") for one in found] == [
        command.usage for command in COMMANDS.values()
    ]
    assert not any(one["should_escape"] for one in found)


def test_it_keeps_to_the_limits_that_slack_publishes(manifest: Any) -> None:
    shown, bot = manifest["display_information"], manifest["features"]["bot_user"]
    assert 0 < len(shown["name"]) <= 35
    assert 0 < len(shown["description"]) <= 140
    assert re.fullmatch("#[0-9a-fA-F]{6}", shown["background_color"])
    assert re.fullmatch(r"[a-z0-9._-]{1,80}", bot["display_name"])
    assert 0 < len(slash_commands(manifest)) <= 50
    for one in slash_commands(manifest):
        assert re.fullmatch(r"/[a-z0-9_-]{1,31}", one["command"])
        assert 0 < len(one["description"]) <= 2000
        assert 0 < len(one.get("usage_hint", "none")) <= 1000
        assert len(one.get("url", "")) <= 3000


def test_no_command_is_called_as_slack_calls_one_of_its_own(manifest: Any) -> None:
    assert not {one["command"].removeprefix("/") for one in slash_commands(manifest)} & TAKEN


def test_it_has_no_key_that_slack_does_not_know(manifest: Any) -> None:
    assert set(manifest) == {
        "_metadata",
        "display_information",
        "features",
        "oauth_config",
        "settings",
    }
    assert manifest["_metadata"] == {"major_version": 1}
    known = {"command", "url", "description", "usage_hint", "should_escape"}
    assert all(set(one) <= known for one in slash_commands(manifest))
    assert set(manifest["settings"]) == {
        "interactivity",
        "org_deploy_enabled",
        "socket_mode_enabled",
        "token_rotation_enabled",
    }


def test_it_asks_for_the_scopes_that_the_suite_uses_and_no_more(manifest: Any) -> None:
    bot = manifest["oauth_config"]["scopes"]["bot"]
    assert {
        "commands",
        "chat:write",
        "files:write",
        "files:read",
        "channels:history",
        "groups:history",
    } == set(bot)
    assert set(bot) <= SCOPES


def test_over_http_each_command_has_its_own_address() -> None:
    manifest = printed("--url", URL)
    assert [one["url"] for one in slash_commands(manifest)] == [
        f"{URL}/{name}" for name in COMMANDS
    ]
    assert manifest["settings"]["interactivity"] == {
        "is_enabled": True,
        "request_url": f"{URL}/interactive",
    }
    assert manifest["settings"]["socket_mode_enabled"] is False


def test_socket_mode_has_no_address() -> None:
    manifest = printed("--socket")
    assert not any("url" in one for one in slash_commands(manifest))
    assert manifest["settings"]["interactivity"] == {"is_enabled": True}
    assert manifest["settings"]["socket_mode_enabled"] is True


def test_json_says_the_same() -> None:
    assert json.loads(run_verb("slack-manifest", "--socket", "--json").stdout) == printed(
        "--socket"
    )


def test_a_slash_at_the_end_and_a_port_are_welcome() -> None:
    assert (
        slash_commands(printed("--url", f"{URL}:8443/"))[0]["url"]
        == f"{URL}:8443/{next(iter(COMMANDS))}"
    )


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://house.example.org", "only to https"),
        ("house.example.org", "only to https"),
        ("https://", "must be a host"),
        ("https://user:password@house.example.org", "nothing before it"),
        ("https://house example.org", "must be a host"),
        ("https://house.example.org/slack", "end after the host"),
        ("https://house.example.org?a=b", "end after the host"),
        ("https://house.example.org#a", "end after the host"),
        ("https://house.example.org:99999", "Port out of range"),
        ("https://house.example.org:0", "port 0"),
        ("https://[house", "Invalid IPv6"),
        ("", "only to https"),
    ],
)
def test_an_address_that_slack_could_not_use_is_refused_in_words(url: str, said: str) -> None:
    done = run_verb("slack-manifest", "--url", url)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "https://house.example.org" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [(), ("--socket", "--url", URL)])
def test_one_way_is_to_be_chosen(arguments: tuple[str, ...]) -> None:
    done = run_verb("slack-manifest", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "either --socket or --url" in done.stderr


def test_a_name_in_slack_leads_back_to_its_command() -> None:
    assert {command_named(f"/{slack_name(name)}") for name in COMMANDS} == set(COMMANDS)
    assert {command_named(name) for name in COMMANDS} == set(COMMANDS)
    assert set(OTHER_NAMES) <= set(COMMANDS)
    assert not set(OTHER_NAMES.values()) & set(COMMANDS)


def test_the_readme_names_every_command_as_it_is_typed() -> None:
    readme = (REPO / "README.md").read_text(encoding="utf-8")
    assert [
        name for name in map(slack_name, COMMANDS) if not re.search(rf"`/{name}\b", readme)
    ] == []


def test_the_set_up_names_the_bot_as_the_manifest_does() -> None:
    assert f"/invite @{printed('--socket')['features']['bot_user']['display_name']}" in (
        REPO / "setup.md"
    ).read_text(encoding="utf-8")
