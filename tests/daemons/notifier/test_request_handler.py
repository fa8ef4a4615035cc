"""RequestHandler to what people asked for, with a real Redis and a Slack on loopback."""

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
from app.notify.slack.answers import SlackAnswers
from app.notify.slack.notifier import SlackNotifier
from app.protocol import EventRecord, Fact, Label, ReplyTo, Request
from app.state import Latest, State
from tests.servers.slack import (
    ALERTS,
    BOT_TOKEN,
    OWNER,
    Posted,
    SlackServer,
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
class Desk:
    """Who answers, on a fake clock, with the Redis and the Slack it speaks to."""

    answers: RequestHandler
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
        marks = DeliveryProgress(self.state, "slack", FACT)
        marks.load()
        self.notifier.deliver(
            Message(EVENT, AT, FACT.text, "front", b"a picture", EVENT, 0.93), marks
        )
        return self.message()

    def message(self) -> Posted:
        return self.slack.seen()[0]

    def run(self, steps: int = 1) -> None:
        for _ in range(steps):
            self.answers.step()

    def done(self) -> bool:
        return (
            self.answers.waiting == 0
            and self.state.requests("notifier", protocol.host_name()).unfinished() == []
        )

    def said(self, request: Request) -> list[str]:
        """What was said to who asked, and to nobody else."""
        assert request.reply_to
        assert request.reply_to.response_url
        return [answer["text"] for answer in self.slack.responses[request.reply_to.response_url]]


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        yield server


def answers_of(state: State, clock: FakeClock, slack: SlackAnswers | None) -> RequestHandler:
    films = ClipFiles(state, clock, Path("/nowhere"), None, ClipShrinker(), upload_every_s=300.0)
    return RequestHandler(state, clock, slack, films, camera="front", clip_s=10.0)


def desk_of(state: State, slack: SlackServer, *, delete: bool = True) -> Desk:
    clock = FakeClock(AT)
    notifier = SlackNotifier(
        SlackSettings(slack.api_url, SecretStr(BOT_TOKEN), ALERTS, delete), clock
    )
    return Desk(answers_of(state, clock, SlackAnswers(notifier)), state, slack, clock, notifier)


@pytest.fixture
def desk(state: State, slack: SlackServer) -> Desk:
    return desk_of(state, slack)


def house_clock(at: datetime) -> str:
    return f"{at.astimezone():%H:%M:%S}"


def test_a_picture_is_waited_for_and_shown_where_it_was_asked_for(desk: Desk) -> None:
    desk.state.set_latest("front", Latest(b"an old one", AT - timedelta(minutes=10)))
    desk.slack.channels["C0KITCHEN1"] = type(desk.slack.channels[ALERTS])("kitchen")
    desk.ask(reply_to=ReplyTo(desk.slack.new_response_url(), "C0KITCHEN1"))
    desk.run(2)
    assert desk.slack.messages == []
    desk.clock.advance(1)
    desk.state.set_latest("front", Latest(b"a new one", desk.clock.now()))
    desk.run()
    (message,) = desk.slack.seen("C0KITCHEN1")
    assert (message.words, message.buttons) == (
        f"front, taken now {house_clock(desk.clock.now())}",
        [],
    )
    file = desk.slack.files[message.files[0]]
    assert (file.name, file.content) == (
        f"front {desk.clock.now().astimezone():%Y-%m-%d %H.%M.%S}.jpg",
        b"a new one",
    )
    assert desk.done()


@pytest.mark.parametrize(
    ("armed", "why"), [(True, "brings no picture just now"), (False, "is off")]
)
def test_the_last_picture_is_shown_with_the_reason_when_there_will_be_no_new_one(
    desk: Desk, armed: bool, why: str
) -> None:
    desk.state.set_switch("camera_status", armed)
    desk.state.set_latest("yard", Latest(b"an old one", AT - timedelta(days=1)))
    desk.ask(camera="yard")
    desk.run()
    assert len(desk.slack.messages) == (0 if armed else 1)
    desk.clock.advance(6)
    desk.run()
    (message,) = desk.slack.seen()
    assert (
        message.words
        == f"Camera yard {why}; this is its last one, taken {AT.astimezone() - timedelta(days=1):%Y-%m-%d %H:%M:%S}"
    )
    assert desk.slack.files[message.files[0]].content == b"an old one"
    assert desk.done()


def test_without_any_picture_a_sentence_goes_to_who_asked(desk: Desk) -> None:
    desk.state.set_switch("camera_status", False)
    request = desk.ask()
    desk.run()
    assert desk.said(request) == ["There is no picture of camera front of the last day."]
    assert desk.slack.messages == []


def test_a_picture_asked_for_long_ago_is_not_brought_but_spoken_of(desk: Desk) -> None:
    request = desk.ask()
    desk.clock.advance(121)
    desk.state.set_latest("front", Latest(b"a new one", desk.clock.now()))
    desk.run()
    assert desk.said(request) == [
        "Your picture was asked for too long ago to be one of now. Please ask again."
    ]
    assert desk.done()


def test_who_cannot_be_told_so_in_time_is_not_told_for_ever(desk: Desk) -> None:
    desk.ask()
    desk.slack.away = True
    desk.clock.advance(121)
    desk.run()
    assert not desk.done()
    desk.clock.advance(1800)
    desk.run()
    assert desk.done()


@pytest.mark.parametrize(
    "method", ["files.getUploadURLExternal", "upload", "files.info", "chat.postMessage"]
)
@pytest.mark.parametrize("trick", [too_many(3), broken(503), reset(), answer_lost()], ids=str)
def test_a_picture_is_shown_once_whatever_goes_wrong_and_whoever_is_killed(
    desk: Desk, method: str, trick: object
) -> None:
    desk.slack.trick(method, trick)  # type: ignore[arg-type]
    desk.state.set_latest("front", Latest(b"a new one", desk.clock.now()))
    desk.ask()
    desk.run()
    assert not desk.done()
    desk.clock.advance(5)
    another = answers_of(desk.state, desk.clock, SlackAnswers(desk.notifier))
    another.step()
    assert [message.words for message in desk.slack.seen()] == [
        f"front, taken now {house_clock(AT)}"
    ]
    assert another.waiting == 0


def test_in_a_channel_where_the_app_is_not_who_asked_is_told_so(desk: Desk) -> None:
    desk.state.set_latest("front", Latest(b"a new one", desk.clock.now()))
    request = desk.ask(reply_to=ReplyTo(desk.slack.new_response_url(), "D0DIRECT01"))
    desk.run()
    (said,) = desk.said(request)
    assert said.endswith("But it cannot be shown here: /invite the app, or ask in its own channel.")
    assert desk.done()


def test_a_sentence_is_said_to_who_asked_and_in_the_channel_when_that_is_not_possible_any_more(
    desk: Desk,
) -> None:
    first = desk.ask("say", text="*Hello*")
    second = desk.ask("say", text="Hello again")
    assert second.reply_to
    desk.slack.expire(second.reply_to.response_url or "")
    desk.run()
    assert (desk.said(first), desk.said(second)) == (["*Hello*"], [])
    assert [message.text for message in desk.slack.seen()] == ["Hello again"]
    assert desk.done()


def test_an_answer_that_reaches_nobody_is_logged_and_over(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.ask("say", text="Hello", reply_to=ReplyTo(None, "C0NOWHERE1"))
    desk.run()
    assert desk.done()
    assert "an answer reaches nobody" in caplog.text


def test_no_response_url_is_ever_logged(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    for trick in (broken(500), reset(), refused("x")):
        desk.slack.trick("response_url", trick)
        request = desk.ask("say", text="Hello")
        desk.run()
        assert request.reply_to
        assert (request.reply_to.response_url or "?") not in caplog.text
    assert "response/" not in caplog.text


def test_a_tag_takes_the_place_of_the_buttons_and_the_picture_goes(desk: Desk) -> None:
    alert = desk.post_alert()
    desk.clock.advance(60)
    desk.tag("occupied")
    desk.run()
    message = desk.message()
    (undo,) = message.buttons
    assert (undo["action_id"], json.loads(undo["value"])) == (
        "tag_undo",
        {"event": EVENT, "answer": "undo"},
    )
    assert message.words.startswith("*Motion in front of camera front.*\nfront  ·  ")
    assert (
        f"Tagged as occupied by <@{OWNER}>, <!date^{int(desk.clock.now().timestamp())}^{{time}}|"
        in message.words
    )
    assert message.files == []
    assert desk.slack.files[alert.files[0]].deleted
    assert desk.state.event_fields(EVENT)["slack:deleted"] == alert.files[0]
    assert (message.text, desk.slack.keys()) == (alert.text, [EVENT])
    assert desk.done()
    methods = [call.method for call in desk.slack.calls]
    assert methods.index("chat.update") < methods.index("files.delete")


def test_a_tag_keeps_the_picture_when_that_is_wanted_and_undo_brings_the_buttons_back(
    state: State, slack: SlackServer
) -> None:
    desk = desk_of(state, slack, delete=False)
    alert = desk.post_alert()
    desk.tag("unoccupied")
    desk.run()
    assert "Tagged as unoccupied by" in desk.message().words
    assert desk.message().files == alert.files
    desk.tag(None)
    desk.run()
    message = desk.message()
    assert (message.words, message.files) == (alert.words, alert.files)
    assert [button["action_id"] for button in message.buttons] == [
        "tag_occupied",
        "tag_unoccupied",
        "snooze",
    ]


def test_after_undo_a_deleted_picture_is_said_to_be_gone_and_another_tag_can_be_given(
    desk: Desk,
) -> None:
    desk.post_alert()
    for label in ("occupied", None, "unoccupied"):
        desk.tag(label)
        desk.run()
        assert (
            "The picture was deleted from Slack, and is kept at home." in desk.message().words
        ) == (label is None)
    assert "Tagged as unoccupied by" in desk.message().words
    assert len(desk.slack.called("files.delete")) == 1


@pytest.mark.parametrize("method", ["chat.update", "files.delete"])
@pytest.mark.parametrize("trick", [too_many(3), broken(500), reset(), answer_lost()], ids=str)
def test_a_tag_is_shown_in_the_end_whatever_goes_wrong(
    desk: Desk, method: str, trick: object
) -> None:
    alert = desk.post_alert()
    desk.slack.trick(method, trick)  # type: ignore[arg-type]
    desk.tag("occupied")
    desk.run()
    assert not desk.done()
    desk.clock.advance(5)
    desk.run()
    assert desk.done()
    assert desk.slack.files[alert.files[0]].deleted
    assert "Tagged as occupied by" in desk.message().words
    assert len(desk.slack.messages) == 1


def test_a_tag_that_is_shown_late_shows_what_holds_by_then(desk: Desk) -> None:
    desk.post_alert()
    desk.slack.trick("chat.update", too_many(10))
    desk.tag("occupied", "anna", OWNER)
    desk.run()
    desk.tag("unoccupied", "ben", "U0BEN00001")
    desk.clock.advance(11)
    desk.run(2)
    assert (
        "Tagged as unoccupied by <@U0BEN00001>" in desk.message().words
        or "Tagged as unoccupied by ben" in desk.message().words
    )
    assert desk.done()


def test_a_tag_of_an_alert_that_was_in_a_digest_or_nowhere_is_answered_with_a_sentence(
    desk: Desk,
) -> None:
    desk.state.publish(FACT, EventRecord("front", AT))
    request = desk.tag("occupied")
    desk.run()
    assert desk.said(request) == ["Noted: occupied."]
    assert desk.done()


def test_a_tag_of_an_alert_that_is_just_being_posted_waits_for_it(desk: Desk) -> None:
    desk.state.publish(FACT, EventRecord("front", AT))
    desk.state.mark_event(EVENT, {"slack:posting": AT.isoformat()})
    request = desk.tag("occupied")
    desk.run()
    assert not desk.done()
    desk.post_alert()
    desk.clock.advance(2)
    desk.run()
    assert desk.done()
    assert desk.said(request) == []


@pytest.mark.parametrize(
    "error", ["message_not_found", "cant_update_message", "edit_window_closed"]
)
def test_a_message_that_cannot_be_changed_is_spoken_of(desk: Desk, error: str) -> None:
    desk.post_alert()
    desk.slack.trick("chat.update", refused(error))
    request = desk.tag("occupied")
    desk.run()
    assert desk.said(request) == [f"Noted: occupied. The message could not be changed: {error}."]
    assert desk.done()


def test_a_picture_that_somebody_has_deleted_in_slack_does_not_keep_a_tag_from_being_shown(
    state: State, slack: SlackServer
) -> None:
    desk = desk_of(state, slack, delete=False)
    alert = desk.post_alert()
    slack.files[alert.files[0]].deleted = True
    desk.tag("occupied")
    desk.run()
    assert "Tagged as occupied by" in desk.message().words


def test_a_picture_that_slack_does_not_let_go_is_logged_and_not_called_deleted(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.post_alert()
    desk.slack.trick("files.delete", refused("cant_delete_file"))
    desk.tag("occupied")
    desk.run()
    assert desk.done()
    assert "slack:deleted" not in desk.state.event_fields(EVENT)
    desk.tag(None)
    desk.run()
    assert desk.slack.called("files.delete") == []
    assert desk.message().files
    assert "stays in Slack: Slack refuses files.delete: cant_delete_file" in caplog.text


def test_one_request_that_waits_delays_no_other(desk: Desk) -> None:
    desk.ask(camera="silent")
    request = desk.ask("say", text="Hello")
    desk.run(2)
    assert desk.said(request) == ["Hello"]
    assert desk.answers.waiting == 1


def test_without_slack_requests_are_acknowledged_and_logged(
    state: State, slack: SlackServer, caplog: pytest.LogCaptureFixture
) -> None:
    desk = desk_of(state, slack)
    caplog.set_level("INFO")
    desk.answers = answers_of(state, desk.clock, None)
    desk.ask()
    desk.run()
    assert desk.done()
    assert "last_image of anna has no answer: Slack is not configured here" in caplog.text


def test_what_was_read_but_not_answered_before_a_kill_is_answered_after_it(desk: Desk) -> None:
    request = desk.ask("say", text="Hello")
    assert len(desk.state.requests("notifier", protocol.host_name()).new(0.1)) == 1
    desk.run()
    assert desk.said(request) == ["Hello"]
    assert desk.done()
