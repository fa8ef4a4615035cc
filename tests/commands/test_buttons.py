"""Clicks on the buttons of an alert, on a real Redis, as Slack sends them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app import protocol
from app.clock import FakeClock
from app.commands.buttons import ANSWERS, handle_click, read_click
from app.commands.context import CommandContext
from app.config import Config
from app.errors import ProtocolError, StateUnavailable
from app.notify.base import Message
from app.notify.slack.blocks import alert, tagged
from app.protocol import EventRecord, Fact, Request
from app.state import State
from tests.servers.redis_server import RedisServer
from tests.servers.slack import ALERTS, BOT_TOKEN, Posted, SlackServer

AT = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
EVENT = protocol.event_id(AT, "front")
ANNA, BEN = "U0ANNA0001", "U0BEN00001"


@pytest.fixture
def house(redis_server: RedisServer) -> Iterator[CommandContext]:
    state = State(redis_server.url, 0.5)
    state.publish(
        Fact(EVENT, "motion_started", AT, "Motion.", "front", EVENT), EventRecord("front", AT)
    )
    yield CommandContext(Config(), state, FakeClock(AT + timedelta(minutes=5)))
    state.close()


@pytest.fixture(scope="module")
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        yield server


@pytest.fixture
def posted(slack: SlackServer) -> Posted:
    """An alert with all the buttons there are."""
    blocks = [
        *alert(Message(EVENT, AT, "Motion.", "front", event=EVENT), None, None),
        *tagged(EVENT, "occupied", "anna", AT),
    ]
    slack.call(
        "chat.postMessage", {"channel": ALERTS, "text": "Motion.", "blocks": blocks}, BOT_TOKEN
    )
    return slack.seen()[-1]


class Hand:
    """Presses the buttons of one message, and knows what has come of it."""

    def __init__(self, house: CommandContext, slack: SlackServer, posted: Posted) -> None:
        self.house = house
        self._slack = slack
        self._posted = posted
        self._seen = house.state.camera_controls("front", "0-0").newest

    def press(self, action: str, user: str = ANNA) -> list[Request]:
        """Press one; returns what was asked for in consequence."""
        handle_click(
            read_click(self._slack.press_payload(self._posted, action, user), self.house),
            self.house,
        )
        found = self.house.state.camera_controls("front", self._seen)
        self._seen = found.newest
        return [asked for asked in found.asked if asked]

    def label(self) -> tuple[str | None, str | None]:
        record = self.house.state.event(EVENT)
        assert record
        return record.label, record.label_by


@pytest.fixture
def hand(house: CommandContext, slack: SlackServer, posted: Posted) -> Hand:
    return Hand(house, slack, posted)


@pytest.mark.parametrize(
    ("action", "label"), [("tag_occupied", "occupied"), ("tag_unoccupied", "unoccupied")]
)
def test_a_tag_is_on_its_event_at_once_and_the_notifier_is_asked_to_show_it(
    hand: Hand, action: str, label: str
) -> None:
    (asked,) = hand.press(action)
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
    assert hand.label() == (label, ANNA.lower())


def said(requests: list[Request]) -> list[str]:
    return [asked.text or "" for asked in requests if asked.kind == "say"]


def kinds(requests: list[Request]) -> list[str]:
    return [asked.kind for asked in requests]


def test_a_second_click_changes_nothing_and_is_told_so(hand: Hand) -> None:
    hand.press("tag_occupied")
    again = hand.press("tag_occupied")
    assert kinds(again) == ["say"]
    assert said(again)[0].startswith("You said occupied already, ")


def test_a_click_by_somebody_else_is_told_who_was_first(hand: Hand) -> None:
    hand.press("tag_occupied")
    again = hand.press("tag_occupied", BEN)
    assert kinds(again) == ["say"]
    assert said(again)[0].startswith(f"{ANNA.lower()} said occupied already, ")
    assert hand.label() == ("occupied", ANNA.lower())


def test_a_label_that_changes_hands_is_told_with_what_it_was(hand: Hand) -> None:
    hand.press("tag_occupied")
    changed = hand.press("tag_unoccupied", BEN)
    assert kinds(changed) == ["tag", "say"]
    assert said(changed)[0].startswith(f"{ANNA.lower()} had said occupied ")
    assert said(changed)[0].endswith("; now it is unoccupied.")
    assert hand.label() == ("unoccupied", BEN.lower())


def test_who_thinks_better_of_it_is_told_nothing(hand: Hand) -> None:
    hand.press("tag_occupied")
    assert kinds(hand.press("tag_unoccupied")) == ["tag"]


def test_an_undo_takes_the_label_away_and_a_later_click_puts_one_on_again(hand: Hand) -> None:
    hand.press("tag_occupied")
    (undone,) = hand.press("tag_undo")
    assert (undone.kind, undone.label) == ("tag", None)
    assert hand.label() == (None, None)
    assert kinds(hand.press("tag_unoccupied", BEN)) == ["tag"]
    assert hand.label() == ("unoccupied", BEN.lower())


def test_an_undo_by_somebody_else_is_told_whose_it_was(hand: Hand) -> None:
    hand.press("tag_occupied")
    undone = hand.press("tag_undo", BEN)
    assert kinds(undone) == ["tag", "say"]
    assert said(undone)[0].endswith("; now it is not tagged.")


def test_a_second_undo_is_told_that_there_is_nothing_to_undo(hand: Hand) -> None:
    hand.press("tag_occupied")
    hand.press("tag_undo")
    again = hand.press("tag_undo")
    assert kinds(again) == ["say"]
    assert "nothing to undo" in said(again)[0]


@pytest.mark.parametrize("action", ["tag_occupied", "tag_unoccupied", "tag_undo"])
def test_a_click_on_an_event_that_is_gone_is_told_so(
    hand: Hand, redis_server: RedisServer, action: str
) -> None:
    redis_server.kill()
    redis_server.start()
    gone = hand.press(action)
    assert kinds(gone) == ["say"]
    assert "not known any more" in said(gone)[0]


def test_snooze_holds_alerts_back_for_an_hour_but_shortens_nothing(hand: Hand) -> None:
    assert "snoozed until" in said(hand.press("snooze"))[0]
    (until,) = hand.house.state.read_strings("snoozed_until")
    assert datetime.fromisoformat(until or "") == AT + timedelta(hours=1, minutes=5)
    hand.house.state.snooze(AT + timedelta(hours=8), 1000)
    assert "already" in said(hand.press("snooze", BEN))[0]
    assert hand.house.state.read_strings("snoozed_until") == [(AT + timedelta(hours=8)).isoformat()]


def test_with_redis_away_the_click_is_not_taken(hand: Hand, redis_server: RedisServer) -> None:
    redis_server.kill()
    with pytest.raises(StateUnavailable):
        hand.press("tag_occupied")


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
def test_what_is_no_click_of_ours_is_refused(house: CommandContext, broken: object) -> None:
    with pytest.raises(ProtocolError):
        read_click(broken, house)
    with pytest.raises(ProtocolError):
        read_click(json.dumps(broken) if isinstance(broken, dict | list) else broken, house)


def test_what_slack_may_leave_out_is_not_missed(house: CommandContext) -> None:
    click = read_click(payload(), house)
    assert (click.invocation.by, click.invocation.reply_to) == (ANNA, protocol.ReplyTo(None, None))
    handle_click(click, house)


def test_every_button_that_is_posted_can_be_pressed(posted: Posted) -> None:
    assert {button["action_id"] for button in posted.buttons} == set(ANSWERS)
