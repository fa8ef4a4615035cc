"""Replies to what people asked for, with a real Redis and a Slack on loopback."""

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from app import protocol
from app.clock import FakeClock
from app.daemons.notifier.clip_files import ClipFiles
from app.daemons.notifier.clip_shrinker import ClipShrinker
from app.daemons.notifier.progress import DeliveryProgress
from app.daemons.notifier.request_handler import RequestHandler
from app.notify import Message, SlackSettings
from app.notify.slack.notifier import SlackNotifier
from app.notify.slack.replies import SlackReplies
from app.protocol import EventRecord, Fact, Label, ReplyTo, Request
from app.state import Latest, State
from tests.servers.slack import (
    ALERTS,
    BOT_TOKEN,
    OWNER,
    Posted,
    SlackServer,
    Trick,
    answer_lost,
    broken,
    refused,
    reset,
    too_many,
)

AT = datetime(2026, 11, 20, 10, 15, 3, tzinfo=UTC)
EVENT = "20261120T101503.000Z-front"
FACT = Fact(
    f"{EVENT}-motion_started",
    "motion_started",
    AT,
    "Motion in front of camera front.",
    "front",
    EVENT,
)


@dataclass
class Replies:
    """A handler on a fake clock, with its Redis and its Slack."""

    handler: RequestHandler
    state: State
    slack: SlackServer
    clock: FakeClock
    notifier: SlackNotifier

    def ask(self, kind: protocol.RequestKind = "last_image", **more: object) -> Request:
        """Ask for something now, as the owner does with a command; returns it."""
        reply_to = ReplyTo(self.slack.new_response_url(), ALERTS)
        request = dataclasses.replace(
            Request(kind, self.clock.now(), "anna", user=OWNER, reply_to=reply_to),
            **more,  # type: ignore[arg-type]
        )
        self.state.add_request(request)
        return request

    def tag(self, label: Label | None, by: str = "anna", user: str = OWNER) -> Request:
        """Tag the event, as a click does."""
        at = self.clock.now()
        request = Request(
            "tag",
            at,
            by,
            user=user,
            event=EVENT,
            label=label,
            reply_to=ReplyTo(self.slack.new_response_url(), ALERTS),
        )
        self.state.tag(request)
        return request

    def post_alert(self) -> Posted:
        """Post the alert of the event as the notifier does."""
        self.state.publish(FACT, EventRecord("front", AT, score=0.93), b"a picture")
        progress = DeliveryProgress(self.state, "slack", FACT)
        progress.load()
        self.notifier.deliver(
            Message(EVENT, AT, FACT.text, "front", b"a picture", EVENT, 0.93), progress
        )
        return self.message()

    def message(self) -> Posted:
        return self.slack.seen()[0]

    def run(self, steps: int = 1) -> None:
        for _ in range(steps):
            self.handler.step()

    def done(self) -> bool:
        return (
            self.handler.waiting == 0
            and self.state.requests("notifier", protocol.host_name()).unfinished() == []
        )

    def replied(self, request: Request) -> list[str]:
        """The replies that only the person saw who asked."""
        assert request.reply_to
        assert request.reply_to.response_url
        return [answer["text"] for answer in self.slack.responses[request.reply_to.response_url]]


@pytest.fixture(autouse=True)
def _short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a step wait for new requests only shortly."""
    monkeypatch.setattr("app.daemons.notifier.request_handler.WAIT_S", 0.01)


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        yield server


def handler_of(state: State, clock: FakeClock, slack: SlackReplies | None) -> RequestHandler:
    clips = ClipFiles(state, clock, Path("/nowhere"), None, ClipShrinker(), upload_every_s=300.0)
    return RequestHandler(state, clock, slack, clips, camera="front", clip_s=10.0)


def replies_of(state: State, slack: SlackServer, *, delete: bool = True) -> Replies:
    clock = FakeClock(AT)
    notifier = SlackNotifier(
        SlackSettings(slack.api_url, SecretStr(BOT_TOKEN), ALERTS, delete), clock
    )
    return Replies(handler_of(state, clock, SlackReplies(notifier)), state, slack, clock, notifier)


@pytest.fixture
def replies(state: State, slack: SlackServer) -> Replies:
    return replies_of(state, slack)


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
    another = handler_of(replies.state, replies.clock, SlackReplies(replies.notifier))
    another.step()
    assert [message.words for message in replies.slack.seen()] == [
        f"front, taken now {house_clock(AT)}"
    ]
    assert another.waiting == 0


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


def test_a_tag_replaces_the_buttons_and_deletes_the_picture(replies: Replies) -> None:
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
    assert (
        f"Tagged as occupied by <@{OWNER}>, <!date^{int(replies.clock.now().timestamp())}^{{time}}|"
        in message.words
    )
    assert message.files == []
    assert replies.slack.files[alert.files[0]].deleted
    assert replies.state.event_fields(EVENT)["slack:deleted"] == alert.files[0]
    assert (message.text, replies.slack.keys()) == (alert.text, [EVENT])
    assert replies.done()
    methods = [call.method for call in replies.slack.calls]
    assert methods.index("chat.update") < methods.index("files.delete")


def test_a_tag_can_keep_the_picture_and_undo_it_all(state: State, slack: SlackServer) -> None:
    replies = replies_of(state, slack, delete=False)
    alert = replies.post_alert()
    replies.tag("unoccupied")
    replies.run()
    assert "Tagged as unoccupied by" in replies.message().words
    assert replies.message().files == alert.files
    replies.tag(None)
    replies.run()
    message = replies.message()
    assert (message.words, message.files) == (alert.words, alert.files)
    assert [button["action_id"] for button in message.buttons] == [
        "tag_occupied",
        "tag_unoccupied",
        "snooze",
    ]


def test_after_undo_another_tag_can_be_given(
    replies: Replies,
) -> None:
    replies.post_alert()
    for label in ("occupied", None, "unoccupied"):
        replies.tag(label)
        replies.run()
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
    assert not replies.done()
    replies.clock.advance(5)
    replies.run()
    assert replies.done()
    assert replies.slack.files[alert.files[0]].deleted
    assert "Tagged as occupied by" in replies.message().words
    assert len(replies.slack.messages) == 1


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
    assert replies.done()


def test_a_tag_without_a_message_gets_a_sentence(
    replies: Replies,
) -> None:
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
    assert not replies.done()
    replies.post_alert()
    replies.clock.advance(2)
    replies.run()
    assert replies.done()
    assert replies.replied(request) == []


@pytest.mark.parametrize(
    "error", ["message_not_found", "cant_update_message", "edit_window_closed"]
)
def test_a_message_that_cannot_change_gets_a_sentence(replies: Replies, error: str) -> None:
    replies.post_alert()
    replies.slack.trick("chat.update", refused(error))
    request = replies.tag("occupied")
    replies.run()
    assert replies.replied(request) == [
        f"Noted: occupied. The message could not be changed: {error}."
    ]
    assert replies.done()


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
    replies.slack.trick("files.delete", refused("cant_delete_file"))
    replies.tag("occupied")
    replies.run()
    assert replies.done()
    assert "slack:deleted" not in replies.state.event_fields(EVENT)
    replies.tag(None)
    replies.run()
    assert replies.slack.called("files.delete") == []
    assert replies.message().files
    assert "stays in Slack: Slack refuses files.delete: cant_delete_file" in caplog.text


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
