"""After an outage the newest alert is single, and all others are one digest, also after a kill."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.daemons.notifier.journal import DeliveryJournal
from app.notify import MemoryNotifier
from tests.daemons.notifier.conftest import MakeOutbox
from tests.daemons.notifier.outbox_harness import (
    AT,
    FACT,
    LOST,
    DigestNotifier,
    LinkNotifier,
    StagedNotifier,
    ThreadNotifier,
    alert_fact,
    clip_fact,
    event_after,
    run,
)


def test_after_an_outage_the_newest_is_single(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(notifier := StagedNotifier())
    outbox.add(*map(alert_fact, range(4)), replace(LOST, at=AT + timedelta(seconds=9)))
    outbox.clock.advance(130)
    run(outbox.alerts)
    later = alert_fact(9, seconds=130)
    outbox.add(later)
    run(outbox.alerts)
    assert notifier.digested == [["Motion 0.", "Motion 1.", "Motion 2.", "Lost."]]
    assert notifier.stages == [
        f"{alert_fact(3).event} file",
        f"{alert_fact(3).event} posted",
        "digest file",
        "digest posted",
        f"{later.event} file",
        f"{later.event} posted",
    ]
    assert (outbox.alerts.digests, len(outbox.acknowledged)) == (1, 6)
    assert "delivered:staged" in outbox.state.delivery_marks(alert_fact(1))


def test_a_fresh_alert_is_never_in_a_digest(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(notifier := DigestNotifier())
    outbox.add(*map(alert_fact, range(3)), alert_fact(9, seconds=100))
    notifier.fail_next(8)
    for _ in range(8):
        outbox.run_and_wait(outbox.alerts)
    run(outbox.alerts)
    assert outbox.texts() == ["Motion 9."]
    assert notifier.digested == [["Motion 0.", "Motion 1.", "Motion 2."]]


def test_an_alert_that_waits_alone_is_in_no_digest(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(notifier := DigestNotifier())
    outbox.add(FACT)
    outbox.clock.advance(1000)
    run(outbox.alerts)
    assert (outbox.texts(), notifier.digested) == (["Motion."], [])


@pytest.mark.parametrize("failures", [1, 2])
def test_a_digest_continues_with_its_members(make_outbox: MakeOutbox, failures: int) -> None:
    outbox = make_outbox(StagedNotifier())
    outbox.add(*map(alert_fact, range(4)))
    outbox.clock.advance(121)
    outbox.alerts.step()
    notifier = outbox.outbox.notifiers[0]
    assert isinstance(notifier, StagedNotifier)
    notifier.fail_stages(failures)
    for _ in range(failures):
        outbox.run_and_wait(outbox.alerts)
    assert outbox.acknowledged == [alert_fact(3).id]
    restarted = make_outbox(notifier := StagedNotifier())
    for number in range(3):
        restarted.outbox.enqueue(str(number), alert_fact(number), {"staged"})
    later = alert_fact(5, seconds=125)
    restarted.add(later)
    restarted.clock.advance(130)
    run(restarted.alerts)
    left = ["digest posted"][: 2 - failures]
    single = [f"{later.event} file", f"{later.event} posted"]
    assert notifier.stages == [*single, *left]
    assert len(restarted.acknowledged) == 4


def test_a_digest_needs_two_that_are_not_posted(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(notifier := StagedNotifier())
    outbox.add(alert_fact(0), alert_fact(1))
    outbox.state.mark_delivery(alert_fact(0), {"staged:posting": AT.isoformat()})
    outbox.clock.advance(121)
    run(outbox.alerts)
    assert notifier.digested == []
    assert len(outbox.acknowledged) == 2


def test_a_notifier_without_digests_delivers_singly(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(MemoryNotifier())
    outbox.add(*map(alert_fact, range(3)))
    outbox.clock.advance(1000)
    run(outbox.alerts)
    assert len(outbox.messages) == 3


def test_a_digest_has_pictures_of_the_newest_alerts(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(notifier := ThreadNotifier())
    outbox.add(*map(alert_fact, range(13)))
    outbox.clock.advance(140)
    run(outbox.alerts)
    assert notifier.pictured == [f"Motion {number}." for number in range(2, 12)]


def test_late_clips_of_alerts_are_in_no_digest(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(notifier := ThreadNotifier())
    events = [event_after(number) for number in range(3)]
    for event in events:
        outbox.add_clip_of_delivered(event)
    outbox.clock.advance(4000)
    run(outbox.clips)
    assert outbox.parents() == [f"place of {event}" for event in events]
    assert notifier.digested == []


def test_late_clips_without_alerts_are_one_digest(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(notifier := LinkNotifier(), when=("clip", "left_open"))
    outbox.add(*(clip_fact(event=event_after(number)) for number in range(3)))
    outbox.let_uploads_succeed()
    outbox.clock.advance(119)
    run(outbox.clips)
    assert notifier.digested == []
    outbox.clock.advance(4000)
    run(outbox.clips)
    assert (outbox.texts(), notifier.digested) == (["Clip 1."], [["Clip 1."] * 2])


def test_a_member_that_comes_back_late_is_not_lost(make_outbox: MakeOutbox, tmp_path: Path) -> None:
    facts = [*map(alert_fact, range(4))]
    journal = DeliveryJournal(tmp_path / "journal")
    outbox = make_outbox(notifier := StagedNotifier())
    outbox.outbox.journal = journal
    outbox.add(*facts)
    outbox.clock.advance(200)
    outbox.alerts.step()
    notifier.fail_stages(1)
    outbox.alerts.step()
    outbox.state._redis.flushdb()
    restarted = make_outbox(notifier := StagedNotifier())
    restarted.outbox.journal = journal
    restarted.clock.advance(210)
    restarted.add(facts[0], facts[2])
    restarted.run_and_wait(restarted.alerts)
    run(restarted.alerts)
    assert notifier.stages == ["digest posted"]
    restarted.add(facts[1], facts[3])
    restarted.run_and_wait(restarted.alerts)
    run(restarted.alerts)
    assert notifier.stages[1:] == [f"{facts[1].event} file", f"{facts[1].event} posted"]
    assert sorted(restarted.acknowledged) == sorted(fact.id for fact in facts)
