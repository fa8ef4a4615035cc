"""What a way of notifying promises."""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, get_args
from urllib.parse import parse_qsl, unquote, urlsplit

from annotated_types import Ge, Gt
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from app.protocol import ID, FactKind

BackendName = Literal["folder", "memory", "slack", "twilio", "apprise"]
Topic = Literal["alert", "clip", "left_open", "camera", "program", "presence", "disk", "store"]
TOPICS: tuple[Topic, ...] = get_args(Topic)

#: What each kind of fact is about; the end of motion is told by nobody.
TOPIC_OF: dict[FactKind, Topic | None] = {
    "motion_started": "alert",
    "motion_ended": None,
    "clip_ready": "clip",
    "left_open": "left_open",
    "camera_lost": "camera",
    "camera_back": "camera",
    "process_silent": "program",
    "process_back": "program",
    "presence_changed": "presence",
    "router_silent": "presence",
    "router_back": "presence",
    "disk_low": "disk",
    "disk_ok": "disk",
    "store_refused": "store",
    "store_back": "store",
}

#: Shorter parts of a URL are no secrets, and striking them out would spoil every log.
_SECRET_CHARS = 6
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")
_SENDER = re.compile(
    rf"{_PHONE.pattern}|{_SERVICE.pattern}|[0-9]{{5,6}}|(?=.*[A-Za-z])[A-Za-z0-9 ]{{1,11}}"
)


def _phone(number: Any) -> Any:
    if not isinstance(number, str) or not _PHONE.fullmatch(number):
        raise ValueError(
            'must be a number in quotes with + and the country, as in "+4915112345678"'
        )
    return number


def _sender(sender: str) -> str:
    if not _SENDER.fullmatch(sender):
        raise ValueError(
            'must be a number as "+4915112345678", a short code, a name of at most 11 letters, or a Messaging Service as MG…'
        )
    return sender


def _account(sid: str) -> str:
    if not re.fullmatch(r"AC[0-9a-fA-F]{32}", sid):
        raise ValueError("must be the Account SID, AC and 32 digits or letters from a to f")
    return sid


def _apprise_url(url: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9.+-]*://\S+", url.get_secret_value()):
        raise ValueError(
            "must be one of Apprise's URLs, as in tgram://TOKEN/CHAT or mailto://USER:PASSWORD@example.org"
        )
    return url


Phone = Annotated[str, BeforeValidator(_phone)]
Megabytes = Annotated[float, Gt(0)]


@dataclass(frozen=True, slots=True)
class NotifySettings:
    """Which ways lead to the owner, and what they tell. `auto` is every way that is configured, and
    the folder when none is.
    """

    backends: Literal["auto"] | tuple[BackendName, ...] = "auto"
    when: tuple[Topic, ...] = TOPICS
    folder: str = "alerts"
    digest_after_s: Annotated[float, Ge(1)] = 120.0


@dataclass(frozen=True, slots=True)
class TwilioSettings:
    """Text messages by Twilio, one to each number in *to*."""

    api_url: str = "https://api.twilio.com"
    account_sid: Annotated[str, AfterValidator(_account)] | None = None
    auth_token: SecretStr | None = None
    from_: Annotated[Annotated[str, AfterValidator(_sender)] | None, Field(alias="from")] = None
    to: tuple[Phone, ...] = ()
    when: tuple[Topic, ...] | None = ("alert", "left_open")
    min_alert_seconds: Annotated[float, Ge(0)] = 300.0
    mms: bool = True

    def missing(self) -> list[str]:
        """The keys that are still needed before anybody can be texted."""
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


@dataclass(frozen=True, slots=True)
class SlackSettings:
    """Alerts by Slack's Web API at *api_url*, in *alerts_channel*. *when* None: as the other ways."""

    api_url: str = "https://slack.com/api/"
    bot_token: SecretStr | None = None
    alerts_channel: str | None = None
    delete_after_tag: bool = True
    when: tuple[Topic, ...] | None = None
    max_clip_mb: Megabytes = 20.0

    def missing(self) -> list[str]:
        """The keys that are still needed before an alert can go to Slack."""
        needed = {"bot_token": self.bot_token, "alerts_channel": self.alerts_channel}
        return [f"slack.{name}" for name, value in needed.items() if not value]


@dataclass(frozen=True, slots=True)
class Message:
    """Something to tell the owner. *key* names it for ever: delivering the same key again must not
    show it twice.

    A key is a plain id, so that it can name a file; any other is a ValueError. *picture* is a JPEG
    or None. *camera* is None for what concerns the whole house. *event* is what the owner may tag,
    and *score* its person score, 0 to 1.

    A film is at *clip* on this machine or, for an hour, at *clip_link*, and lasts *lasted_s*;
    *picture_link* is the same for a way that takes links only. *remark* says why there is none, or
    where it is. *below* is what the same way has noted as `posted` of the message that this one
    belongs to.
    """

    key: str
    at: datetime
    text: str
    camera: str | None = None
    picture: bytes | None = None
    event: str | None = None
    score: float | None = None
    topic: Topic = "alert"
    clip: Path | None = None
    clip_link: str | None = None
    picture_link: str | None = None
    lasted_s: float | None = None
    remark: str | None = None
    parent: str | None = None

    def __post_init__(self) -> None:
        if not ID.fullmatch(self.key):
            raise ValueError(
                f"{self.key!r} cannot be a message's key: letters, digits, . _ and - only"
            )


@dataclass(frozen=True, slots=True)
class Digest:
    """What piled up while there was no way to the owner, oldest first. Only the newest have their
    pictures. *key* is as a message's.
    """

    key: str
    messages: tuple[Message, ...]


class Progress(Protocol):
    """How far the delivery of one message by one way has come. What is set is there again after a
    crash.
    """

    def get(self, stage: str) -> str | None:
        """What was set at *stage*, None when it was not reached."""

    def set(self, stage: str, value: str) -> None:
        """*stage* is reached; *value* is what later stages need of it."""


class Notifier(ABC):
    """One way to reach the owner. Its pictures and its films come by two threads, so that no alert
    waits for a film.
    """

    #: The name it has in delivery marks.
    name: str
    #: What it tells.
    when: frozenset[Topic] = frozenset(TOPICS)
    #: Whether what piled up is to come as one message.
    makes_digests: bool = False
    #: Whether a film comes below a message that was told before, so that what has a film is told
    #: before the film is there.
    clips_in_threads: bool = False
    #: Whether it takes pictures and films by links alone, of which the text of an alert is not to
    #: wait long.
    links_only: bool = False
    #: Films of more bytes than this it is not given; None for any.
    max_clip_bytes: int | None = None

    @property
    def possible_repeats(self) -> int:
        """How often something was delivered that may have been delivered before, since that could
        not be found out.
        """
        return 0

    @abstractmethod
    def deliver(self, message: Message, progress: Progress) -> None:
        """Deliver *message*, or raise `DeliveryError`. Called again with the same key after a
        crash: it must then finish or do nothing.

        A way with several steps notes each in *progress*, and continues where it stopped.

        Nobody else waits meanwhile, but what it holds up comes later: what waits for an answer
        needs a time limit.
        """

    def deliver_digest(self, digest: Digest, progress: Progress) -> None:
        """Deliver all of *digest* as one message, as `deliver` does. Called only when `digests`."""
        raise NotImplementedError(f"{self.name} makes no digests")

    def skip_reason(self, message: Message) -> str | None:  # noqa: ARG002 (for those that leave something out)
        """Why *message* is not told by this way, in a few words; None when it is."""
        return None

    def close(self) -> None:  # noqa: B027 (few have anything to let go)
        """Let go of connections."""


def secrets_in_url(url: str) -> set[str]:
    """What of an Apprise *url* may be a secret: it, and all of its parts that are long enough, but
    for an ordinary host's name.

    Which part is the token differs from service to service; it may be the host.
    """
    split = urlsplit(url)
    network, _, host = split.netloc.rpartition("@")
    named = () if "." in host or host.startswith("localhost") else (host,)
    queried = [value for _, value in parse_qsl(split.query)]
    parts = [*named, *re.split("[:/]", network), *split.path.split("/"), *queried]
    return {
        url,
        *(one for part in parts for one in (part, unquote(part)) if len(one) >= _SECRET_CHARS),
    }


def retry_after_s(retry_after: str | None) -> float:
    """How many seconds a service wants to be left alone, of whose header *retry_after* is the
    value: at least 1, and an hour at most.

    30 when it does not say so in seconds.
    """
    return (
        min(max(float(retry_after), 1.0), 3600.0)
        if retry_after and retry_after.isdecimal()
        else 30.0
    )


def megabytes_to_bytes(megabytes: float) -> int:
    """*megabytes* of 10^6 bytes."""
    return int(megabytes * 1e6)
