"""The verb `check-slack`: shows which settings for Slack are right or missing, with the cure."""

import http.client
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click
from pydantic import SecretStr
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.web import SlackResponse, WebClient

from app.cli.options import loaded
from app.cli.slack_manifest import BOT_SCOPES
from app.clock import SystemClock
from app.config import Config, SlackConfig
from app.config.options import config_options
from app.errors import DeliveryError
from app.network.deadline import CALL_S, Deadline
from app.notify.slack.api import CURES, SlackApi, sdk_log, socket_url
from app.notify.slack.credentials import (
    APP_TOKEN_CURE,
    BOT_TOKEN_CURE,
    CHANNEL_CURE,
    MEMBER_CURE,
    SIGNING_SECRET_CURE,
)

TIMEOUT_S = 10
APPS = "https://api.slack.com/apps → your app"
_PRIVATE = "config/private.yml"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check; *text* describes it, with the cure if it is not *good*."""

    good: bool
    text: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that Slack refused. *error* is Slack's code, "" when Slack was not reached.

    *words* are for a person.
    """

    error: str
    words: str


@click.command("check-slack")
@config_options
def check_slack(*, folder: Path | None, profile: str | None) -> None:
    """Check the connection with Slack. The exit code is 0 only if nothing is missing."""
    config = loaded(folder, profile)
    good = True
    for finding in findings(config):
        good = good and finding.good
        click.echo(f"{'ok     ' if finding.good else 'MISSING'}  {config.redactor()(finding.text)}")
    click.echo(
        "All is well."
        if good
        else f"What is MISSING goes into {_PRIVATE}, unless it says otherwise. Then run this again."
    )
    sys.exit(not good)


def findings(config: Config) -> Iterator[Finding]:
    """Yield a finding for each thing that is checked."""
    slack = config.slack
    yield from _bot(slack)
    yield _users(slack)
    yield _socket(slack) if slack.mode == "socket" else _http(slack)


def _bot(slack: SlackConfig) -> Iterator[Finding]:
    if slack.bot_token is None or not slack.bot_token.get_secret_value():
        yield Finding(False, f"slack.bot_token is not set: {BOT_TOKEN_CURE}")
        return
    client = _client(slack, slack.bot_token)
    answer = _answer_to(slack, client.auth_test)
    if isinstance(answer, Refusal):
        yield Finding(False, f"slack.bot_token: {answer.words}")
        return
    yield Finding(
        True,
        f"slack.bot_token: it is @{answer.get('user')} in {answer.get('team')} "
        f"({answer.get('url')})",
    )
    yield _scopes(answer)
    yield _channel(slack, client, f"@{answer.get('user')}")


def _scopes(answer: SlackResponse) -> Finding:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    if "x-oauth-scopes" not in headers:
        return Finding(True, "scopes: Slack does not say which the bot has")
    has = {scope.strip() for scope in headers["x-oauth-scopes"].split(",")}
    missing = [f"{scope} (to {why})" for scope, why in BOT_SCOPES.items() if scope not in has]
    if not missing:
        return Finding(True, f"scopes: {', '.join(BOT_SCOPES)}")
    return Finding(
        False,
        f"scopes: {', '.join(missing)}. Add under {APPS} → OAuth & Permissions → Bot Token "
        "Scopes, then Reinstall to Workspace",
    )


def _channel(slack: SlackConfig, client: WebClient, bot: str) -> Finding:
    channel, key = slack.alerts_channel, "slack.alerts_channel"
    if not channel:
        return Finding(False, f"{key} is not set: {CHANNEL_CURE}")
    answer = _answer_to(slack, lambda: client.conversations_history(channel=channel, limit=1))
    if not isinstance(answer, Refusal):
        return Finding(True, f"{key}: {bot} is in {channel}")
    if answer.error == "not_in_channel":
        return Finding(False, f"{key}: {bot} is not in {channel}: type /invite {bot} there")
    if answer.error == "channel_not_found":
        return Finding(
            False,
            f"{key}: {bot} sees no {channel}: type /invite {bot} in the channel, and compare the "
            f"ID: {CHANNEL_CURE}",
        )
    return Finding(False, f"{key}: {answer.words}")


def _users(slack: SlackConfig) -> Finding:
    if not slack.allowed_users:
        return Finding(
            False, f"slack.allowed_users is empty, so nobody may send commands: {MEMBER_CURE}"
        )
    return Finding(True, f"slack.allowed_users: {len(slack.allowed_users)} may send commands")


def _http(slack: SlackConfig) -> Finding:
    if not (slack.signing_secret and slack.signing_secret.get_secret_value()):
        other = (
            "; or set slack.mode: socket, since there is an app-level token"
            if slack.app_token
            else ""
        )
        return Finding(
            False,
            "slack.signing_secret is not set, and slack.mode is http: "
            f"{SIGNING_SECRET_CURE}{other}",
        )
    return Finding(
        True,
        f"slack.signing_secret is set; slack.mode is http, and {slack.bind} must be reached from "
        "outside by https",
    )


def _socket(slack: SlackConfig) -> Finding:
    if slack.app_token is None or not slack.app_token.get_secret_value():
        return Finding(False, f"slack.app_token is not set: {APP_TOKEN_CURE}")
    token = slack.app_token.get_secret_value()
    try:
        socket_url(SlackApi(slack.api_url, token, SystemClock()), token)
    except DeliveryError as error:
        return Finding(False, str(error))
    return Finding(
        True,
        "slack.app_token: Slack accepts it for a socket; slack.mode is socket, so no port is "
        "needed",
    )


def _client(slack: SlackConfig, token: SecretStr) -> WebClient:
    return WebClient(
        token.get_secret_value(),
        base_url=slack.api_url,
        timeout=TIMEOUT_S,
        retry_handlers=[],
        logger=sdk_log(),
    )


def _answer_to(slack: SlackConfig, call: Callable[[], SlackResponse]) -> SlackResponse | Refusal:
    """Return Slack's answer to *call*, or its refusal."""
    try:
        with Deadline(CALL_S):
            return call()
    except SlackApiError as error:
        name = str(error.response.get("error"))[:80]
        if name == "missing_scope":
            scope = error.response.get("needed")
            return Refusal(
                name,
                f"the scope {scope} is missing: add it under {APPS}, and install the app again",
            )
        return Refusal(
            name, f"Slack says {name}: {CURES.get(name, 'https://docs.slack.dev explains it')}"
        )
    except (OSError, http.client.HTTPException, SlackRequestError, ValueError) as error:
        return Refusal(
            "",
            f"Slack cannot be reached: {error}. Check this machine's network, and "
            f"slack.api_url ({slack.api_url})",
        )
