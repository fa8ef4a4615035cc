"""The verb `slack-manifest`: prints the manifest from which Slack makes the app."""

import json
from typing import Any
from urllib.parse import SplitResult, urlsplit

import click
import yaml

from app.commands.registry import COMMANDS, Command
from app.commands.slack_names import slack_name

APP_NAME = "Who's There?"
BOT_NAME = "sec-bot"
DESCRIPTION = "Cameras at home that show you who comes."
BACKGROUND = "#1f2937"

#: The scopes that the bot needs, and their purposes.
BOT_SCOPES = {
    "commands": "receive the slash commands",
    "chat:write": "post alerts and change their buttons",
    "files:write": "upload pictures, and delete them after a tag",
    "files:read": "see when a picture is ready to be shown",
    "channels:history": "find out after a crash whether an alert was already posted",
    "groups:history": "the same in a private channel",
}


@click.command("slack-manifest")
@click.option(
    "--url",
    metavar="https://HOST",
    help="The address at which Slack reaches this house (HTTP mode).",
)
@click.option(
    "--socket", is_flag=True, help="Socket Mode: the house connects to Slack, and opens no port."
)
@click.option("--json", "as_json", is_flag=True, help="JSON instead of YAML.")
def slack_manifest(*, url: str | None, socket: bool, as_json: bool) -> None:
    """Print the manifest of the Slack app.

    Paste it at https://api.slack.com/apps, Create New App, From a manifest.
    """
    if socket == (url is not None):
        raise click.UsageError("say either --socket or --url https://HOST")
    found = manifest(None if url is None else public_url(url))
    click.echo(
        json.dumps(found, indent=2, ensure_ascii=False) if as_json else _yaml(found), nl=as_json
    )


def manifest(base: str | None) -> dict[str, Any]:
    """Return the manifest: every command of `COMMANDS`, the buttons, and `BOT_SCOPES`.

    *base* is the address before every path, None in Socket Mode.
    """
    return {
        "_metadata": {"major_version": 1},
        "display_information": {
            "name": APP_NAME,
            "description": DESCRIPTION,
            "background_color": BACKGROUND,
        },
        "features": {
            "bot_user": {"display_name": BOT_NAME, "always_online": True},
            "slash_commands": [_slash_command(command, base) for command in COMMANDS.values()],
        },
        "oauth_config": {"scopes": {"bot": list(BOT_SCOPES)}},
        "settings": {
            "interactivity": {"is_enabled": True, **_address("request_url", base, "interactive")},
            "org_deploy_enabled": False,
            "socket_mode_enabled": base is None,
            "token_rotation_enabled": False,
        },
    }


def public_url(url: str) -> str:
    """Return *url* as the beginning of every address.

    Raises `click.BadParameter` unless it is https, a host, and perhaps a port.
    """
    try:
        parts = urlsplit(url)
        wrong = "port 0 is no port" if parts.port == 0 else _fault(parts)
    except ValueError as error:
        wrong = str(error)
    if wrong:
        raise click.BadParameter(
            f"{wrong}; it must look like https://house.example.org", param_hint="--url"
        )
    return f"https://{parts.netloc}"


def _fault(parts: SplitResult) -> str | None:
    if parts.scheme != "https":
        return "Slack sends only to https addresses"
    if (
        not parts.hostname
        or parts.username is not None
        or any(sign.isspace() for sign in parts.netloc)
    ):
        return "there must be a host, and nothing before it"
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        return "it must end after the host: each command's path is added to it"
    return None


def _slash_command(command: Command, base: str | None) -> dict[str, Any]:
    usage = {"usage_hint": command.usage} if command.usage else {}
    address = _address("url", base, command.name)
    return {
        "command": f"/{slack_name(command.name)}",
        **address,
        "description": command.help,
        **usage,
        "should_escape": False,
    }


def _address(key: str, base: str | None, path: str) -> dict[str, str]:
    return {} if base is None else {key: f"{base}/{path}"}


def _yaml(plain: dict[str, Any]) -> str:
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=140)
