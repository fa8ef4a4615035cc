"""The forms of Slack's tokens, secrets and IDs, so that a swapped one is named at once.

An empty one counts as not set.
"""

import re

from pydantic import SecretStr

_APPS = "https://api.slack.com/apps → your app"
#: Kinds of tokens by their beginnings.
_KINDS = {
    "xoxb-": "a bot token",
    "xapp-": "an app-level token",
    "xoxp-": "a user token",
    "xoxe.": "a rotating token",
    "xoxe-": "a refresh token",
    "xoxs-": "a browser's token",
    "xoxc-": "a browser's token",
}
BOT_TOKEN_CURE = (
    f"copy a bot token (xoxb-…) from {_APPS} → OAuth & Permissions → Bot User OAuth Token"
)
APP_TOKEN_CURE = (
    f"copy an app-level token (xapp-…) from {_APPS} → Basic Information → App-Level Tokens, with "
    "connections:write"
)
SIGNING_SECRET_CURE = f"copy it from {_APPS} → Basic Information → App Credentials → Signing Secret"
CHANNEL_CURE = "in Slack, click the channel's name; its ID is at the end of About"
MEMBER_CURE = "in Slack, click that person's picture, Profile, ⋮, Copy member ID"


def checked_bot_token(token: SecretStr) -> SecretStr:
    """Return *token*; `ValueError` when it is no bot token."""
    return _token(token, "xoxb-", BOT_TOKEN_CURE)


def checked_app_token(token: SecretStr) -> SecretStr:
    """Return *token*; `ValueError` when it is no app-level token."""
    return _token(token, "xapp-", APP_TOKEN_CURE)


def checked_signing_secret(secret: SecretStr) -> SecretStr:
    """Return *secret*; `ValueError` when it is a token."""
    text = secret.get_secret_value()
    if text.startswith(tuple(_KINDS)):
        raise ValueError(f"is {_kind(text)}, and no signing secret: {SIGNING_SECRET_CURE}")
    if not re.fullmatch("[!-~]*", text):
        raise ValueError(f"has characters that no signing secret has: {SIGNING_SECRET_CURE}")
    return secret


def checked_channel_id(channel: str) -> str:
    """Return *channel*; `ValueError` when it is no channel's ID."""
    if channel and not re.fullmatch("[CGD][A-Z0-9]+", channel):
        raise ValueError(f"must be a channel's ID, as in C0123ABCDEF: {CHANNEL_CURE}")
    return channel


def checked_member_id(member: str) -> str:
    """Return *member*; `ValueError` when it is no member's ID."""
    if not re.fullmatch("[UW][A-Z0-9]+", member):
        raise ValueError(f"must be a member's ID, as in U0123ABCDEF: {MEMBER_CURE}")
    return member


def _token(token: SecretStr, prefix: str, cure: str) -> SecretStr:
    text = token.get_secret_value()
    if text and not text.startswith(prefix):
        raise ValueError(f"is {_kind(text)}: {cure}")
    if not re.fullmatch("[A-Za-z0-9-]*", text):
        raise ValueError(f"has characters that no token has, such as a space: {cure}")
    return token


def _kind(token: str) -> str:
    return next(
        (kind for prefix, kind in _KINDS.items() if token.startswith(prefix)),
        "not a token of Slack",
    )
