"""One channel step by step, with a notifier in memory and a real Redis."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from app.daemons.notifier.channel import MOST_FAILURES, QUIET_S, SUSPECT_FAILURES
from app.daemons.notifier.journal import DeliveryJournal
from app.errors import DeliveryError, DeliveryRefused, ProtocolError
from app.notify import MemoryNotifier, Message, Progress
from app.notify.base import NoAnswer, PostedPlace
from app.protocol import EventRecord, Stage
from app.state import State
from tests.daemons.notifier.conftest import MakeOutbox
from tests.daemons.notifier.outbox_harness import (
    AT,
    DELIVERED,
    EVENT,
    FACT,
    LOST,
    DigestNotifier,
    LinkNotifier,
    RefusingNotifier,
    StagedNotifier,
    ThreadNotifier,
    alert_fact,
    clip_fact,
    event_after,
    make_harness,
    run,
)
from tests.servers.redis_server import RedisServer


def test_with_nothing_to_deliver_it_waits_until_woken(make_outbox: MakeOutbox) -> None:
    assert make_outbox(MemoryNotifier()).alerts.step() == float("inf")


def test_alerts_are_delivered_in_their_order(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(MemoryNotifier())
    outbox.add(alert_fact(1), LOST, alert_fact(2))
    assert (outbox.alerts.waiting, outbox.alerts.name) == (3, "memory")
    assert run(outbox.alerts) == float("inf")
    assert outbox.texts() == ["Motion 1.", "Lost.", "Motion 2."]
    assert outbox.alerts.waiting == 0


class UnstableNotifier(MemoryNotifier):
    """Shows every message that it is given, and kills Redis while it shows the first."""

    name = "unstable"

    def __init__(self, server: RedisServer) -> None:
        super().__init__()
        self.shown: list[str] = []
        self._server = server

    def deliver(self, message: Message, progress: Progress) -> None:  # noqa: ARG002 (one step)
        if not self.shown:
            self._server.kill()
        self.shown.append(message.key)


def test_only_a_lost_mark_is_written_again(
    durable_redis_server: RedisServer, tmp_path: Path
) -> None:
    state = State(durable_redis_server.url)
    notifier = UnstableNotifier(durable_redis_server)
    outbox = make_harness(state, tmp_path, notifier)
    outbox.add(FACT)
    assert [run(outbox.alerts) > 0 for _ in range(2)] == [True, True]
    assert (outbox.acknowledged, outbox.alerts.trouble) == ([], None)
    durable_redis_server.start()
    assert run(outbox.alerts) == float("inf")
    assert (notifier.shown, outbox.acknowledged) == ([EVENT], [FACT.id])
    assert "delivered:unstable" in state.delivery_marks(FACT)
    state.close()


def test_a_delivery_continues_at_its_last_stage(make_outbox: MakeOutbox) -> None:
    first, second = StagedNotifier(failures=1), StagedNotifier()
    outbox = make_outbox(first)
    outbox.add(FACT)
    assert run(outbox.alerts) == 1
    restarted = make_outbox(second)
    restarted.outbox.enqueue(FACT.id, FACT, {"staged"})
    run(restarted.alerts)
    assert (first.stages, second.stages) == ([f"{EVENT} file"], [f"{EVENT} posted"])


def test_what_another_notifier_delivered_is_not_repeated(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(notifier := MemoryNotifier())
    notifier.fail_next(1)
    outbox.add(FACT)
    outbox.run_and_wait(outbox.alerts)
    assert outbox.alerts.trouble == "asked to fail"
    outbox.state.mark_delivery(FACT, {"delivered:memory": AT.isoformat()})
    run(outbox.alerts)
    assert (outbox.messages, outbox.acknowledged) == ([], [FACT.id])
    assert not outbox.alerts.trouble


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
    class ClosedNotifier(MemoryNotifier):
        is_closed = True

        def deliver(self, message: Message, progress: Progress) -> None:
            if self.is_closed:
                raise DeliveryRefused("not in the channel: invite me", 60)
            super().deliver(message, progress)

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


def test_a_refusal_is_an_error_in_the_log_and_tried_on_demand(
    make_outbox: MakeOutbox, caplog: pytest.LogCaptureFixture
) -> None:
    class ClosedNotifier(MemoryNotifier):
        is_closed = True

        def deliver(self, message: Message, progress: Progress) -> None:
            if self.is_closed:
                raise DeliveryRefused("not in the channel: invite me", 60)
            super().deliver(message, progress)

    outbox = make_outbox(notifier := ClosedNotifier())
    outbox.add(FACT)
    for _ in range(2):
        assert run(outbox.alerts) == 60
        outbox.clock.advance(60)
    assert run(outbox.alerts) == 60
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("ERROR", "not in the channel: invite me; trying again")
    ]
    assert outbox.alerts.trouble == "not in the channel: invite me"
    notifier.is_closed = False
    outbox.alerts.retry_now()
    assert run(outbox.alerts) == float("inf")
    assert len(outbox.messages) == 1
    assert not outbox.alerts.trouble


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


def test_a_clip_waits_for_its_alert_and_delays_no_other(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(ThreadNotifier())
    other = event_after(1)
    outbox.add(FACT, clip_fact())
    outbox.add_clip_of_delivered(other)
    assert 0 < run(outbox.clips) <= 0.5
    assert outbox.parents() == [f"place of {other}"]
    run(outbox.alerts)
    outbox.clock.advance(0.5)
    run(outbox.clips)
    assert outbox.parents() == [f"place of {other}", None, f"place of {EVENT}"]


def test_an_alert_does_not_wait_for_a_clip(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(notifier := ThreadNotifier())
    outbox.add_clip_of_delivered()
    notifier.fail_next(1, "a slow line")
    assert run(outbox.clips) == 1
    outbox.add(alert_fact(5))
    run(outbox.alerts)
    assert outbox.texts() == ["Motion 5."]


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


def test_what_the_notifier_skips_is_marked_and_finished(make_outbox: MakeOutbox) -> None:
    class SparingNotifier(ThreadNotifier):
        def skip_reason(self, message: Message) -> str | None:
            return "one is enough" if message.topic == "alert" else None

    outbox = make_outbox(SparingNotifier())
    outbox.add(FACT, clip_fact())
    run(outbox.alerts)
    outbox.clock.advance(1)
    run(outbox.clips)
    assert (outbox.texts(), outbox.acknowledged) == ([], [FACT.id, clip_fact().id])
    assert outbox.state.delivery_marks(FACT)["threading:skipped"] == "one is enough"


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


def test_a_failure_that_is_skipped_later_leaves_no_trouble(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(notifier := ThreadNotifier())
    notifier.fail_next(1, "no line")
    outbox.add_clip_of_delivered()
    outbox.run_and_wait(outbox.clips)
    assert outbox.clips.trouble == "no line"
    outbox.state.mark_event(EVENT, {"threading:skipped": "one is enough"})
    run(outbox.clips)
    assert outbox.texts() == []
    assert not outbox.clips.trouble


class FailingNotifier(MemoryNotifier):
    """Fails with each of *errors* in turn."""

    def __init__(self, *errors: DeliveryError) -> None:
        super().__init__()
        self._errors = list(errors)

    def deliver(self, message: Message, progress: Progress) -> None:
        if self._errors:
            raise self._errors.pop(0)
        super().deliver(message, progress)


def test_one_trouble_is_logged_once_whatever_its_words(
    make_outbox: MakeOutbox, caplog: pytest.LogCaptureFixture
) -> None:
    errors = (
        DeliveryError("no answer after 3 s"),
        DeliveryError("no answer after 4 s"),
        DeliveryRefused("the token is wrong", code="invalid_auth"),
        DeliveryRefused("the channel is archived", code="is_archived"),
        DeliveryRefused("the channel is still archived", code="is_archived"),
    )
    outbox = make_outbox(FailingNotifier(*errors))
    outbox.add(FACT)
    for error in errors:
        outbox.run_and_wait(outbox.alerts)
        assert outbox.alerts.trouble == str(error)
    assert [record.message for record in caplog.records] == [
        "no answer after 3 s; trying again",
        "the token is wrong; trying again",
        "the channel is archived; trying again",
    ]
    assert run(outbox.alerts) == float("inf")


def test_a_fact_without_an_event_waits_for_no_other(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(LinkNotifier())
    outbox.add(FACT, LOST)
    run(outbox.alerts)
    assert outbox.texts() == ["Lost."]


class MarkReader(MemoryNotifier):
    """Finds that the mark of the alert `FACT` cannot be read."""

    name = "reading"

    def deliver(self, message: Message, progress: Progress) -> None:
        if message.key == EVENT:
            raise ProtocolError("not the mark of a message")
        super().deliver(message, progress)


def test_a_damaged_mark_stops_no_other_delivery(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(MarkReader())
    outbox.add(FACT, alert_fact(1), LOST)
    for _ in range(SUSPECT_FAILURES + 3):
        outbox.alerts.step()
        outbox.clock.advance(60)
    assert outbox.texts() == ["Motion 1.", "Lost."]
    assert outbox.alerts.waiting == 1


def test_what_redis_forgets_is_delivered_once(make_outbox: MakeOutbox, tmp_path: Path) -> None:
    facts = [*map(alert_fact, range(4)), replace(LOST, at=AT + timedelta(seconds=9))]
    journal = DeliveryJournal(tmp_path / "journal")
    outbox = make_outbox(StagedNotifier())
    outbox.outbox.journal = journal
    outbox.add(*facts)
    outbox.clock.advance(200)
    run(outbox.alerts)
    assert outbox.alerts.digests == 1
    outbox.state._redis.flushdb()
    restarted = make_outbox(notifier := StagedNotifier())
    restarted.outbox.journal = journal
    restarted.add(*facts)
    restarted.clock.advance(200)
    run(restarted.alerts)
    assert (notifier.stages, notifier.digested) == ([], [])
    assert sorted(restarted.acknowledged) == sorted(fact.id for fact in facts)
    assert "staged:digest" in restarted.state.delivery_marks(facts[0])


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
