"""Ways to tell the owner."""

from pathlib import Path

from app.clock import Clock, SystemClock
from app.notify.base import BackendName, Digest, Message, Notifier, NotifySettings, Progress, SlackAccess
from app.notify.folder import FolderNotifier
from app.notify.memory import MemoryNotifier

__all__ = [
    "BackendName",
    "Digest",
    "FolderNotifier",
    "MemoryNotifier",
    "Message",
    "Notifier",
    "NotifySettings",
    "Progress",
    "SlackAccess",
    "make_notifiers",
]


def make_notifiers(
    settings: NotifySettings, data_dir: Path, slack: SlackAccess | None = None, clock: Clock | None = None
) -> list[Notifier]:
    """The ways that *settings* ask for, each once. A relative `notify.folder` is under *data_dir*. `auto` needs *slack* for Slack."""
    auto: tuple[BackendName, ...] = ("slack",) if slack else ("folder",)
    names = auto if settings.backends == "auto" else settings.backends
    return [_make(name, settings, data_dir, slack, clock or SystemClock()) for name in dict.fromkeys(names)]


def _make(name: BackendName, settings: NotifySettings, data_dir: Path, slack: SlackAccess | None, clock: Clock) -> Notifier:
    if name == "memory":
        return MemoryNotifier()
    if name == "slack":
        from app.notify.slack import SlackNotifier

        if slack is None:
            raise ValueError("there is no way by Slack without slack.bot_token and slack.alerts_channel")
        return SlackNotifier(slack, clock)
    return FolderNotifier(data_dir / Path(settings.folder).expanduser())
