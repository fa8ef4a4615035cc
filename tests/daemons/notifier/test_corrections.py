"""Corrections of alerts in Slack, on a fake clock."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from app.daemons.notifier.corrections import Corrections
from app.daemons.notifier.delivery_queue import PendingFact
from app.notify.slack.replies import SlackReplies
from app.protocol import EventRecord, Fact
from app.state import State
from tests.daemons.notifier.replies_harness import AT, EVENT, FACT, Replies, replies_of
from tests.servers.slack import SlackServer
from tests.servers.slack_records import Posted
from tests.servers.tricks import Trick, answer_lost, broken, refused, reset, too_many

CAT = Fact(
    f"{EVENT}-motion_corrected",
    "motion_corrected",
    AT + timedelta(seconds=3),
    "That was a <cat>.",
    "front",
    EVENT,
    alert=False,
)
SHOWN = "*Motion in front of camera front.*\n*That was a &lt;cat&gt;.*\nfront  ·  "


@dataclass
class Corrected:
    """Corrections, and the tags of the same messages; *waiting* are alerts not delivered yet."""

    replies: Replies
    waiting: dict[str, PendingFact] = field(default_factory=dict)
    acknowledged: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Continue with corrections that remember nothing."""
        replies = self.replies
        self.corrections = Corrections(
            replies.state,
            replies.clock,
            SlackReplies(replies.notifier),
            self.waiting.get,
            self.acknowledged.append,
        )

    def correct(self, fact: Fact = CAT, entry: str = "1-0") -> Posted | None:
        """Correct the alert; returns the message as it is then."""
        self.corrections.accept(entry, fact)
        return self.step()

    def step(self, after_s: float = 0.0) -> Posted | None:
        self.replies.clock.advance(after_s)
        self.corrections.step()
        seen = self.replies.slack.seen()
        return seen[0] if seen else None

    @property
    def edits(self) -> int:
        return len(self.replies.slack.called("chat.update"))


@pytest.fixture
def corrected(replies: Replies) -> Corrected:
    return Corrected(replies)


def test_an_alert_says_what_it_was(corrected: Corrected) -> None:
    alert = replace(corrected.replies.post_alert())
    message = corrected.correct()
    assert message
    assert message.words.startswith(SHOWN)
    assert message.text == f"{alert.text} {CAT.text}"
    assert (message.files, message.buttons) == (alert.files, alert.buttons)
    assert message.words.replace("*That was a &lt;cat&gt;.*\n", "") == alert.words
    assert (corrected.acknowledged, corrected.corrections.wait_s()) == (["1-0"], float("inf"))
    assert (corrected.edits, len(corrected.replies.slack.messages)) == (1, 1)


def test_a_tag_before_or_after_keeps_the_correction(corrected: Corrected) -> None:
    replies = corrected.replies
    replies.post_alert()
    replies.tag("occupied")
    replies.run()
    message = corrected.correct()
    assert message
    assert message.words.startswith(SHOWN)
    assert "Tagged as occupied by anna" in message.words
    assert "removed from Slack after a minute" in message.words
    assert [button["action_id"] for button in message.buttons] == ["tag_undo"]
    replies.tag("unoccupied")
    replies.run()
    assert replies.message().words.startswith(SHOWN)
    assert "Tagged as unoccupied" in replies.message().words
    replies.let_pass(61)
    assert replies.message().files == []
    assert replies.message().words.startswith(SHOWN)
    replies.tag(None)
    replies.run()
    assert replies.message().words.startswith(SHOWN)
    assert [json.loads(one["value"])["event"] for one in replies.message().buttons] == [EVENT] * 3


def test_a_tag_restores_no_older_correction(corrected: Corrected) -> None:
    corrected.replies.post_alert()
    later = replace(
        CAT,
        id=f"{CAT.id}-again",
        at=CAT.at + timedelta(seconds=9),
        text="That was a cat. A person was seen later.",
    )
    corrected.correct()
    corrected.correct(later, "2-0")
    corrected.restart()
    corrected.correct()  # as after a kill before it was acknowledged
    corrected.replies.tag("occupied")
    corrected.replies.run()
    words = corrected.replies.message().words
    assert words.startswith(f"*Motion in front of camera front.*\n*{later.text}*\n")


@pytest.mark.parametrize(
    "trick", [too_many(3), answer_lost(), broken(500), reset(), refused("not_in_channel")]
)
def test_a_failure_delays_a_correction(corrected: Corrected, trick: Trick) -> None:
    corrected.replies.post_alert()
    corrected.replies.slack.trick("chat.update", trick)
    corrected.correct()
    assert corrected.acknowledged == []
    message = corrected.step(after_s=corrected.corrections.wait_s())
    assert message
    assert message.words.count("That was a") == 1
    assert corrected.acknowledged == ["1-0"]


@pytest.mark.parametrize("error", ["message_not_found", "edit_window_closed"])
def test_a_message_that_cannot_change_stays(
    corrected: Corrected, error: str, caplog: pytest.LogCaptureFixture
) -> None:
    corrected.replies.post_alert()
    corrected.replies.slack.always("chat.update", refused(error))
    corrected.correct()
    assert corrected.acknowledged == ["1-0"]
    assert f"the correction of event {EVENT} is not shown: " in caplog.text


def test_a_correction_waits_for_its_alert(corrected: Corrected) -> None:
    """In an outage, for hours; and the alert may have been composed before."""
    corrected.waiting[EVENT] = PendingFact(["0-0"], FACT, {"slack"})
    corrected.replies.state.publish(FACT, EventRecord("front", AT))
    corrected.correct()
    corrected.step(after_s=7200)
    assert (corrected.acknowledged, corrected.edits) == ([], 0)
    corrected.replies.post_alert()
    corrected.waiting[EVENT].remaining.clear()
    message = corrected.step(after_s=1)
    assert message
    assert message.words.startswith(SHOWN)
    assert corrected.acknowledged == ["1-0"]


def test_a_correction_waits_until_the_place_is_known(corrected: Corrected) -> None:
    corrected.replies.state.publish(FACT, EventRecord("front", AT))
    corrected.replies.state.mark_event(EVENT, {"slack:posting": AT.isoformat()})
    corrected.correct()
    assert corrected.acknowledged == []
    corrected.replies.post_alert()
    message = corrected.step(after_s=2)
    assert message
    assert message.words.startswith(SHOWN)


def test_an_alert_of_another_notifier_is_awaited_a_while(corrected: Corrected) -> None:
    corrected.replies.state.publish(FACT, EventRecord("front", AT))
    corrected.correct()
    corrected.step(after_s=55)
    assert corrected.acknowledged == []
    corrected.step(after_s=10)
    assert (corrected.acknowledged, corrected.edits) == (["1-0"], 0)


def held(state: State) -> None:
    state.publish(FACT, EventRecord("front", AT))
    state.mark_event(EVENT, {"held": "snoozed"})


def unknown(_state: State) -> None:
    """The event is older than 30 days."""


@pytest.mark.parametrize("make", [held, unknown])
def test_without_an_alert_nothing_is_corrected(
    corrected: Corrected, make: Callable[[State], None]
) -> None:
    make(corrected.replies.state)
    corrected.correct()
    assert (corrected.acknowledged, corrected.edits) == (["1-0"], 0)
    known = corrected.replies.state.event_fields(EVENT)
    assert ("correction" in known) == (make is held)


def test_a_damaged_correction_stops_no_other(corrected: Corrected) -> None:
    corrected.replies.post_alert()
    corrected.replies.state.mark_event(EVENT, {"correction": "at noon a cat"})
    corrected.correct(replace(CAT, event=None), "0-0")
    message = corrected.correct()
    assert message
    assert message.words.startswith(SHOWN)
    assert corrected.acknowledged == ["0-0", "1-0"]


def test_a_correction_without_a_picture_is_shown(state: State, slack: SlackServer) -> None:
    corrected = Corrected(replies_of(state, slack, delete=False))
    alert = corrected.replies.post_alert()
    slack.files[alert.files[0]].deleted = True
    message = corrected.correct()
    assert message
    assert message.words.startswith(SHOWN)
    assert "stored at home" in message.words
