"""Covers several modules: the promise of `app.notify.base`, kept by every notifier."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.clock import FakeClock
from app.errors import DeliveryError
from app.notify import (
    Digest,
    FolderNotifier,
    MemoryNotifier,
    Message,
    Notifier,
    SlackSettings,
    TwilioSettings,
)
from app.notify.apprise import AppriseNotifier
from app.notify.slack.notifier import SlackNotifier
from app.notify.twilio.notifier import TwilioNotifier
from app.protocol import ID
from tests.cameras.pictures import write_video
from tests.notify.progress import MemoryProgress
from tests.servers.json_hook import JsonHook
from tests.servers.media import MediaServer
from tests.servers.slack import BOT_TOKEN, SlackServer
from tests.servers.slack_requests import ALERTS
from tests.servers.twilio import ACCOUNT, FROM, OWNER, TOKEN, TwilioServer

AT = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
MESSAGE = Message(
    "20261120T101500.123Z-front", AT, "Motion in front of camera front.", "front", b"a picture"
)
CLIP = Message(
    "20261120T101500.123Z-front-clip_ready", AT, "The clip of camera front.", "front", topic="clip"
)


Shown = list[tuple[str, bytes | None]]


@dataclass
class Rig:
    """A notifier, and the owner's view of it.

    *shown* returns each message: its first line, and its picture or clip. *broken* breaks and
    mends the service. *link* makes a link of a picture or clip for services that take only links.
    """

    notifier: Notifier
    shown: Callable[[], Shown]
    broken: Callable[[bool], None]
    link: Callable[[str, bytes], str | None] = field(default=lambda *_: None)
    shows_clips: bool = True
    progress: MemoryProgress = field(default_factory=MemoryProgress)

    def alert(self, message: Message) -> Message:
        """Return *message*, with its picture as the notifier takes it."""
        return (
            replace(message, picture_link=self.link("snapshot.jpg", message.picture))
            if message.picture
            else message
        )

    def clip(self, path: Path) -> Message:
        """Return a message with a clip, which it writes to *path*."""
        clip = write_video(path, 10)
        return replace(CLIP, clip=clip, clip_link=self.link("clip.mp4", clip.read_bytes()))


@pytest.fixture(params=["memory", "folder", "slack", "twilio", "apprise"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    make = {
        "memory": _memory,
        "folder": _folder,
        "slack": _slack,
        "twilio": _twilio,
        "apprise": _apprise,
    }[request.param]
    with ExitStack() as stack:
        yield make(stack, tmp_path)


def _memory(_stack: ExitStack, _tmp_path: Path) -> Rig:
    notifier = MemoryNotifier()

    def shown() -> Shown:
        return [
            (message.text, message.clip.read_bytes() if message.clip else message.picture)
            for message in notifier.messages
        ]

    return Rig(notifier, shown, lambda broken: notifier.fail_next(1000 if broken else 0))


def _folder(_stack: ExitStack, tmp_path: Path) -> Rig:
    folder = tmp_path / "alerts"

    def shown() -> Shown:
        texts = sorted(folder.glob("*/*.txt"))
        pictures = [text.with_suffix(".jpg") for text in texts]
        return [
            (
                text.read_text().split("  ", 1)[1].rstrip("\n"),
                picture.read_bytes() if picture.exists() else None,
            )
            for text, picture in zip(texts, pictures, strict=True)
        ]

    def broken(is_broken: bool) -> None:
        if is_broken:
            folder.write_text("a file stands where the folder should be")
        else:
            folder.unlink()

    return Rig(FolderNotifier(folder), shown, broken, shows_clips=False)


def _slack(stack: ExitStack, _tmp_path: Path) -> Rig:
    server = stack.enter_context(SlackServer())

    def shown() -> Shown:
        files = [(message, [*message.files, *message.attached]) for message in server.seen()]
        return [
            (message.text, server.files[found[0]].content if found else None)
            for message, found in files
        ]

    def broken(is_broken: bool) -> None:
        server.away = is_broken

    return Rig(
        SlackNotifier(SlackSettings(server.api_url, SecretStr(BOT_TOKEN), ALERTS), FakeClock()),
        shown,
        broken,
    )


def _twilio(stack: ExitStack, _tmp_path: Path) -> Rig:
    server, media = stack.enter_context(TwilioServer()), stack.enter_context(MediaServer())
    settings = TwilioSettings(server.url, ACCOUNT, SecretStr(TOKEN), from_=FROM, to=(OWNER,))

    def shown() -> Shown:
        return [
            (re.split(r" \(|\n", text.body)[0], text.media[0][1] if text.media else None)
            for text in server.arrived()
        ]

    def broken(is_broken: bool) -> None:
        server.away = is_broken

    return Rig(
        TwilioNotifier(settings, OWNER, FakeClock(datetime.now(UTC))), shown, broken, media.put
    )


def _apprise(stack: ExitStack, _tmp_path: Path) -> Rig:
    hook = stack.enter_context(JsonHook())

    def shown() -> Shown:
        return [
            (got.message.partition("\n")[0], got.files[0][2] if got.files else None)
            for got in hook.received
        ]

    def broken(is_broken: bool) -> None:
        hook.statuses.clear()
        hook.statuses.extend([404] * 100 if is_broken else [])

    return Rig(AppriseNotifier(hook.url(), 8.0), shown, broken)


def test_a_message_is_shown_with_its_picture(rig: Rig) -> None:
    rig.notifier.deliver(rig.alert(MESSAGE), rig.progress)
    assert rig.shown() == [("Motion in front of camera front.", b"a picture")]


def test_a_message_without_a_picture_is_shown(rig: Rig) -> None:
    lost = Message(
        "20261120T101500.123Z-front-0123abcd",
        AT,
        "Camera front is lost: no frame for 10 s",
        "front",
    )
    rig.notifier.deliver(lost, rig.progress)
    assert rig.shown() == [("Camera front is lost: no frame for 10 s", None)]


def test_the_same_key_again_is_not_shown_twice(rig: Rig) -> None:
    for _ in range(3):
        rig.notifier.deliver(rig.alert(MESSAGE), rig.progress)
    assert len(rig.shown()) == 1


def test_messages_with_other_keys_are_all_shown(rig: Rig) -> None:
    for second in range(5):
        rig.notifier.deliver(
            Message(f"20261120T10150{second}.000Z-front", AT, f"Motion {second}."), MemoryProgress()
        )
    assert [text for text, _ in rig.shown()] == [f"Motion {second}." for second in range(5)]


def test_a_message_that_failed_arrives_once_later(rig: Rig) -> None:
    rig.broken(True)
    for _ in range(2):
        with pytest.raises(DeliveryError):
            rig.notifier.deliver(rig.alert(MESSAGE), rig.progress)
    rig.broken(False)
    assert rig.shown() == []
    rig.notifier.deliver(rig.alert(MESSAGE), rig.progress)
    assert rig.shown() == [("Motion in front of camera front.", b"a picture")]


def test_a_clip_is_shown_or_its_place_is_named(rig: Rig, tmp_path: Path) -> None:
    message = rig.clip(tmp_path / "clip.mp4")
    for _ in range(2):
        rig.notifier.deliver(message, rig.progress)
    ((text, clip),) = rig.shown()
    if rig.shows_clips:
        assert (text, clip) == (message.text, (tmp_path / "clip.mp4").read_bytes())
    else:
        assert text == f"{message.text}  {tmp_path / 'clip.mp4'}"


def test_a_clip_on_another_machine_is_mentioned(rig: Rig) -> None:
    rig.notifier.deliver(replace(CLIP, remark="The clip is on the machine garage."), rig.progress)
    assert [(text.partition("  ")[0], clip) for text, clip in rig.shown()] == [(CLIP.text, None)]


def test_a_clip_that_failed_arrives_once_later(rig: Rig, tmp_path: Path) -> None:
    message = rig.clip(tmp_path / "clip.mp4")
    rig.broken(True)
    with pytest.raises(DeliveryError):
        rig.notifier.deliver(message, rig.progress)
    rig.broken(False)
    assert rig.shown() == []
    rig.notifier.deliver(message, rig.progress)
    assert len(rig.shown()) == 1


def test_a_digest_is_one_message_where_there_are_digests(rig: Rig) -> None:
    digest = Digest("digest", tuple(replace(MESSAGE, key=f"m{number}") for number in range(7)))
    if not rig.notifier.makes_digests:
        with pytest.raises(NotImplementedError, match="makes no digests"):
            rig.notifier.deliver_digest(digest, rig.progress)
        return
    for _ in range(2):
        rig.notifier.deliver_digest(digest, rig.progress)
    ((text, _),) = rig.shown()
    assert text.startswith("7 ")


def test_its_name_can_be_part_of_a_mark(rig: Rig) -> None:
    assert ID.fullmatch(rig.notifier.name)


def test_it_can_be_closed(rig: Rig) -> None:
    rig.notifier.close()
