"""Channels to the owner."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.clock import Clock, SystemClock
from app.notify.base import TOPIC_OF, TOPICS, Digest, Message, Notifier, Progress, Topic
from app.notify.folder import FolderNotifier
from app.notify.memory import MemoryNotifier
from app.notify.settings import (
    AppriseSettings,
    BackendName,
    NotifySettings,
    SlackSettings,
    TwilioSettings,
)

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
    """The settings of the services that are configured; None for the others."""

    slack: SlackSettings | None = None
    twilio: TwilioSettings | None = None
    apprise: AppriseSettings | None = None


def make_notifiers(
    settings: NotifySettings,
    data_dir: Path,
    services: ServiceSettings | None = None,
    clock: Clock | None = None,
) -> list[Notifier]:
    """Return a notifier for each backend in *settings*, each phone number and each Apprise URL.

    A relative `notify.folder` is in *data_dir*. `auto` means every service in *services*, or the
    folder when there is none. A backend without its settings is a ValueError.
    """
    services = services or ServiceSettings()
    names = _configured(services) if settings.backends == "auto" else settings.backends
    folder = data_dir / Path(settings.folder).expanduser()
    made = []
    for name in dict.fromkeys(names):
        for notifier, when in _make(name, folder, services, clock or SystemClock()):
            notifier.when = frozenset(settings.when if when is None else when)
            made.append(notifier)
    return made


def _configured(services: ServiceSettings) -> tuple[BackendName, ...]:
    found: list[BackendName] = []
    if services.slack:
        found.append("slack")
    if services.twilio:
        found.append("twilio")
    if services.apprise:
        found.append("apprise")
    return tuple(found) or ("folder",)


def _make(
    name: BackendName, folder: Path, services: ServiceSettings, clock: Clock
) -> Iterator[tuple[Notifier, tuple[Topic, ...] | None]]:
    """Yield the notifiers of a backend, each with its own topics, or None for the common topics."""
    if name == "memory":
        yield MemoryNotifier(), None
    elif name == "folder":
        yield FolderNotifier(folder), None
    elif name == "slack":
        from app.notify.slack.notifier import SlackNotifier

        if services.slack is None:
            raise ValueError("Slack needs slack.bot_token and slack.alerts_channel")
        yield SlackNotifier(services.slack, clock), services.slack.when
    elif name == "twilio":
        from app.notify.twilio.notifier import TwilioNotifier

        if services.twilio is None:
            raise ValueError("Twilio needs the whole section twilio")
        for number in dict.fromkeys(services.twilio.to):
            yield TwilioNotifier(services.twilio, number, clock), services.twilio.when
    else:
        from app.notify.apprise import AppriseNotifier

        if services.apprise is None:
            raise ValueError("Apprise needs apprise.urls")
        for url in dict.fromkeys(url.get_secret_value() for url in services.apprise.urls):
            yield AppriseNotifier(url, services.apprise.max_clip_mb), services.apprise.when
