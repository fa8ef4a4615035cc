"""The order of deliveries: no delivery that is at fault, and no late clip, stops the others."""

from dataclasses import replace

from app.daemons.notifier.delivery_queue import MOST_FAILURES, QUIET_S, SUSPECT_FAILURES
from app.errors import DeliveryError
from app.notify import Message, Progress
from tests.daemons.notifier.conftest import MakeOutbox
from tests.daemons.notifier.outbox_harness import (
    DELIVERED,
    EVENT,
    FACT,
    LOST,
    DigestNotifier,
    LinkNotifier,
    RefusingNotifier,
    ThreadNotifier,
    alert_fact,
    clip_fact,
    event_after,
    run,
)


def test_an_alert_that_always_fails_delays_no_new_one(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(notifier := RefusingNotifier("Motion 1."))
    outbox.add(alert_fact(1))
    for _ in range(6):
        outbox.run_and_wait(outbox.alerts)
    assert run(outbox.alerts) == 60
    for number in (2, 3):
        outbox.add(alert_fact(number))
        assert 0 < run(outbox.alerts) < float("inf")
        assert outbox.acknowledged[-1] == alert_fact(number).id
    others = [text for text in notifier.tried if text != "Motion 1."]
    assert others == ["Motion 2.", "Motion 3."]


def test_later_alerts_wait_for_few_failures_of_the_first(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(notifier := RefusingNotifier("Motion 1."))
    outbox.add(*map(alert_fact, (1, 2, 3)))
    for _ in range(SUSPECT_FAILURES):
        assert outbox.acknowledged == []
        outbox.run_and_wait(outbox.alerts)
    run(outbox.alerts)
    failed = ["Motion 1."] * SUSPECT_FAILURES
    assert notifier.tried == [*failed, "Motion 2.", "Motion 3.", "Motion 1."]


def test_old_alerts_that_trickle_in_are_one_digest(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(notifier := DigestNotifier())
    outbox.clock.advance(500)
    for number in range(5):
        outbox.add(alert_fact(number))
        assert run(outbox.alerts) == QUIET_S
        outbox.clock.advance(1)
    outbox.add(fresh := alert_fact(9, seconds=504))
    run(outbox.alerts)
    assert (outbox.texts(), notifier.digested) == ([fresh.text], [])
    outbox.clock.advance(1)
    outbox.add(fresher := alert_fact(10, seconds=506))
    run(outbox.alerts)
    assert (outbox.texts(), notifier.digested) == ([fresh.text, fresher.text], [])
    outbox.clock.advance(QUIET_S)
    run(outbox.alerts)
    assert notifier.digested == [[f"Motion {number}." for number in range(5)]]


def test_old_alerts_do_not_wait_for_others_without_end(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(notifier := DigestNotifier())
    outbox.clock.advance(500)
    for number in range(40):
        outbox.add(alert_fact(number))
        run(outbox.alerts)
        outbox.clock.advance(1)
    assert len(notifier.digested) == 1


def test_the_parts_of_a_clip_come_in_their_order(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(ThreadNotifier())
    outbox.state.mark_event(EVENT, DELIVERED)
    outbox.add(replace(clip_fact(1), host="garage"), clip_here=False)
    outbox.add(clip_fact(2), clip_fact(3))
    assert run(outbox.clips) == 1
    assert outbox.texts() == []
    outbox.state.mark_event(EVENT, {"s3:clip.mp4": "clips/1.mp4"})
    outbox.clock.advance(1)
    run(outbox.clips)
    assert outbox.texts() == ["Clip 1.", "Clip 2.", "Clip 3."]
    assert outbox.messages[0].clip_link == "https://s3/clips/1.mp4"


def test_the_earliest_clip_that_is_ready_is_first(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(LinkNotifier(), when=("clip",))
    outbox.let_uploads_succeed()
    events = [event_after(number) for number in range(3)]
    outbox.add(replace(clip_fact(event=events[0]), text="First."))
    assert run(outbox.clips) == 1
    outbox.clock.advance(0.6)
    outbox.add(replace(clip_fact(event=events[1]), text="Second."))
    run(outbox.clips)
    outbox.clock.advance(0.6)
    run(outbox.clips)
    outbox.clock.advance(0.3)
    outbox.add(replace(clip_fact(event=events[2]), text="Third."))
    for event in events:
        outbox.state.mark_event(event, {"s3:clip.mp4": f"{event}.mp4"})
    for _ in range(3):
        outbox.clock.advance(min(run(outbox.clips), 1))
    assert outbox.texts() == ["First.", "Second.", "Third."]


class LargeClipNotifier(RefusingNotifier):
    """Never takes the first part of the clip of `EVENT`."""

    def deliver(self, message: Message, progress: Progress) -> None:
        if message.key == clip_fact().id:
            self.tried.append(message.text)
            raise DeliveryError("413 Payload Too Large")
        super().deliver(message, progress)


def test_a_clip_that_always_fails_delays_others_for_a_while(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(LargeClipNotifier())
    facts = [outbox.add_clip_of_delivered(event_after(number)) for number in range(3)]
    for _ in range(MOST_FAILURES):
        assert outbox.messages == []
        outbox.run_and_wait(outbox.clips)
    run(outbox.clips)
    assert outbox.acknowledged == [fact.id for fact in facts[1:]]
    assert outbox.clips.waiting == 1


def test_a_part_that_always_fails_does_not_stop_the_others(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(LargeClipNotifier())
    for part in (1, 2, 3):
        outbox.add_clip_of_delivered(part=part)
    for _ in range(MOST_FAILURES):
        assert outbox.messages == []
        outbox.run_and_wait(outbox.clips)
    run(outbox.clips)
    assert outbox.texts() == ["Clip 2.", "Clip 3."]


def test_after_an_outage_all_but_the_first_keep_their_order(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(notifier := ThreadNotifier())
    ids = [outbox.add_clip_of_delivered(event_after(number)).id for number in range(4)]
    notifier.fail_next(MOST_FAILURES + 1, "no line")
    for _ in range(MOST_FAILURES + 1):
        assert outbox.acknowledged == []
        outbox.run_and_wait(outbox.clips)
    run(outbox.clips)
    assert outbox.acknowledged == [ids[1], ids[0], *ids[2:]]


def test_a_fact_without_an_event_waits_for_no_other(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(LinkNotifier())
    outbox.add(FACT, LOST)
    run(outbox.alerts)
    assert outbox.texts() == ["Lost."]
