"""Any other service by Apprise, with a JSON hook on loopback."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.errors import DeliveryError, DeliveryRefused
from app.notify import Digest, Message
from app.notify.apprise import AppriseNotifier
from app.protocol import Stage
from tests.cameras.pictures import write_video
from tests.notify.progress import Killed, KilledAfter, MemoryProgress
from tests.servers.drip_server import DripServer
from tests.servers.json_hook import JsonHook
from tests.servers.ports import free_port

AT = datetime(2026, 11, 20, 10, 15, 3, tzinfo=UTC)
EVENT = "20261120T101503.000Z-front"
ALERT = Message(
    EVENT, AT, "Motion in <front> of *camera* front.", "front", b"a picture", EVENT, 0.93
)
WHEN = f"{AT.astimezone():%Y-%m-%d %H:%M:%S}"


@pytest.fixture
def hook() -> Iterator[JsonHook]:
    with JsonHook() as server:
        yield server


@pytest.fixture
def notifier(hook: JsonHook) -> AppriseNotifier:
    return AppriseNotifier(hook.url(), 8.0)


def test_an_alert_has_its_plain_words_time_and_picture(
    hook: JsonHook, notifier: AppriseNotifier
) -> None:
    notifier.deliver(ALERT, MemoryProgress())
    (got,) = hook.received
    assert got.message == f"Motion in <front> of *camera* front.\n{WHEN}, person 93%"
    assert (got.title, got.type) == ("Who's There?", "warning")
    assert got.files == ((f"{EVENT}.jpg", "image/jpeg", b"a picture"),)


def test_a_message_without_a_picture_is_only_words(
    hook: JsonHook, notifier: AppriseNotifier
) -> None:
    notifier.deliver(
        Message("lost", AT, "Camera front is lost.", "front", topic="camera"), MemoryProgress()
    )
    assert [(got.message, got.type, got.files) for got in hook.received] == [
        (f"Camera front is lost.\n{WHEN}", "info", ())
    ]


def test_a_service_that_answers_byte_by_byte_is_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.notify.apprise.CONNECT_S", 0.3)
    monkeypatch.setattr("app.notify.apprise.READ_S", 0.2)
    with DripServer() as drip:
        notifier = AppriseNotifier(f"json://127.0.0.1:{drip.port}/", 8.0)
        with pytest.raises(DeliveryError, match=r"no complete answer within 0\.5 s"):
            notifier.deliver(replace(ALERT, picture=None), MemoryProgress())


def test_a_clip_is_attached_in_place_of_a_picture(
    hook: JsonHook, notifier: AppriseNotifier, tmp_path: Path
) -> None:
    clip = write_video(tmp_path / "a clip & more.mp4", 10)
    notifier.deliver(
        replace(ALERT, key="clip", text="The clip.", topic="clip", clip=clip, score=None),
        MemoryProgress(),
    )
    assert hook.received[0].files == (("clip.mp4", "video/mp4", clip.read_bytes()),)


def test_a_clip_that_is_not_here_is_a_link_or_a_sentence(
    hook: JsonHook, notifier: AppriseNotifier
) -> None:
    message = Message("clip", AT, "The clip.", topic="clip")
    notifier.deliver(
        replace(message, clip_link="https://s3.example.org/clip.mp4"), MemoryProgress()
    )
    notifier.deliver(
        replace(message, remark="The clip is on the machine garage."), MemoryProgress()
    )
    assert [got.message.partition("\n")[2].partition("\n")[2] for got in hook.received] == [
        "https://s3.example.org/clip.mp4",
        "The clip is on the machine garage.",
    ]


@pytest.mark.parametrize("status", [400, 401, 404, 429])
def test_a_refused_message_arrives_once_later(
    hook: JsonHook, notifier: AppriseNotifier, status: int
) -> None:
    hook.statuses.append(status)
    progress = MemoryProgress()
    with pytest.raises(DeliveryError, match=f"Apprise cannot deliver by json:// .*error={status}"):
        notifier.deliver(ALERT, progress)
    for _ in range(2):
        notifier.deliver(ALERT, progress)
    assert (len(hook.received), notifier.possible_repeats) == (1, 0)


def test_a_message_is_sent_without_a_refused_clip(
    hook: JsonHook, notifier: AppriseNotifier, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hook.takes_files = False
    progress, message = (
        MemoryProgress(),
        replace(
            ALERT,
            key="clip",
            text="The clip.",
            topic="clip",
            clip=write_video(tmp_path / "clip.mp4", 10),
        ),
    )
    for _ in range(3):
        with pytest.raises(DeliveryError, match="error=413"):
            notifier.deliver(message, progress)
    for _ in range(2):
        notifier.deliver(message, progress)
    (got,) = hook.received
    assert (got.message.split("\n")[0], got.files) == ("The clip.", ())
    assert got.message.endswith(
        "\nThe picture or clip was not accepted here. It is stored at home."
    )
    assert (
        caplog.text.count(
            "a message is sent without its picture or clip: Apprise cannot deliver by json://"
        )
        == 1
    )


def test_a_clip_arrives_after_a_long_outage(
    hook: JsonHook, notifier: AppriseNotifier, tmp_path: Path
) -> None:
    progress, clip = MemoryProgress(), write_video(tmp_path / "clip.mp4", 10)
    hook.statuses.extend([404] * 7)
    for _ in range(5):
        with pytest.raises(DeliveryError):
            notifier.deliver(replace(ALERT, clip=clip), progress)
    notifier.deliver(replace(ALERT, clip=clip), progress)
    assert [got.files[0][2] for got in hook.received] == [clip.read_bytes()]


def test_a_service_that_is_away_is_a_delivery_error(notifier: AppriseNotifier) -> None:
    away = AppriseNotifier(f"json://127.0.0.1:{free_port()}/hooks/secret-path", 8.0)
    with pytest.raises(DeliveryError, match="A Connection error occurred"):
        away.deliver(ALERT, MemoryProgress())


def test_a_service_that_hangs_does_not_hang_the_channel(hook: JsonHook) -> None:
    hook.hangs = True
    with pytest.raises(DeliveryError, match="A Connection error occurred"):
        AppriseNotifier(f"{hook.url()}?rto=0.2", 8.0).deliver(ALERT, MemoryProgress())


def test_killed_while_posting_it_posts_again_and_counts_that(
    hook: JsonHook, notifier: AppriseNotifier
) -> None:
    progress = MemoryProgress()
    progress.set(Stage.POSTING, "yes")
    notifier.deliver(ALERT, progress)
    assert (len(hook.received), notifier.possible_repeats) == (1, 1)


def test_an_unknown_url_is_refused_with_where_to_look() -> None:
    unknown, progress = AppriseNotifier("nonsense://something", 8.0), MemoryProgress()
    with pytest.raises(
        DeliveryRefused,
        match=rf"Apprise does not understand, nonsense:// \({unknown.name}\)",
    ):
        unknown.deliver(ALERT, progress)
    assert progress.stages == {}


def test_killed_when_posted_it_does_not_post_again(
    hook: JsonHook, notifier: AppriseNotifier
) -> None:
    progress = KilledAfter("posted")
    with pytest.raises(Killed):
        notifier.deliver(ALERT, progress)
    notifier.deliver(ALERT, progress.afterwards())
    assert (len(hook.received), notifier.possible_repeats) == (1, 0)


def test_a_digest_lists_the_newest_with_the_newest_picture(
    hook: JsonHook, notifier: AppriseNotifier
) -> None:
    messages = [
        replace(ALERT, key=f"a{number}", at=AT + timedelta(minutes=number), picture=b"%d" % number)
        for number in range(15)
    ]
    messages.append(
        Message("lost", AT + timedelta(minutes=20), "Camera front is lost.", topic="camera")
    )
    progress = MemoryProgress()
    for _ in range(2):
        notifier.deliver_digest(Digest("d", tuple(messages)), progress)
    (got,) = hook.received
    lines = got.message.split("\n")
    assert lines[:2] == ["16 messages while you could not be reached:", "… and 6 more before"]
    assert len(lines) == 12
    assert lines[-1].endswith("  Camera front is lost.")
    assert got.files == (("a14.jpg", "image/jpeg", b"14"),)


@pytest.mark.parametrize("status", [200, 401])
def test_nothing_of_the_url_is_logged_or_shown(
    hook: JsonHook,
    notifier: AppriseNotifier,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    status: int,
) -> None:
    caplog.set_level(logging.DEBUG)
    hook.statuses.append(status)
    text = ""
    try:
        notifier.deliver(ALERT, MemoryProgress())
    except DeliveryError as error:
        text = str(error)
    shown = f"{caplog.text}{text}{notifier}{notifier!r}{notifier.name}{capfd.readouterr()}"
    assert not [part for part in ("hush-hush", "secret-path", "anna") if part in shown]


def test_a_token_in_the_place_of_a_host_is_not_shown() -> None:
    telegram = AppriseNotifier(
        "tgram://123456789:abcdefghijklmnopqrstuvwxyz012345678/987654321?rto=0.1&cto=0.1", 8.0
    )
    assert "123456789" not in f"{telegram}{telegram!r}{telegram.name}"


def test_each_url_has_a_lasting_name_of_its_own(hook: JsonHook) -> None:
    names = [AppriseNotifier(url, 8.0).name for url in ("json://a", "json://b", "json://a")]
    assert names[0] == names[2] != names[1]
