"""What a service shows already is not delivered again, also where its mark is missing."""

from collections.abc import Sequence
from datetime import datetime

from app.notify import Message, Progress
from app.notify.base import NoAnswer, PostedPlace
from app.protocol import EventRecord, Stage
from tests.daemons.notifier.conftest import MakeOutbox
from tests.daemons.notifier.outbox_harness import (
    AT,
    EVENT,
    FACT,
    ThreadNotifier,
    alert_fact,
    run,
)


class AskedNotifier(ThreadNotifier):
    """Can be asked which messages it shows; its answers are lost while *loses* is True."""

    name = "asked"
    loses = False

    def deliver(self, message: Message, progress: Progress) -> None:
        progress.set(Stage.POSTING, message.at.isoformat())
        if self.loses:
            raise NoAnswer("no answer", sent=True)
        super().deliver(message, progress)

    def find_posted(
        self,
        messages: Sequence[Message],
        begun: datetime | None,  # noqa: ARG002 (asked at any time)
    ) -> dict[str, PostedPlace]:
        shown = [message.key for message in self.messages]
        asked = [message.key for message in messages if message.key in shown]
        return {key: PostedPlace(f"place of {key}") for key in asked}


def test_alerts_without_an_answer_are_in_the_digest_too(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(notifier := AskedNotifier())
    notifier.loses = True
    for number in range(4):
        outbox.add(alert_fact(number, seconds=outbox.clock.monotonic()))
        outbox.run_and_wait(outbox.alerts)
    begun = [one.progress.is_unconfirmed for one in outbox.alerts._deliveries]
    assert begun.count(True) >= 3
    outbox.clock.advance(200)
    notifier.loses = False
    arrived = next(one.fact for one in outbox.alerts._deliveries if one.fact.text == "Motion 1.")
    notifier.messages.append(Message(arrived.event or "", AT, "It had arrived."))
    run(outbox.alerts)
    assert notifier.digested == [["Motion 0.", "Motion 2."]]
    assert outbox.texts() == ["It had arrived.", "Motion 3."]


def test_a_doubtful_alert_is_asked_about_first(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(AskedNotifier())
    outbox.add(FACT)
    run(outbox.alerts)
    other = alert_fact(1)
    for fact in (FACT, other):
        outbox.state.publish(fact, EventRecord("front", fact.at))
        outbox.state._redis.delete(f"event:{fact.event}")
        outbox.outbox.enqueue(f"{fact.id}-again", fact, {"asked"}, is_doubtful=True)
    run(outbox.alerts)
    assert outbox.texts() == [FACT.text, other.text]
    assert outbox.state.delivery_marks(FACT)["asked:posted"] == f"place of {EVENT}"
