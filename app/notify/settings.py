"""The settings of the channels to the owner."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from annotated_types import Ge, Gt
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from app.notify.base import TOPICS, Topic
from app.notify.slack.credentials import checked_bot_token, checked_channel_id

BackendName = Literal["folder", "memory", "slack", "twilio", "apprise"]

#: Shorter parts of a URL are not secret; without them logs would be unreadable.
_SECRET_CHARS = 6
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_MESSAGING_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")
_SENDER = re.compile(
    rf"{_PHONE.pattern}|{_MESSAGING_SERVICE.pattern}|[0-9]{{5,6}}"
    r"|(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}"
)


def _phone_number(number: Any) -> Any:
    if not isinstance(number, str) or not _PHONE.fullmatch(number):
        raise ValueError(
            'must be a number in quotes with + and the country, as in "+4915112345678"'
        )
    return number


def _sender(sender: str) -> str:
    if not _SENDER.fullmatch(sender):
        raise ValueError(
            'must be a number as "+4915112345678", a short code, a name of at most 11 letters, or '
            "a Messaging Service as MG…"
        )
    return sender


def _account_sid(sid: str) -> str:
    if not re.fullmatch(r"AC[0-9a-fA-F]{32}", sid):
        raise ValueError("must be the Account SID, AC and 32 digits or letters from a to f")
    return sid


def _address(url: str) -> str:
    if not re.fullmatch(r"https?://[^/\s]+\S*", url):
        raise ValueError("must be an address, as in https://slack.com/api/")
    return url


def _apprise_url(url: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9.+-]*://\S+", url.get_secret_value()):
        raise ValueError(
            "must be one of Apprise's URLs, as in tgram://TOKEN/CHAT or "
            "mailto://USER:PASSWORD@example.org"
        )
    return url


PhoneNumber = Annotated[str, BeforeValidator(_phone_number)]
Megabytes = Annotated[float, Gt(0)]


@dataclass(frozen=True, slots=True)
class NotifySettings:
    """The channels to the owner, and the topics that they deliver.

    *backends* `auto` means every configured service, or the folder when there is none.
    """

    backends: Literal["auto"] | tuple[BackendName, ...] = "auto"
    when: tuple[Topic, ...] = TOPICS
    folder: str = "alerts"
    digest_after_s: Annotated[float, Ge(1)] = 120.0


@dataclass(frozen=True, slots=True)
class SlackSettings:
    """Slack's Web API at *api_url*, and the channel *alerts_channel* in Slack for alerts.

    *when* None means the topics of `NotifySettings`.
    """

    api_url: Annotated[str, AfterValidator(_address)] = "https://slack.com/api/"
    bot_token: Annotated[SecretStr, AfterValidator(checked_bot_token)] | None = None
    alerts_channel: Annotated[str, AfterValidator(checked_channel_id)] | None = None
    delete_after_tag: bool = True
    when: tuple[Topic, ...] | None = None
    max_clip_mb: Megabytes = 20.0

    def missing(self) -> list[str]:
        """Return the keys that an alert by Slack still needs."""
        needed = {"bot_token": self.bot_token, "alerts_channel": self.alerts_channel}
        return [f"slack.{name}" for name, value in needed.items() if not value]


@dataclass(frozen=True, slots=True)
class TwilioSettings:
    """Text messages by Twilio, one to each number in *to*."""

    api_url: Annotated[str, AfterValidator(_address)] = "https://api.twilio.com"
    account_sid: Annotated[str, AfterValidator(_account_sid)] | None = None
    auth_token: SecretStr | None = None
    from_: Annotated[Annotated[str, AfterValidator(_sender)] | None, Field(alias="from")] = None
    to: tuple[PhoneNumber, ...] = ()
    when: tuple[Topic, ...] | None = ("alert", "left_open")
    min_alert_seconds: Annotated[float, Ge(0)] = 300.0
    mms: bool = True

    def missing(self) -> list[str]:
        """Return the keys that a text message still needs."""
        needed = {
            "account_sid": self.account_sid,
            "auth_token": self.auth_token,
            "from": self.from_,
            "to": self.to,
        }
        return [f"twilio.{name}" for name, value in needed.items() if not value]


@dataclass(frozen=True, slots=True)
class AppriseSettings:
    """Any other service, by Apprise's URLs, which hold passwords."""

    urls: tuple[Annotated[SecretStr, AfterValidator(_apprise_url)], ...] = ()
    when: tuple[Topic, ...] | None = None
    max_clip_mb: Megabytes = 8.0


def secrets_in_url(url: str) -> set[str]:
    """Return all that may be secret in an Apprise *url*: the URL itself, and its longer parts.

    The place of the token differs between services, and may be the host. A host name with a dot, or
    a host name that begins with localhost, is not secret.
    """
    split = urlsplit(url)
    login, _, host = split.netloc.rpartition("@")
    token_as_host = () if "." in host or host.startswith("localhost") else (host,)
    query = [value for _, value in parse_qsl(split.query)]
    parts = [*token_as_host, *re.split("[:/]", login), *split.path.split("/"), *query]
    forms = [form for part in parts for form in (part, unquote(part))]
    return {url, *(form for form in forms if len(form) >= _SECRET_CHARS)}
