"""The messages in which Slack shows alerts, and their changes."""

from datetime import timedelta

import pytest

from app.daemons.notifier.progress import DeliveryProgress
from app.daemons.notifier.shown_alerts import ShownAlert, ShownAlerts
from app.errors import ProtocolError
from app.notify import Digest, Message
from app.notify.slack.replies import SlackReplies
from app.protocol import EventRecord
from tests.daemons.notifier.replies_harness import AT, EVENT, FACT, Replies
from tests.daemons.notifier.test_tag_handler import post_digest

CORRECTION = f"{AT.isoformat()} That was a cat."


def shown_of(replies: Replies, event: str = EVENT) -> ShownAlert:
    alerts = ShownAlerts(replies.state, SlackReplies(replies.notifier))
    shown = alerts.find(event, replies.state.event_fields(event))
    assert shown
    return shown


def show(replies: Replies, shown: ShownAlert) -> None:
    ShownAlerts(replies.state, SlackReplies(replies.notifier)).show(shown)


def test_an_alert_is_found_with_its_correction(replies: Replies) -> None:
    replies.post_alert()
    replies.state.mark_event(EVENT, {"correction": CORRECTION})
    shown = shown_of(replies)
    show(replies, shown)
    assert "*That was a cat.*" in replies.message().words
    assert replies.message().files == [shown.file]
    show(replies, shown.without_picture())
    assert replies.message().files == []


def test_a_change_keeps_the_time_of_a_confirmation(replies: Replies) -> None:
    """A person may be seen minutes after the event began."""
    replies.state.publish(FACT, EventRecord("front", AT), b"a picture")
    progress = DeliveryProgress(replies.state, "slack", FACT)
    at = AT + timedelta(minutes=4)
    replies.notifier.deliver(Message(EVENT, at, "A person.", "front", None, EVENT), progress)
    before = replies.message().words
    show(replies, shown_of(replies))
    assert replies.message().words == before


def test_lines_in_a_digest_are_corrected_and_keep_their_tags(replies: Replies) -> None:
    events = post_digest(replies, 10)
    before = replies.message()
    for event in events[:9]:
        replies.tag("unoccupied", event=event)
    for event in events[2:]:
        replies.state.mark_event(event, {"correction": CORRECTION})
    show(replies, shown_of(replies, events[9]))
    message = replies.message()
    assert (len(message.blocks) <= 50, message.files) == (True, before.files)
    assert message.words.count("  ·  *That was a cat.*") == 8
    assert message.words.count("Tagged as unoccupied") == 9
    replies.tag("occupied", event=events[9])
    replies.run()
    assert replies.message().words.count("  ·  *That was a cat.*") == 8


def test_a_digest_is_posted_with_what_is_known(replies: Replies) -> None:
    messages = [
        Message(f"e{number}", AT, "Motion.", "front", b"a picture", f"e{number}", correction=text)
        for number, text in enumerate((None, "That was a dog."))
    ]
    progress = DeliveryProgress(replies.state, "slack", "digest-1")
    replies.notifier.deliver_digest(Digest("digest-1", tuple(messages)), progress)
    assert replies.message().words.count("That was a dog.") == 1


@pytest.mark.parametrize("at", ["soon", 7])
def test_a_damaged_mark_is_refused(replies: Replies, at: object) -> None:
    replies.post_alert()
    posted = replies.state.event_fields(EVENT)["slack:posted"]
    damaged = posted.replace(f'"{AT.isoformat()}"', f'"{at}"' if isinstance(at, str) else str(at))
    assert damaged != posted
    replies.state.mark_event(EVENT, {"slack:posted": damaged, "correction": "who knows"})
    with pytest.raises(ProtocolError, match="not the mark of a message"):
        shown_of(replies)
