"""Tags in Slack, and what is removed a minute later."""

import json
from datetime import timedelta

import pytest

from app import protocol
from app.daemons.notifier.progress import DeliveryProgress
from app.notify import Digest, Message
from app.protocol import EventRecord, Fact
from app.state import State
from tests.daemons.notifier.replies_harness import AT, EVENT, FACT, Replies, replies_of
from tests.servers.slack import SlackServer
from tests.servers.slack_records import Posted
from tests.servers.slack_requests import OWNER
from tests.servers.tricks import Trick, answer_lost, broken, refused, too_many

ALL_BUTTONS = ["tag_occupied", "tag_unoccupied", "snooze"]


def action_ids(message: Posted) -> list[str]:
    return [button["action_id"] for button in message.buttons]


def test_a_tag_replaces_the_buttons(replies: Replies) -> None:
    alert = replies.post_alert()
    replies.clock.advance(60)
    replies.tag("occupied")
    replies.run()
    message = replies.message()
    (undo,) = message.buttons
    assert (undo["action_id"], json.loads(undo["value"])) == (
        "tag_undo",
        {"event": EVENT, "answer": "undo"},
    )
    assert message.words.startswith("*Motion in front of camera front.*\nfront  ·  ")
    tagged_at = int(replies.clock.now().timestamp())
    assert f"Tagged as occupied by <@{OWNER}>, <!date^{tagged_at}^{{time}}|" in message.words
    assert "removed from Slack after a minute" in message.words
    assert (message.text, replies.slack.keys()) == (alert.text, [EVENT])
    assert replies.handler.waiting == 0


def test_picture_and_clips_are_removed_after_a_minute(replies: Replies) -> None:
    alert = replies.post_alert()
    clips = [replies.post_clip(part) for part in (1, 2)]
    replies.tag("occupied")
    replies.run()
    replies.let_pass(58)
    assert replies.message().files == alert.files
    assert replies.slack.called("files.delete") == []
    replies.let_pass(3)
    assert replies.message().files == []
    assert all(replies.slack.files[file].deleted for file in (*alert.files, *clips))
    assert "Tagged as occupied by" in replies.message().words
    assert "after a minute" not in replies.message().words
    assert replies.state.event_fields(EVENT)["slack:deleted"] == alert.files[0]
    replies.let_pass(300)
    assert replies.done()
    assert len(replies.slack.called("files.delete")) == 3


def test_undo_within_the_minute_restores_everything(replies: Replies) -> None:
    alert = replies.post_alert()
    clip = replies.post_clip()
    replies.tag("occupied")
    replies.run()
    replies.let_pass(50)
    replies.tag(None)
    replies.run()
    for _ in range(2):
        replies.let_pass(300)
    message = replies.message()
    assert (message.words, message.files) == (alert.words, alert.files)
    assert action_ids(message) == ALL_BUTTONS
    assert replies.slack.called("files.delete") == []
    assert not replies.slack.files[clip].deleted
    assert replies.done()


def test_another_tag_begins_another_minute(replies: Replies) -> None:
    alert = replies.post_alert()
    replies.tag("occupied")
    replies.run()
    replies.let_pass(40)
    replies.tag("unoccupied")
    replies.run()
    replies.let_pass(40)
    assert replies.message().files == alert.files
    replies.let_pass(21)
    assert replies.message().files == []


def test_a_restart_in_that_minute_forgets_nothing(replies: Replies) -> None:
    alert = replies.post_alert()
    clip = replies.post_clip()
    replies.tag("occupied")
    replies.run()
    replies.let_pass(30)
    replies.restart()
    replies.let_pass(29)
    assert replies.message().files == alert.files
    replies.restart()
    replies.let_pass(2)
    assert replies.message().files == []
    replies.restart()
    replies.let_pass(1)
    replies.let_pass(300)
    deleted = [call.arguments["file"] for call in replies.slack.called("files.delete")]
    assert deleted == [alert.files[0], clip]
    assert "Tagged as occupied by" in replies.message().words
    assert replies.done()


def test_a_clip_that_came_late_is_removed_too(replies: Replies) -> None:
    replies.post_alert()
    replies.tag("occupied")
    replies.run()
    replies.let_pass(61)
    clip = replies.post_clip()
    replies.let_pass(300)
    assert replies.slack.files[clip].deleted
    assert replies.done()


def test_a_tag_can_keep_the_picture_and_undo_it_all(state: State, slack: SlackServer) -> None:
    replies = replies_of(state, slack, delete=False)
    alert = replies.post_alert()
    replies.tag("unoccupied")
    replies.run()
    assert replies.done()
    assert "Tagged as unoccupied by" in replies.message().words
    assert "removed" not in replies.message().words
    assert replies.message().files == alert.files
    replies.tag(None)
    replies.run()
    message = replies.message()
    assert (message.words, message.files) == (alert.words, alert.files)
    assert action_ids(message) == ALL_BUTTONS


def test_after_undo_another_tag_can_be_given(replies: Replies) -> None:
    replies.post_alert()
    for label in ("occupied", None, "unoccupied"):
        replies.tag(label)
        replies.run()
        replies.let_pass(61)
        assert (
            "The picture was deleted from Slack, and is stored at home." in replies.message().words
        ) == (label is None)
    assert "Tagged as unoccupied by" in replies.message().words
    assert len(replies.slack.called("files.delete")) == 1


@pytest.mark.parametrize(
    ("method", "trick"),
    [
        ("chat.update", too_many(3)),
        ("chat.update", answer_lost()),
        ("files.delete", broken(500)),
        ("files.delete", answer_lost()),
    ],
)
def test_a_tag_is_shown_once_after_a_failure(replies: Replies, method: str, trick: Trick) -> None:
    alert = replies.post_alert()
    replies.slack.trick(method, trick)
    replies.tag("occupied")
    replies.run()
    for _ in range(2):
        replies.let_pass(61)
    assert replies.slack.files[alert.files[0]].deleted
    assert "Tagged as occupied by" in replies.message().words
    assert len(replies.slack.messages) == 1
    replies.let_pass(300)
    assert replies.done()


def test_a_tag_that_is_shown_late_is_the_newest(replies: Replies) -> None:
    replies.post_alert()
    replies.slack.trick("chat.update", too_many(10))
    replies.tag("occupied", "anna", OWNER)
    replies.run()
    replies.tag("unoccupied", "ben", "U0BEN00001")
    replies.clock.advance(11)
    replies.run(2)
    assert (
        "Tagged as unoccupied by <@U0BEN00001>" in replies.message().words
        or "Tagged as unoccupied by ben" in replies.message().words
    )
    assert replies.handler.waiting == 0


def test_a_tag_without_a_message_gets_a_sentence(replies: Replies) -> None:
    replies.state.publish(FACT, EventRecord("front", AT))
    request = replies.tag("occupied")
    replies.run()
    assert replies.replied(request) == ["Noted: occupied."]
    assert replies.done()


def test_a_tag_waits_for_an_alert_that_is_being_posted(replies: Replies) -> None:
    replies.state.publish(FACT, EventRecord("front", AT))
    replies.state.mark_event(EVENT, {"slack:posting": AT.isoformat()})
    request = replies.tag("occupied")
    replies.run()
    assert replies.handler.waiting == 1
    replies.post_alert()
    replies.clock.advance(2)
    replies.run()
    assert replies.handler.waiting == 0
    assert replies.replied(request) == []


@pytest.mark.parametrize(
    "error", ["message_not_found", "cant_update_message", "edit_window_closed"]
)
def test_a_message_that_cannot_change_gets_a_sentence(replies: Replies, error: str) -> None:
    alert = replies.post_alert()
    replies.slack.always("chat.update", refused(error))
    request = replies.tag("occupied")
    replies.run()
    replies.let_pass(61)
    assert replies.replied(request) == [
        f"Noted: occupied. The message could not be changed: {error}."
    ]
    assert replies.slack.files[alert.files[0]].deleted


def test_a_tag_is_shown_without_a_picture_that_is_deleted(state: State, slack: SlackServer) -> None:
    replies = replies_of(state, slack, delete=False)
    alert = replies.post_alert()
    slack.files[alert.files[0]].deleted = True
    replies.tag("occupied")
    replies.run()
    assert "Tagged as occupied by" in replies.message().words


def test_a_picture_that_slack_keeps_is_logged_and_shown(
    replies: Replies, caplog: pytest.LogCaptureFixture
) -> None:
    replies.post_alert()
    replies.slack.always("files.delete", refused("cant_delete_file"))
    replies.tag("occupied")
    replies.run()
    for _ in range(2):
        replies.let_pass(300)
    assert replies.done()
    assert "slack:deleted" not in replies.state.event_fields(EVENT)
    replies.tag(None)
    replies.run()
    assert replies.message().files
    assert "stays in Slack: Slack refuses files.delete: cant_delete_file" in caplog.text


def post_digest(replies: Replies, count: int) -> list[str]:
    """Post a digest of *count* alerts as the notifier does; returns their events."""
    messages = []
    for number in range(count):
        at = AT + timedelta(seconds=number)
        event = protocol.event_id(at, "front")
        fact = Fact(f"{event}-motion_started", "motion_started", at, "Motion.", "front", event)
        replies.state.publish(fact, EventRecord("front", at), b"a picture")
        replies.state.mark_event(event, {"slack:digest": "digest-1", "slack:shown": "yes"})
        messages.append(Message(event, at, "Motion.", "front", b"a picture", event))
    progress = DeliveryProgress(replies.state, "slack", "digest-1")
    replies.notifier.deliver_digest(Digest("digest-1", tuple(messages)), progress)
    return [message.key for message in messages]


def test_each_picture_of_a_digest_can_be_tagged(replies: Replies) -> None:
    events = post_digest(replies, 10)
    before = replies.message()
    assert [json.loads(button["value"])["event"] for button in before.buttons] == [
        event for event in events for _ in range(2)
    ]
    for event in events[1:]:
        replies.tag("unoccupied", event=event)
    replies.run(2)
    message = replies.message()
    assert (len(message.blocks) <= 50, message.files) == (True, before.files)
    assert message.words.count("Tagged as unoccupied by") == 9
    assert action_ids(message) == ["tag_occupied", "tag_unoccupied", *["tag_undo"] * 9]
    replies.tag(None, event=events[4])
    replies.run()
    replies.let_pass(61)
    message = replies.message()
    assert message.files == [before.files[0], before.files[4]]
    assert message.words.count("Tagged as unoccupied by") == 8
    assert action_ids(message)[:4] == ["tag_occupied", "tag_unoccupied", "tag_undo", "tag_undo"]
    assert len(replies.slack.called("files.delete")) == 8
