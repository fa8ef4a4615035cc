"""Answers to people in Slack."""

from dataclasses import replace

import pytest

from app.notify.base import Message, MessageRefused
from app.notify.slack.blocks import ShownTag
from app.notify.slack.notifier import SlackNotifier
from app.notify.slack.posts import Posted
from app.notify.slack.replies import PostedAlert, SlackReplies, mention
from app.protocol import EventRecord, ReplyTo
from tests.notify.progress import MemoryProgress
from tests.notify.slack.test_blocks import ALERT, AT, EVENT
from tests.servers.slack import RESPONSE_URL_USES, SlackServer
from tests.servers.slack_requests import ALERTS, OWNER
from tests.servers.tricks import refused

PRIVATE = "G0PRIVATE1"
PICTURE = Message("answer-1", AT, "front, <now>", "front", b"a picture")


@pytest.fixture
def replies(notifier: SlackNotifier) -> SlackReplies:
    return SlackReplies(notifier)


@pytest.fixture
def alert(notifier: SlackNotifier) -> PostedAlert:
    """An alert that is posted with its picture."""
    progress = MemoryProgress()
    notifier.deliver(Message(EVENT, AT, ALERT.text, "front", b"a picture", EVENT, 0.93), progress)
    posted = Posted.loads(progress.stages["posted"])
    return PostedAlert(EVENT, EventRecord("front", AT, score=0.93), posted, deleted=False)


def test_a_reply_goes_to_the_person_alone(slack: SlackServer, replies: SlackReplies) -> None:
    url = slack.new_response_url()
    replies.reply(ReplyTo(url, PRIVATE), "All is well.")
    (response,) = slack.responses[url]
    assert (response["text"], response["response_type"]) == ("All is well.", "ephemeral")
    assert slack.messages == []


def test_a_reply_goes_to_the_channel_when_the_url_is_used_up(
    slack: SlackServer, replies: SlackReplies
) -> None:
    url = slack.new_response_url()
    for number in range(RESPONSE_URL_USES + 1):
        replies.reply(ReplyTo(url, PRIVATE), f"Reply {number}.")
    assert len(slack.responses[url]) == RESPONSE_URL_USES
    assert [message.text for message in slack.seen(PRIVATE)] == [f"Reply {RESPONSE_URL_USES}."]


def test_a_reply_to_nobody_goes_to_the_alerts_channel(
    slack: SlackServer, replies: SlackReplies
) -> None:
    replies.reply(None, "All is well.")
    assert [message.text for message in slack.seen(ALERTS)] == ["All is well."]


def test_a_reply_that_slack_refuses_is_logged(
    slack: SlackServer, replies: SlackReplies, caplog: pytest.LogCaptureFixture
) -> None:
    slack.trick("chat.postMessage", refused("is_archived"))
    replies.reply(None, "All is well.")
    assert "a reply cannot be delivered: Slack refuses chat.postMessage: is_archived" in caplog.text


def test_a_picture_is_posted_once_where_it_was_asked_for(
    slack: SlackServer, replies: SlackReplies
) -> None:
    progress = MemoryProgress()
    for _ in range(2):
        replies.post_picture(ReplyTo(channel=PRIVATE), PICTURE, progress)
    (message,) = slack.seen(PRIVATE)
    assert message.words == "front, &lt;now&gt;"
    assert slack.files[message.files[0]].content == b"a picture"
    assert slack.files[message.files[0]].name == f"front {AT.astimezone():%Y-%m-%d %H.%M.%S}.jpg"


def test_a_clip_is_a_link_where_it_was_asked_for(slack: SlackServer, replies: SlackReplies) -> None:
    clip = Message("answer-2", AT, "front", "front", topic="clip", clip_link="https://s3/clip.mp4")
    replies.post_clip(ReplyTo(channel=PRIVATE), clip, MemoryProgress())
    (message,) = slack.seen(PRIVATE)
    assert message.words == "front\n<https://s3/clip.mp4|Watch the clip> (for an hour)"


def test_in_a_channel_without_the_app_only_a_reply_comes(
    slack: SlackServer, replies: SlackReplies
) -> None:
    url = slack.new_response_url()
    slack.channels[PRIVATE].is_member = False
    replies.post_picture(ReplyTo(url, PRIVATE), PICTURE, MemoryProgress())
    assert [response["text"] for response in slack.responses[url]] == [
        "front, &lt;now&gt;. But it cannot be shown here: /invite the app, or ask in its own "
        "channel."
    ]


def test_a_tag_replaces_the_buttons_and_undo_brings_them_back(
    slack: SlackServer, replies: SlackReplies, alert: PostedAlert
) -> None:
    replies.show_alert(alert, ShownTag("occupied", f"<@{OWNER}>", AT))
    (message,) = slack.seen()
    assert f"Tagged as occupied by <@{OWNER}>, " in message.words
    assert [button["action_id"] for button in message.buttons] == ["tag_undo"]
    assert message.files == [alert.posted.file]
    replies.show_alert(alert, None)
    assert len(slack.seen()[0].buttons) == 3
    assert slack.seen()[0].files == [alert.posted.file]


def test_an_alert_whose_picture_was_deleted_says_so(
    slack: SlackServer, replies: SlackReplies, alert: PostedAlert
) -> None:
    assert replies.delete_file(EVENT, alert.posted.file or "")
    replies.show_alert(replace(alert, deleted=True), None)
    (message,) = slack.seen()
    assert message.files == []
    assert "The picture was deleted from Slack, and is stored at home." in message.words


def test_a_deleted_alert_cannot_show_a_tag(
    slack: SlackServer, replies: SlackReplies, alert: PostedAlert
) -> None:
    slack.messages.clear()
    with pytest.raises(MessageRefused) as caught:
        replies.show_alert(alert, None)
    assert caught.value.code == "message_not_found"


def test_a_picture_that_slack_keeps_is_logged(
    slack: SlackServer,
    replies: SlackReplies,
    alert: PostedAlert,
    caplog: pytest.LogCaptureFixture,
) -> None:
    slack.trick("files.delete", refused("cant_delete_file"))
    file = alert.posted.file or ""
    assert not replies.delete_file(EVENT, file)
    assert f"a file of {EVENT} stays in Slack" in caplog.text
    assert replies.delete_file(EVENT, file)
    assert replies.delete_file(EVENT, file), "a file that is gone already counts as deleted"


@pytest.mark.parametrize(
    ("user", "shown"),
    [("U0OWNER001", "<@U0OWNER001>"), (None, "&lt;ben&gt;"), ("U0>", "&lt;ben&gt;")],
)
def test_only_a_slack_id_is_a_mention(user: str | None, shown: str) -> None:
    assert mention(user, "<ben>") == shown
