"""Alerts and digests in Slack, stage by stage, against a Slack that misbehaves."""

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.clock import FakeClock
from app.errors import DeliveryError, DeliveryRefused
from app.notify import Digest, Message
from app.notify.base import PostedPlace
from app.notify.slack.notifier import SlackNotifier
from app.notify.slack.posts import PICTURE_PATIENCE_S, Posted
from tests.notify.progress import MemoryProgress, deliver_until_done
from tests.servers.slack import BOT_TOKEN, SCOPES, SlackServer
from tests.servers.slack_requests import ALERTS
from tests.servers.tricks import Trick, answer_lost, broken, refused, reset, too_many

AT = datetime(2026, 11, 20, 10, 15, 3, tzinfo=UTC)
EVENT = "20261120T101503.000Z-front"
ALERT = Message(EVENT, AT, "Motion in front of camera <front>.", "front", b"a picture", EVENT, 0.93)
STAGES = (
    "files.getUploadURLExternal",
    "upload",
    "files.completeUploadExternal",
    "files.info",
    "chat.postMessage",
)


def test_an_alert_has_its_line_its_picture_and_three_buttons(
    slack: SlackServer, notifier: SlackNotifier
) -> None:
    progress = MemoryProgress()
    notifier.deliver(ALERT, progress)
    (message,) = slack.seen()
    assert message.text == ALERT.text
    assert (
        message.words
        == f"*Motion in front of camera &lt;front&gt;.*\nfront  ·  {shown(AT)}  ·  person 93%"
    )
    assert [slack.files[file].content for file in message.files] == [b"a picture"]
    assert [(button["action_id"], button["text"]["text"]) for button in message.buttons] == [
        ("tag_occupied", "Occupied"),
        ("tag_unoccupied", "Unoccupied"),
        ("snooze", "Snooze 1 h"),
    ]
    assert [json.loads(button["value"]) for button in message.buttons] == [
        {"event": EVENT, "answer": answer} for answer in ("occupied", "unoccupied", "snooze")
    ]
    assert slack.keys() == [EVENT]
    assert Posted.loads(progress.stages["posted"]) == Posted(
        ALERTS, message.ts, ALERT.text, message.files[0], AT.isoformat()
    )
    assert len(slack.calls) == 4


def shown(at: datetime) -> str:
    return (
        f"<!date^{int(at.timestamp())}^{{date_short_pretty}} "
        f"{{time_secs}}|{at.astimezone():%Y-%m-%d %H:%M:%S}>"
    )


def test_a_message_without_an_event_has_no_buttons(
    slack: SlackServer, notifier: SlackNotifier
) -> None:
    notifier.deliver(
        Message("a", AT, "Camera front is lost: no frame for 10 s", "front"), MemoryProgress()
    )
    notifier.deliver(Message("b", AT, "The disk is nearly full."), MemoryProgress())
    assert [(message.buttons, message.files, len(message.blocks)) for message in slack.seen()] == [
        ([], [], 1)
    ] * 2
    assert slack.seen()[1].words == f"*The disk is nearly full.*\n{shown(AT)}"


@pytest.mark.parametrize("method", STAGES)
@pytest.mark.parametrize(
    "trick", [too_many(7), broken(500), broken(503), reset(), answer_lost()], ids=str
)
def test_an_alert_is_posted_once_whatever_fails(
    slack: SlackServer, notifier: SlackNotifier, clock: FakeClock, method: str, trick: Trick
) -> None:
    slack.trick(method, trick)
    progress = MemoryProgress()
    assert deliver_until_done(notifier, ALERT, progress, clock) == 1
    notifier.deliver(ALERT, progress)
    assert (slack.keys(), len(slack.messages)) == ([EVENT], 1)
    assert slack.files[slack.messages[0].files[0]].content == b"a picture"
    assert notifier.possible_repeats == 0


def test_another_process_does_not_repeat_a_stage(
    slack: SlackServer, notifier: SlackNotifier, clock: FakeClock
) -> None:
    progress = MemoryProgress()
    slack.trick("chat.postMessage", too_many())
    with pytest.raises(DeliveryError):
        notifier.deliver(ALERT, progress)
    another = SlackNotifier(notifier.settings, clock)
    another.deliver(ALERT, progress)
    assert len(slack.called("files.getUploadURLExternal")) == len(slack.called("files.info")) == 1
    assert len(slack.messages) == 1


@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "chat.postMessage"])
def test_an_alert_waits_for_the_cure_of_a_lasting_refusal(
    slack: SlackServer, notifier: SlackNotifier, method: str
) -> None:
    progress = MemoryProgress()
    slack.trick(method, refused("token_revoked"))
    with pytest.raises(DeliveryRefused, match=r"slack\.bot_token"):
        notifier.deliver(ALERT, progress)
    assert slack.messages == []
    notifier.deliver(ALERT, progress)
    assert slack.messages[0].files


@pytest.mark.parametrize(
    ("tricks", "text"),
    [
        ({"files.getUploadURLExternal": refused("file_uploads_disabled")}, "file_uploads_disabled"),
        ({"upload": broken(413)}, "HTTP 413"),
        ({"files.completeUploadExternal": refused("file_update_failed")}, "file_update_failed"),
        ({"files.getUploadURLExternal": refused("missing_scope")}, "missing_scope"),
    ],
)
def test_an_alert_goes_without_a_picture_that_slack_refuses(
    slack: SlackServer,
    notifier: SlackNotifier,
    tricks: dict[str, Trick],
    text: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for method, trick in tricks.items():
        slack.trick(method, trick)
    notifier.deliver(ALERT, MemoryProgress())
    (message,) = slack.seen()
    assert message.files == []
    assert "The picture is stored at home, and not shown here" in message.words
    assert text in message.words
    assert len(message.buttons) == 3
    assert "alerts are delivered to Slack without pictures" in caplog.text


def test_an_alert_is_sent_without_an_expired_picture(
    slack: SlackServer, notifier: SlackNotifier
) -> None:
    notifier.deliver(Message(EVENT, AT, "Motion.", "front", None, EVENT), MemoryProgress())
    assert len(slack.seen()[0].buttons) == 3
    assert slack.files == {}


def test_a_picture_that_is_never_ready_is_left_out(
    slack: SlackServer, notifier: SlackNotifier, clock: FakeClock
) -> None:
    slack.file_ready_after_s = 1e6
    before_s = clock.monotonic()
    assert deliver_until_done(notifier, ALERT, MemoryProgress(), clock) > 1
    assert PICTURE_PATIENCE_S < clock.monotonic() - before_s < PICTURE_PATIENCE_S + 10
    assert slack.seen()[0].files == []
    assert "it was not ready after 30 s" in slack.seen()[0].words
    assert len(slack.called("files.info")) < 60


def test_without_files_read_the_picture_is_tried_until_accepted(
    slack: SlackServer, notifier: SlackNotifier, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    slack.scopes = SCOPES - {"files:read"}
    slack.trick("chat.postMessage", *[refused("invalid_blocks")] * 3)
    assert deliver_until_done(notifier, ALERT, MemoryProgress(), clock) == 3
    assert slack.seen()[0].files
    assert "files:read" in caplog.text


def test_texts_of_any_length_fit_into_slack(slack: SlackServer, notifier: SlackNotifier) -> None:
    notifier.deliver(
        Message(EVENT, AT, "ä<&>" * 2000, "front", b"picture", EVENT, 0.5), MemoryProgress()
    )
    assert slack.seen()[0].files


def digest_of(count: int, pictured: int = 4) -> Digest:
    """Return a digest of *count* alerts, the last of them *pictured*, and a lost camera."""
    alerts = []
    for number in range(count):
        event = f"20261120T1015{number:02d}.000Z-front"
        picture = f"{number}".encode() if number >= count - pictured else None
        alerts.append(Message(event, AT, f"Motion {number}.", "front", picture, event))
    return Digest("digest-1", (*alerts, Message("lost", AT, "Camera yard is lost.", "yard")))


def test_a_digest_counts_its_alerts_and_shows_the_newest(
    slack: SlackServer, notifier: SlackNotifier
) -> None:
    notifier.deliver_digest(digest_of(12), MemoryProgress())
    (message,) = slack.seen()
    assert message.text == "13 alerts while you could not be reached"
    assert "front: 12" in message.words
    assert "Camera yard is lost." in message.words
    assert "/events" in message.words
    assert [slack.files[file].content for file in message.files] == [b"8", b"9", b"10", b"11"]
    assert (len(message.buttons), slack.keys()) == (8, ["digest-1"])


@pytest.mark.parametrize("method", STAGES)
@pytest.mark.parametrize("trick", [too_many(2), broken(503), reset(), answer_lost()], ids=str)
def test_a_digest_is_posted_once_whatever_fails(
    slack: SlackServer, notifier: SlackNotifier, clock: FakeClock, method: str, trick: Trick
) -> None:
    slack.trick(method, trick)
    progress = MemoryProgress()
    with pytest.raises(DeliveryError):
        notifier.deliver_digest(digest_of(6), progress)
    clock.advance(5)
    for _ in range(2):
        SlackNotifier(notifier.settings, clock).deliver_digest(digest_of(6), progress)
    assert slack.keys() == ["digest-1"]
    assert len(slack.messages[0].files) == 4


def test_a_digest_goes_without_pictures_that_slack_refuses(
    slack: SlackServer, notifier: SlackNotifier
) -> None:
    slack.always("upload", broken(400))
    notifier.deliver_digest(digest_of(3), MemoryProgress())
    assert slack.seen()[0].files == []
    assert "The picture is stored at home" in slack.seen()[0].words


def test_no_token_is_logged_or_shown(
    slack: SlackServer, notifier: SlackNotifier, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "app")
    slack.trick("chat.postMessage", refused("invalid_auth"))
    with pytest.raises(DeliveryRefused):
        notifier.deliver(ALERT, MemoryProgress())
    notifier.deliver(ALERT, MemoryProgress())
    assert BOT_TOKEN not in caplog.text + str(notifier) + repr(notifier.settings)


def test_slack_is_asked_at_once_what_it_shows(slack: SlackServer, notifier: SlackNotifier) -> None:
    progress = MemoryProgress()
    notifier.deliver(ALERT, progress)
    digest = digest_of(3)
    notifier.deliver_digest(digest, MemoryProgress())
    missing = Message("missing", AT, "Motion.")
    found = notifier.find_posted([ALERT, *digest.messages, missing], None)
    assert found is not None
    posted = replace(Posted.loads(progress.stages["posted"]), at=None)
    assert found[ALERT.key] == PostedPlace(posted.dumps())
    members = [message.key for message in digest.messages]
    assert {key: found[key].digest for key in members} == dict.fromkeys(members, "digest-1")
    assert "missing" not in found
    assert len(slack.called("conversations.history")) == 1


def test_without_the_scope_slack_is_not_asked(slack: SlackServer, notifier: SlackNotifier) -> None:
    slack.scopes -= {"channels:history"}
    assert notifier.find_posted([ALERT], None) is None
