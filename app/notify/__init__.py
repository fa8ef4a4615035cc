"""Ways to tell the owner."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.clock import Clock, SystemClock
from app.notify.base import (
    TOPIC_OF,
    TOPICS,
    AppriseSettings,
    BackendName,
    Digest,
    Message,
    Notifier,
    NotifySettings,
    Progress,
    SlackSettings,
    Topic,
    TwilioSettings,
)
from app.notify.folder import FolderNotifier
from app.notify.memory import MemoryNotifier

__all__ = [
    "TOPICS",
    "TOPIC_OF",
    "AppriseSettings",
    "BackendName",
    "Digest",
    "FolderNotifier",
    "MemoryNotifier",
    "Message",
    "Notifier",
    "NotifySettings",
    "Progress",
    "ServiceSettings",
    "SlackSettings",
    "Topic",
    "TwilioSettings",
    "make_notifiers",
]


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """How the services are reached, those that are."""

    slack: SlackSettings | None = None
    twilio: TwilioSettings | None = None
    apprise: AppriseSettings | None = None


def make_notifiers(
    settings: NotifySettings,
    data_dir: Path,
    accesses: ServiceSettings | None = None,
    clock: Clock | None = None,
) -> list[Notifier]:
    """The ways that *settings* ask for, each once: a way for each number that is texted, and for
    each of Apprise's URLs.

    A relative `notify.folder` is under *data_dir*. `auto` is every service of *accesses*, and the
    folder when there is none.
    """
    accesses = accesses or ServiceSettings()
    names = _configured(accesses) if settings.backends == "auto" else settings.backends
    folder = data_dir / Path(settings.folder).expanduser()
    made = []
    for name in dict.fromkeys(names):
        for notifier, when in _make(name, folder, accesses, clock or SystemClock()):
            notifier.when = frozenset(settings.when if when is None else when)
            made.append(notifier)
    return made


def _configured(accesses: ServiceSettings) -> tuple[BackendName, ...]:
    found: list[BackendName] = []
    if accesses.slack:
        found.append("slack")
    if accesses.twilio:
        found.append("twilio")
    if accesses.apprise:
        found.append("apprise")
    return tuple(found) or ("folder",)


def _make(
    name: BackendName, folder: Path, accesses: ServiceSettings, clock: Clock
) -> Iterator[tuple[Notifier, tuple[Topic, ...] | None]]:
    """The ways called *name*, each with what it alone tells, if that is not what all do."""
    if name == "memory":
        yield MemoryNotifier(), None
    elif name == "folder":
        yield FolderNotifier(folder), None
    elif name == "slack":
        from app.notify.slack.notifier import SlackNotifier

        if accesses.slack is None:
            raise ValueError(
                "there is no way by Slack without slack.bot_token and slack.alerts_channel"
            )
        yield SlackNotifier(accesses.slack, clock), accesses.slack.when
    elif name == "twilio":
        from app.notify.twilio.notifier import TwilioNotifier

        if accesses.twilio is None:
            raise ValueError("there is no way by Twilio without all that the section twilio needs")
        for number in dict.fromkeys(accesses.twilio.to):
            yield TwilioNotifier(accesses.twilio, number, clock), accesses.twilio.when
    else:
        from app.notify.apprise import AppriseNotifier

        if accesses.apprise is None:
            raise ValueError("there is no way by Apprise without apprise.urls")
        for url in dict.fromkeys(url.get_secret_value() for url in accesses.apprise.urls):
            yield AppriseNotifier(url, accesses.apprise.max_clip_mb), accesses.apprise.when
