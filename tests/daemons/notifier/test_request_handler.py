"""Replies to what people asked for, with a real Redis and a Slack on loopback."""

from datetime import datetime, timedelta

import pytest

from app import protocol
from app.protocol import ReplyTo
from app.state import Latest, State
from tests.daemons.notifier.replies_harness import (
    AT,
    Replies,
    handler_of,
    replies_of,
)
from tests.servers.slack import SlackServer
from tests.servers.slack_requests import ALERTS
from tests.servers.tricks import Trick, answer_lost, broken, refused, reset, too_many


def house_clock(at: datetime) -> str:
    return f"{at.astimezone():%H:%M:%S}"


def test_a_new_picture_is_shown_where_it_was_asked_for(replies: Replies) -> None:
    replies.state.set_latest("front", Latest(b"an old one", AT - timedelta(minutes=10)))
    replies.slack.channels["C0KITCHEN1"] = type(replies.slack.channels[ALERTS])("kitchen")
    replies.ask(reply_to=ReplyTo(replies.slack.new_response_url(), "C0KITCHEN1"))
    replies.run(2)
    assert replies.slack.messages == []
    replies.clock.advance(1)
    replies.state.set_latest("front", Latest(b"a new one", replies.clock.now()))
    replies.run()
    (message,) = replies.slack.seen("C0KITCHEN1")
    assert (message.words, message.buttons) == (
        f"front, taken now {house_clock(replies.clock.now())}",
        [],
    )
    file = replies.slack.files[message.files[0]]
    assert (file.name, file.content) == (
        f"front {replies.clock.now().astimezone():%Y-%m-%d %H.%M.%S}.jpg",
        b"a new one",
    )
    assert replies.done()


@pytest.mark.parametrize("kind", ["last_image", "clip", "tag"])
def test_who_asks_at_the_dashboard_gets_nothing_in_slack(
    replies: Replies, kind: protocol.RequestKind
) -> None:
    replies.state.set_latest("front", Latest(b"a new one", AT))
    replies.ask(kind=kind, event="20261120T101500.000Z-front", reply_to=ReplyTo(page=True))
    replies.run()
    assert replies.done()
    assert replies.slack.messages == []


@pytest.mark.parametrize(
    ("armed", "why"), [(True, "sends no picture at the moment"), (False, "is off")]
)
def test_without_a_new_picture_the_last_comes_with_a_reason(
    replies: Replies, armed: bool, why: str
) -> None:
    replies.state.set_switch("camera_status", armed)
    replies.state.set_latest("yard", Latest(b"an old one", AT - timedelta(days=1)))
    replies.ask(camera="yard")
    replies.run()
    assert len(replies.slack.messages) == (0 if armed else 1)
    replies.clock.advance(6)
    replies.run()
    (message,) = replies.slack.seen()
    taken = f"{AT.astimezone() - timedelta(days=1):%Y-%m-%d %H:%M:%S}"
    assert message.words == f"Camera yard {why}. This is its last picture, taken {taken}"
    assert replies.slack.files[message.files[0]].content == b"an old one"
    assert replies.done()


def test_without_any_picture_the_person_gets_a_sentence(replies: Replies) -> None:
    replies.state.set_switch("camera_status", False)
    request = replies.ask()
    replies.run()
    assert replies.replied(request) == [
        "There is no picture of camera front from the last 24 hours."
    ]
    assert replies.slack.messages == []


@pytest.mark.parametrize("kind", protocol.SILENCER_KINDS)
def test_a_wish_for_the_silencer_gets_no_reply(
    replies: Replies, kind: protocol.RequestKind
) -> None:
    request = replies.ask(kind, camera="front")
    replies.step()
    assert replies.done()
    assert replies.replied(request) == []


def test_an_old_request_for_a_picture_gets_a_sentence(replies: Replies) -> None:
    request = replies.ask()
    replies.clock.advance(121)
    replies.state.set_latest("front", Latest(b"a new one", replies.clock.now()))
    replies.run()
    assert replies.replied(request) == [
        "You asked for this picture too long ago. Please ask again."
    ]
    assert replies.done()


def test_that_sentence_is_dropped_after_half_an_hour(replies: Replies) -> None:
    replies.ask()
    replies.slack.away = True
    replies.clock.advance(121)
    replies.run()
    assert not replies.done()
    replies.clock.advance(1800)
    replies.run()
    assert replies.done()


@pytest.mark.parametrize(
    ("method", "trick"),
    [
        ("files.getUploadURLExternal", too_many(3)),
        ("upload", reset()),
        ("files.info", broken(503)),
        ("chat.postMessage", reset()),
        ("chat.postMessage", answer_lost()),
    ],
)
def test_a_picture_is_shown_once_after_a_failure_and_a_kill(
    replies: Replies, method: str, trick: Trick
) -> None:
    replies.slack.trick(method, trick)
    replies.state.set_latest("front", Latest(b"a new one", replies.clock.now()))
    replies.ask()
    replies.run()
    assert not replies.done()
    replies.clock.advance(5)
    replies.restart()
    replies.run()
    assert [message.words for message in replies.slack.seen()] == [
        f"front, taken now {house_clock(AT)}"
    ]
    assert replies.handler.waiting == 0


def test_without_the_app_only_the_person_gets_a_reply(replies: Replies) -> None:
    replies.state.set_latest("front", Latest(b"a new one", replies.clock.now()))
    request = replies.ask(reply_to=ReplyTo(replies.slack.new_response_url(), "D0DIRECT01"))
    replies.run()
    (text,) = replies.replied(request)
    assert text.endswith("But it cannot be shown here: /invite the app, or ask in its own channel.")
    assert replies.done()


def test_a_sentence_goes_to_the_person_or_else_the_channel(
    replies: Replies,
) -> None:
    first = replies.ask("say", text="*Hello*")
    second = replies.ask("say", text="Hello again")
    assert second.reply_to
    replies.slack.expire(second.reply_to.response_url or "")
    replies.run()
    assert (replies.replied(first), replies.replied(second)) == (["*Hello*"], [])
    assert [message.text for message in replies.slack.seen()] == ["Hello again"]
    assert replies.done()


def test_a_reply_that_reaches_nobody_is_logged_and_over(
    replies: Replies, caplog: pytest.LogCaptureFixture
) -> None:
    replies.ask("say", text="Hello", reply_to=ReplyTo(None, "C0NOWHERE1"))
    replies.run()
    assert replies.done()
    assert "a reply cannot be delivered" in caplog.text


def test_no_response_url_is_ever_logged(replies: Replies, caplog: pytest.LogCaptureFixture) -> None:
    for trick in (broken(500), reset(), refused("x")):
        replies.slack.trick("response_url", trick)
        request = replies.ask("say", text="Hello")
        replies.run()
        assert request.reply_to
        assert (request.reply_to.response_url or "?") not in caplog.text
    assert "response/" not in caplog.text


def test_a_request_that_waits_delays_no_other(replies: Replies) -> None:
    replies.ask(camera="silent")
    request = replies.ask("say", text="Hello")
    replies.run(2)
    assert replies.replied(request) == ["Hello"]
    assert replies.handler.waiting == 1


def test_without_slack_requests_are_acknowledged_and_logged(
    state: State, slack: SlackServer, caplog: pytest.LogCaptureFixture
) -> None:
    replies = replies_of(state, slack)
    caplog.set_level("INFO")
    replies.handler = handler_of(state, replies.clock, None)
    replies.ask()
    replies.run()
    assert replies.done()
    assert "last_image of anna gets no reply: Slack is not configured here" in caplog.text


def test_a_request_that_was_read_before_a_kill_is_answered(replies: Replies) -> None:
    request = replies.ask("say", text="Hello")
    assert len(replies.state.requests("notifier", protocol.host_name()).new(0.1)) == 1
    replies.run()
    assert replies.replied(request) == ["Hello"]
    assert replies.done()
