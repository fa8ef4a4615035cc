"""Clicks on the buttons of an alert, on a real Redis, as Slack sends them."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import redis

from app import protocol
from app.clock import FakeClock
from app.commands.buttons import ANSWERS, handle_click, read_click
from app.commands.context import CommandContext
from app.config import Config
from app.errors import ProtocolError, StateUnavailable
from app.notify.base import Message
from app.notify.slack.blocks import ShownTag, alert, tagged
from app.protocol import EventRecord, Fact, Request
from app.state import State
from tests.commands.conftest import NOW
from tests.servers.redis_server import RedisServer
from tests.servers.slack import BOT_TOKEN, SlackServer
from tests.servers.slack_records import Posted
from tests.servers.slack_requests import ALERTS

EVENT = protocol.event_id(NOW, "front")
ANNA, BEN = "U0ANNA0001", "U0BEN00001"


@pytest.fixture
def context(state: State, slack: SlackServer) -> CommandContext:
    """A house with an event of five minutes ago."""
    fact = Fact(EVENT, "motion_started", NOW, "Motion.", "front", EVENT)
    state.publish(fact, EventRecord("front", NOW))
    config = Config.model_validate({"slack": {"api_url": slack.api_url}})
    return CommandContext(config, state, FakeClock(NOW + timedelta(minutes=5)))


@pytest.fixture(scope="module")
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        yield server


@pytest.fixture(scope="module")
def posted(slack: SlackServer) -> Posted:
    """An alert with all the buttons there are."""
    blocks = [
        *alert(Message(EVENT, NOW, "Motion.", "front", event=EVENT), None, None),
        *tagged(EVENT, ShownTag("occupied", "anna", NOW)),
    ]
    message = {"channel": ALERTS, "text": "Motion.", "blocks": blocks}
    slack.call("chat.postMessage", message, BOT_TOKEN)
    return slack.seen()[-1]


class Buttons:
    """The buttons of one message, and what a press on them leads to."""

    def __init__(self, context: CommandContext, slack: SlackServer, posted: Posted) -> None:
        self.context = context
        self._slack = slack
        self._posted = posted
        self._newest = context.state.camera_controls("front", "0-0").newest

    def press(self, action: str, user: str = ANNA) -> list[Request]:
        """Press one; returns the requests that follow."""
        payload = self._slack.press_payload(self._posted, action, user)
        handle_click(read_click(payload, self.context), self.context)
        found = self.context.state.camera_controls("front", self._newest)
        self._newest = found.newest
        return [asked for asked in found.asked if asked]

    def label(self) -> tuple[str | None, str | None]:
        record = self.context.state.event(EVENT)
        assert record
        return record.label, record.label_by


@pytest.fixture
def buttons(context: CommandContext, slack: SlackServer, posted: Posted) -> Buttons:
    return Buttons(context, slack, posted)


def replies(requests: list[Request]) -> list[str]:
    return [asked.text or "" for asked in requests if asked.kind == "say"]


def kinds(requests: list[Request]) -> list[str]:
    return [asked.kind for asked in requests]


@pytest.mark.parametrize(
    ("action", "label"), [("tag_occupied", "occupied"), ("tag_unoccupied", "unoccupied")]
)
def test_a_tag_is_stored_and_the_notifier_shows_it(
    buttons: Buttons, action: str, label: str
) -> None:
    (asked,) = buttons.press(action)
    assert (asked.kind, asked.event, asked.label, asked.user, asked.by) == (
        "tag",
        EVENT,
        label,
        ANNA,
        ANNA.lower(),
    )
    assert asked.reply_to
    assert asked.reply_to.channel == ALERTS
    assert str(asked.reply_to.response_url).startswith("http://127.0.0.1")
    assert buttons.label() == (label, ANNA.lower())


def test_a_second_click_changes_nothing_and_says_so(buttons: Buttons) -> None:
    buttons.press("tag_occupied")
    again = buttons.press("tag_occupied", BEN)
    assert kinds(again) == ["say"]
    assert replies(again)[0].startswith(f"{ANNA.lower()} said occupied already, ")
    assert buttons.label() == ("occupied", ANNA.lower())


def test_a_change_of_anothers_tag_is_shown_and_answered(buttons: Buttons) -> None:
    buttons.press("tag_occupied")
    changed = buttons.press("tag_unoccupied", BEN)
    assert kinds(changed) == ["tag", "say"]
    assert replies(changed)[0].startswith(f"{ANNA.lower()} had said occupied ")
    assert buttons.label() == ("unoccupied", BEN.lower())


def test_a_name_in_a_reply_is_harmless(buttons: Buttons) -> None:
    state = buttons.context.state
    state.tag(Request("tag", NOW, "<!here>", event=EVENT, label="occupied"))
    changed = buttons.press("tag_unoccupied")
    assert replies(changed)[0].startswith("&lt;!here&gt; had said occupied ")


def test_an_undone_tag_can_be_given_again(buttons: Buttons) -> None:
    buttons.press("tag_occupied")
    (undone,) = buttons.press("tag_undo")
    assert (undone.kind, undone.label) == ("tag", None)
    assert buttons.label() == (None, None)
    assert "nothing to undo" in replies(buttons.press("tag_undo"))[0]
    assert kinds(buttons.press("tag_unoccupied", BEN)) == ["tag"]
    assert buttons.label() == ("unoccupied", BEN.lower())


@pytest.mark.parametrize("action", ["tag_occupied", "tag_unoccupied", "tag_undo"])
def test_a_click_on_an_unknown_event_says_so(
    buttons: Buttons, raw: redis.Redis, action: str
) -> None:
    raw.delete(f"event:{EVENT}")
    gone = buttons.press(action)
    assert kinds(gone) == ["say"]
    assert "no longer known" in replies(gone)[0]


def test_snooze_holds_alerts_back_for_an_hour(buttons: Buttons) -> None:
    state = buttons.context.state
    (announced,) = buttons.press("snooze")
    assert announced.text == (
        f"{ANNA.lower()} snoozed alerts until 11:20 (60 min). /snooze off ends that."
    )
    assert announced.reply_to is None
    (until,) = state.read_strings("snoozed_until")
    assert datetime.fromisoformat(until or "") == NOW + timedelta(hours=1, minutes=5)
    state.snooze(NOW + timedelta(hours=8), 1000)
    assert "already" in replies(buttons.press("snooze", BEN))[0]
    assert state.read_strings("snoozed_until") == [(NOW + timedelta(hours=8)).isoformat()]


def test_with_redis_away_the_click_is_not_handled(
    context: CommandContext, slack: SlackServer, posted: Posted, dead_redis: RedisServer
) -> None:
    click = read_click(slack.press_payload(posted, "tag_occupied", ANNA), context)
    with pytest.raises(StateUnavailable):
        handle_click(click, context)


def payload(**changed: Any) -> dict[str, Any]:
    value = json.dumps({"event": EVENT, "answer": "occupied"})
    whole: dict[str, Any] = {
        "type": "block_actions",
        "user": {"id": ANNA},
        "actions": [{"action_id": "tag_occupied", "value": value}],
    }
    return {name: one for name, one in {**whole, **changed}.items() if one is not ...}


def action(value: object, action_id: object = "tag_occupied") -> dict[str, Any]:
    return payload(
        actions=[
            {
                "action_id": action_id,
                "value": value if isinstance(value, str) else json.dumps(value),
            }
        ]
    )


BROKEN: list[object] = [
    "",
    "{",
    "null",
    "[]",
    "7",
    '"\\ud800"',
    b"\xff",
    None,
    [],
    {},
    payload(type="view_submission"),
    payload(type=...),
    payload(user=...),
    payload(user=None),
    payload(user={}),
    payload(user={"id": 7}),
    payload(user={"id": ""}),
    payload(actions=...),
    payload(actions=[]),
    payload(actions=None),
    payload(actions=[{}]),
    payload(actions=[7]),
    payload(actions=[{"action_id": "tag_occupied"}]),
    payload(channel="C1"),
    payload(response_url=["x"]),
    action("not json"),
    action("x" * 3000),
    action([EVENT, "occupied"]),
    action({"event": EVENT}),
    action({"event": EVENT, "answer": "undo"}),
    action({"event": EVENT, "answer": "occupied"}, "snooze"),
    action({"event": EVENT, "answer": "occupied"}, "nonsense"),
    action({"event": EVENT, "answer": "occupied"}, None),
    action({"event": 7, "answer": "occupied"}),
    action({"event": "../../etc/passwd", "answer": "occupied"}),
    action({"event": "..", "answer": "occupied"}),
    action({"event": f"{EVENT}\n", "answer": "occupied"}),
    action({"event": f"{EVENT}:snapshot", "answer": "occupied"}),
    action({"event": "20261320T101500.000Z-front", "answer": "occupied"}),
    action({"event": "", "answer": "occupied"}),
    action("__import__('os').system('x')"),
]


@pytest.mark.parametrize("broken", BROKEN, ids=range(len(BROKEN)))
def test_a_payload_that_is_no_click_is_refused(broken: object) -> None:
    context = CommandContext(Config(), State("unix:///nowhere"), FakeClock(NOW))
    with pytest.raises(ProtocolError):
        read_click(broken, context)
    with pytest.raises(ProtocolError):
        read_click(json.dumps(broken) if isinstance(broken, dict | list) else broken, context)


def test_fields_that_slack_may_leave_out_are_optional(context: CommandContext) -> None:
    click = read_click(payload(), context)
    assert (click.invocation.by, click.invocation.reply_to) == (ANNA, protocol.ReplyTo(None, None))
    handle_click(click, context)


def test_every_button_that_is_posted_can_be_pressed(posted: Posted) -> None:
    assert {button["action_id"] for button in posted.buttons} == set(ANSWERS)
