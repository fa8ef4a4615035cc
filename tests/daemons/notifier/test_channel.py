"""One channel step by step, with a notifier in memory and a real Redis."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.daemons.notifier.delivery_queue import SUSPECT_FAILURES
from app.daemons.notifier.journal import DeliveryJournal
from app.errors import DeliveryError, DeliveryRefused, ProtocolError
from app.notify import FolderNotifier, MemoryNotifier, Message, Progress
from app.state import State
from tests.daemons.notifier.conftest import MakeOutbox
from tests.daemons.notifier.outbox_harness import (
    AT,
    EVENT,
    FACT,
    LOST,
    ClosedNotifier,
    RefusingNotifier,
    StagedNotifier,
    ThreadNotifier,
    alert_fact,
    clip_fact,
    event_after,
    make_harness,
    run,
)
from tests.notify.progress import MemoryProgress
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


def test_a_refusal_is_an_error_in_the_log_and_tried_on_demand(
    make_outbox: MakeOutbox, caplog: pytest.LogCaptureFixture
) -> None:
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


def test_a_clip_waits_for_its_alert_and_delays_no_other(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(ThreadNotifier())
    other = event_after(1)
    outbox.add(FACT, clip_fact())
    outbox.add_clip_of_delivered(other)
    assert run(outbox.clips) == float("inf")
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


class GroupNotifier(RefusingNotifier):
    """Accepts several messages at once; *groups* has the texts of each call."""

    group_size = 3

    def __init__(self, *refused: str) -> None:
        super().__init__(*refused)
        self.groups: list[list[str]] = []

    def deliver_group(self, messages: Sequence[Message]) -> None:
        self.groups.append([message.text for message in messages])
        for message in messages:
            self.deliver(message, MemoryProgress())


def test_alerts_that_wait_are_delivered_together(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(notifier := GroupNotifier())
    outbox.add(*map(alert_fact, range(1, 5)))
    run(outbox.alerts)
    assert notifier.groups == [["Motion 1.", "Motion 2.", "Motion 3."]]
    assert outbox.texts() == [f"Motion {number}." for number in range(1, 5)]
    assert outbox.acknowledged == [alert_fact(number).id for number in range(1, 5)]
    for number in range(1, 5):
        assert "delivered:threading" in outbox.state.delivery_marks(alert_fact(number))


def test_one_that_is_refused_stops_no_other_of_its_group(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(GroupNotifier("Motion 2."))
    outbox.add(*map(alert_fact, (1, 2, 3)))
    for _ in range(SUSPECT_FAILURES + 1):
        outbox.run_and_wait(outbox.alerts)
    assert outbox.texts() == ["Motion 1.", "Motion 3."]
    assert outbox.acknowledged == [alert_fact(1).id, alert_fact(3).id]


class CutFolder(FolderNotifier):
    """A folder whose program is killed when a group is written, before its first mark."""

    is_cut = True

    def deliver_group(self, messages: Sequence[Message]) -> None:
        super().deliver_group(messages)
        if self.is_cut:
            raise KeyboardInterrupt


def test_killed_between_a_group_and_its_marks_it_repeats_nothing(
    make_outbox: MakeOutbox, tmp_path: Path
) -> None:
    facts = [alert_fact(number) for number in range(5)]
    outbox = make_outbox(CutFolder(tmp_path / "alerts"))
    outbox.add(*facts)
    with pytest.raises(KeyboardInterrupt):
        outbox.alerts.step()
    assert outbox.acknowledged == []
    files = {path: path.stat() for path in tmp_path.glob("alerts/*/*")}
    assert len(files) == 2 * len(facts)
    # The power fails, and the last rename is gone too.
    lost = max(files)
    lost.unlink()
    again = make_outbox(FolderNotifier(tmp_path / "alerts"))
    again.add(*facts)
    run(again.alerts)
    assert again.acknowledged == [fact.id for fact in facts]
    after = {path: path.stat() for path in tmp_path.glob("alerts/*/*")}
    del files[lost]
    assert {path: (one.st_ino, one.st_mtime_ns) for path, one in files.items()} == {
        path: (one.st_ino, one.st_mtime_ns) for path, one in after.items() if path != lost
    }
    assert lost in after
