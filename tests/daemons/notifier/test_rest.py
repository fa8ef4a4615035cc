"""A channel rests after a failure; a new alert ends no rest that the service wants."""

from app.daemons.notifier.delivery_queue import MOST_FAILURES, SUSPECT_FAILURES
from app.notify import MemoryNotifier
from tests.daemons.notifier.conftest import MakeOutbox
from tests.daemons.notifier.outbox_harness import (
    EVENT,
    FACT,
    ClosedNotifier,
    RefusingNotifier,
    alert_fact,
    event_after,
    run,
)


def test_rests_grow_to_a_minute_until_a_success(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(notifier := MemoryNotifier())
    notifier.fail_next(8, "no answer")
    outbox.add(FACT)
    rests_s = []
    for _ in range(8):
        rests_s.append(run(outbox.alerts))
        assert outbox.alerts.step() == rests_s[-1]
        outbox.clock.advance(rests_s[-1])
    assert rests_s == [1, 2, 4, 8, 16, 32, 60, 60]
    assert outbox.alerts.trouble == "no answer"
    run(outbox.alerts)
    assert not outbox.alerts.trouble
    notifier.fail_next(1)
    outbox.add(alert_fact(2))
    assert run(outbox.alerts) == 1


def test_a_new_alert_is_tried_once_during_a_rest(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(notifier := RefusingNotifier("Motion 1.", "Motion 2.", "Motion 3."))
    outbox.add(alert_fact(1))
    for _ in range(MOST_FAILURES):
        outbox.run_and_wait(outbox.alerts)
    assert run(outbox.alerts) == 60
    notifier.tried.clear()
    outbox.clock.advance(10)
    for number, left_s in ((2, 50), (3, 49)):
        outbox.add(alert_fact(number, seconds=outbox.clock.monotonic()))
        assert run(outbox.alerts) == left_s
        outbox.clock.advance(1)
    assert notifier.tried == ["Motion 2.", "Motion 3."]
    notifier.refused = ()
    outbox.clock.advance(50)
    run(outbox.alerts)
    assert (outbox.texts(), notifier.digested) == (["Motion 3."], [["Motion 1.", "Motion 2."]])


def test_once_the_service_answers_everything_goes(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(notifier := RefusingNotifier("Motion 1.", "Clip 1."))
    outbox.add(alert_fact(1))
    outbox.add_clip_of_delivered(event_after(50))
    for _ in range(5):
        outbox.run_and_wait(outbox.alerts)
        run(outbox.clips)
    assert run(outbox.alerts) == 32
    assert run(outbox.clips) > 1
    notifier.refused = ()
    outbox.add(alert_fact(2, seconds=outbox.clock.monotonic()))
    run(outbox.alerts)
    run(outbox.clips)
    assert outbox.texts() == ["Motion 2.", "Motion 1.", "Clip 1."]


def test_a_refusal_delays_no_new_alert(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(notifier := ClosedNotifier())
    outbox.add(alert_fact(1))
    assert run(outbox.alerts) == 60
    notifier.is_closed = False
    outbox.add(alert_fact(2))
    run(outbox.alerts)
    assert outbox.texts() == ["Motion 2.", "Motion 1."]


def test_a_new_alert_does_not_end_a_rest_the_service_wants(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(notifier := RefusingNotifier("Motion 1."))
    outbox.add(alert_fact(1))
    for _ in range(SUSPECT_FAILURES):
        outbox.run_and_wait(outbox.alerts)
    notifier.retry_after_s = 50
    assert run(outbox.alerts) == 50
    outbox.add(alert_fact(2))
    outbox.run_and_wait(outbox.alerts)
    assert outbox.acknowledged == []
    run(outbox.alerts)
    assert outbox.acknowledged == [alert_fact(2).id]


def test_a_rest_that_the_service_wants_is_no_failure(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(notifier := RefusingNotifier("Clip 1."))
    notifier.retry_after_s = 7
    for event in (EVENT, event_after(1)):
        outbox.add_clip_of_delivered(event)
    for _ in range(MOST_FAILURES + 1):
        outbox.run_and_wait(outbox.clips)
    assert len(notifier.tried) == MOST_FAILURES + 1
    assert outbox.acknowledged == []
