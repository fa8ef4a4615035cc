"""What every way to the owner keeps to."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.clock import FakeClock
from app.errors import DeliveryError
from app.notify import FolderNotifier, MemoryNotifier, Message, Notifier, SlackAccess
from app.notify.slack import SlackNotifier
from tests.notify.noted import Noted
from tests.servers.slack import ALERTS, BOT_TOKEN, SlackServer

AT = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
MESSAGE = Message("20261120T101500.123Z-front", AT, "Motion in front of camera front.", "front", b"a picture")


@dataclass
class Rig:
    """A way, what the owner has of it (text and picture), and how it is broken and mended."""

    notifier: Notifier
    shown: Callable[[], list[tuple[str, bytes | None]]]
    broken: Callable[[bool], None]
    progress: Noted = field(default_factory=Noted)


@pytest.fixture(params=["memory", "folder", "slack"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    if request.param == "slack":
        with SlackServer() as server:
            yield _slack(server)
    else:
        yield _memory() if request.param == "memory" else _folder(tmp_path)


def _memory() -> Rig:
    notifier = MemoryNotifier()

    def shown() -> list[tuple[str, bytes | None]]:
        return [(message.text, message.picture) for message in notifier.messages]

    return Rig(notifier, shown, lambda broken: notifier.fail_next(1000 if broken else 0))


def _folder(tmp_path: Path) -> Rig:
    folder = tmp_path / "alerts"

    def shown() -> list[tuple[str, bytes | None]]:
        texts = sorted(folder.glob("*/*.txt"))
        pictures = [text.with_suffix(".jpg") for text in texts]
        return [
            (text.read_text().split("  ", 1)[1].rstrip("\n"), picture.read_bytes() if picture.exists() else None)
            for text, picture in zip(texts, pictures, strict=True)
        ]

    def broken(is_broken: bool) -> None:
        if is_broken:
            folder.write_text("a file stands where the folder should be")
        else:
            folder.unlink()

    return Rig(FolderNotifier(folder), shown, broken)


def _slack(server: SlackServer) -> Rig:
    def shown() -> list[tuple[str, bytes | None]]:
        return [(message.text, server.files[message.files[0]].content if message.files else None) for message in server.seen()]

    def broken(is_broken: bool) -> None:
        server.away = is_broken

    return Rig(SlackNotifier(SlackAccess(server.api_url, BOT_TOKEN, ALERTS), FakeClock()), shown, broken)


def test_a_message_is_shown_with_its_picture(rig: Rig) -> None:
    rig.notifier.deliver(MESSAGE, rig.progress)
    assert rig.shown() == [("Motion in front of camera front.", b"a picture")]


def test_a_message_without_a_picture_is_shown(rig: Rig) -> None:
    lost = Message("20261120T101500.123Z-front-0123abcd", AT, "Camera front is lost: no frame for 10 s", "front")
    rig.notifier.deliver(lost, rig.progress)
    assert rig.shown() == [("Camera front is lost: no frame for 10 s", None)]


def test_the_same_key_again_is_not_shown_twice(rig: Rig) -> None:
    for _ in range(3):
        rig.notifier.deliver(MESSAGE, rig.progress)
    assert len(rig.shown()) == 1


def test_messages_with_other_keys_are_all_shown(rig: Rig) -> None:
    for second in range(5):
        rig.notifier.deliver(Message(f"20261120T10150{second}.000Z-front", AT, f"Motion {second}."), Noted())
    assert [text for text, _ in rig.shown()] == [f"Motion {second}." for second in range(5)]


def test_what_cannot_be_delivered_is_a_delivery_error_and_arrives_once_later(rig: Rig) -> None:
    rig.broken(True)
    for _ in range(2):
        with pytest.raises(DeliveryError):
            rig.notifier.deliver(MESSAGE, rig.progress)
    rig.broken(False)
    assert rig.shown() == []
    rig.notifier.deliver(MESSAGE, rig.progress)
    assert rig.shown() == [("Motion in front of camera front.", b"a picture")]


def test_it_can_be_closed(rig: Rig) -> None:
    rig.notifier.close()
