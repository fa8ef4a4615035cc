"""All channels of an outbox: which deliver a fact, and when it is acknowledged."""

import threading
from dataclasses import replace

import pytest

from app.errors import DeliveryError
from app.notify import MemoryNotifier, Message, Progress
from app.protocol import Fact, FactKind
from app.worker import WorkerGroup
from tests.daemons.notifier.conftest import MakeOutbox
from tests.daemons.notifier.outbox_harness import (
    AT,
    EVENT,
    FACT,
    LOST,
    DigestNotifier,
    StagedNotifier,
    ThreadNotifier,
    alert_fact,
    clip_fact,
    run,
)
from tests.waiting import until


def test_the_last_channel_acknowledges_a_fact(make_outbox: MakeOutbox) -> None:
    harness = make_outbox(MemoryNotifier(), StagedNotifier())
    outbox = harness.outbox
    harness.add(FACT)
    outbox.channels[0].step()
    assert harness.acknowledged == []
    assert (FACT.id in outbox, outbox.waiting, outbox.delivered) == (True, 1, 0)
    outbox.channels[1].step()
    assert harness.acknowledged == [FACT.id]
    assert (FACT.id in outbox, outbox.waiting, outbox.delivered) == (False, 0, 1)
    marks = harness.state.delivery_marks(FACT)
    assert {"delivered:memory", "delivered:staged", "staged:file"} <= marks.keys()


def test_the_oldest_fact_that_waits_has_an_age(make_outbox: MakeOutbox) -> None:
    harness = make_outbox(MemoryNotifier(), StagedNotifier())
    outbox, (first, second, *_) = harness.outbox, harness.outbox.channels
    assert outbox.oldest_s(first.name) is None
    harness.add(FACT)
    harness.clock.advance(130)
    harness.add(LOST)
    harness.clock.advance(20)
    assert outbox.oldest_s(first.name) == 150
    first.step()
    assert outbox.oldest_s(first.name) == 20
    assert outbox.oldest_s(second.name) == 150


def test_a_channel_delivers_only_its_topics(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(ThreadNotifier(), when=("alert", "presence")).outbox
    kinds: tuple[FactKind, ...] = (
        "presence_changed",
        "router_silent",
        "disk_low",
        "store_refused",
        "process_silent",
        "camera_lost",
    )
    facts = [Fact(kind, kind, AT, f"{kind}.") for kind in kinds]
    delivered = [fact.kind for fact in facts if outbox.channels_for(fact)]
    assert delivered == ["presence_changed", "router_silent"]
    assert (outbox.channels_for(FACT), outbox.channels_for(clip_fact())) == ({"threading"}, set())
    assert outbox.channels_for(replace(FACT, kind="motion_ended")) == set()


def test_text_and_clip_may_go_through_different_queues(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(MemoryNotifier(), ThreadNotifier()).outbox
    assert outbox.channels_for(FACT) == {"memory", "threading"}
    assert outbox.channels_for(clip_fact()) == {"memory_clips", "threading_clips"}
    left_open = clip_fact(kind="left_open")
    assert outbox.channels_for(left_open) == {"memory_clips", "threading", "threading_clips"}


def test_an_alert_is_known_by_its_event_while_it_waits(make_outbox: MakeOutbox) -> None:
    harness = make_outbox(MemoryNotifier())
    harness.add(FACT, LOST)
    alert = harness.outbox.alert_of(EVENT)
    assert alert
    assert (alert.fact, harness.outbox.alert_of(None)) == (FACT, None)
    run(harness.alerts)
    assert harness.outbox.alert_of(EVENT) is None


class BrokenNotifier(ThreadNotifier):
    """Delivers nothing."""

    def deliver(self, message: Message, progress: Progress) -> None:  # noqa: ARG002 (the contract's)
        raise DeliveryError("no line")


def test_both_queues_of_a_notifier_log_a_trouble_once(
    make_outbox: MakeOutbox, caplog: pytest.LogCaptureFixture
) -> None:
    harness = make_outbox(BrokenNotifier())
    harness.add(LOST)
    harness.add_clip_of_delivered()
    run(harness.alerts)
    run(harness.clips)
    assert harness.outbox.trouble == "no line"
    assert caplog.text.count("no line; trying again") == 1


def test_each_notifier_logs_its_own_trouble(
    make_outbox: MakeOutbox, caplog: pytest.LogCaptureFixture
) -> None:
    other = MemoryNotifier()
    harness = make_outbox(BrokenNotifier(), other)
    other.fail_next(1, "no space")
    harness.add(LOST)
    for channel in harness.outbox.channels[:2]:
        run(channel)
    assert harness.outbox.trouble == "no line; no space"
    assert [record.message for record in caplog.records] == [
        "no line; trying again",
        "no space; trying again",
    ]


def test_all_channels_can_be_told_to_retry_now(make_outbox: MakeOutbox) -> None:
    harness = make_outbox(notifier := MemoryNotifier())
    notifier.fail_next(1)
    harness.add(FACT)
    assert run(harness.alerts) == 1
    harness.outbox.retry_now()
    assert run(harness.alerts) == float("inf")
    assert harness.texts() == ["Motion."]


def test_a_notifier_that_hangs_delays_no_other(make_outbox: MakeOutbox) -> None:
    may_end = threading.Event()

    class HangingNotifier(MemoryNotifier):
        name = "hanging"

        def deliver(self, message: Message, progress: Progress) -> None:  # noqa: ARG002 (the contract's)
            may_end.wait(20)

    hanging, quick = HangingNotifier(), MemoryNotifier()
    harness = make_outbox(hanging, quick)
    workers = WorkerGroup(harness.outbox.workers)
    workers.start()
    harness.add(FACT)
    until(lambda: quick.messages, "the other notifier delivers it")
    workers.ask_to_stop()
    until(harness.outbox.channels[1].worker.has_ended, "its thread ends")
    until(harness.outbox.channels[3].worker.has_ended, "its thread for clips ends")
    harness.outbox.close_ended()
    assert (workers.has_ended(), hanging.closed, quick.closed) == (False, False, True)
    may_end.set()
    until(workers.has_ended, "all threads end")
    harness.outbox.close_ended()
    assert hanging.closed


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_mistake_in_a_thread_is_found_by_its_owner(make_outbox: MakeOutbox) -> None:
    class MistakenNotifier(MemoryNotifier):
        def deliver(self, message: Message, progress: Progress) -> None:  # noqa: ARG002 (the contract's)
            raise KeyError("a mistake")

    harness = make_outbox(MistakenNotifier())
    workers = WorkerGroup(harness.outbox.workers)
    workers.start()
    workers.check()
    harness.add(FACT)
    until(harness.alerts.worker.has_ended, "the thread ends")
    with pytest.raises(RuntimeError, match="the thread channel memory has ended"):
        workers.check()
    workers.ask_to_stop()


def test_a_fact_that_comes_again_is_delivered_once(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(notifier := DigestNotifier())
    outbox.add(FACT, alert_fact(1), alert_fact(2))
    for entry in (FACT.id, "again"):
        outbox.outbox.enqueue(entry, FACT, {"digesting"})
    assert (outbox.outbox.waiting, "again" in outbox.outbox) == (3, True)
    outbox.clock.advance(200)
    run(outbox.alerts)
    assert notifier.digested == [["Motion.", "Motion 1."]]
    assert sorted(outbox.acknowledged) == sorted(
        [FACT.id, "again", alert_fact(1).id, alert_fact(2).id]
    )
    assert outbox.outbox.waiting == 0
