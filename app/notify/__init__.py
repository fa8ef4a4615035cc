"""Ways to tell the owner."""

from pathlib import Path

from app.notify.base import BackendName, Message, Notifier, NotifySettings
from app.notify.folder import FolderNotifier
from app.notify.memory import MemoryNotifier

__all__ = ["BackendName", "FolderNotifier", "MemoryNotifier", "Message", "Notifier", "NotifySettings", "make_notifiers"]


def make_notifiers(settings: NotifySettings, data_dir: Path) -> list[Notifier]:
    """The ways that *settings* ask for, each once. A relative `notify.folder` is under *data_dir*."""
    names = ("folder",) if settings.backends == "auto" else settings.backends
    return [_make(name, settings, data_dir) for name in dict.fromkeys(names)]


def _make(name: BackendName, settings: NotifySettings, data_dir: Path) -> Notifier:
    if name == "memory":
        return MemoryNotifier()
    return FolderNotifier(data_dir / Path(settings.folder).expanduser())
