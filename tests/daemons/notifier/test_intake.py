"""The thread that reads facts and requests, with a real Redis and a real outbox."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from app.clock import SystemClock
from app.config import load_config
from app.daemons.notifier.intake import WAIT_S
from app.daemons.notifier.journal import DeliveryJournal
from app.daemons.notifier.workers import NotifierWorkers, make_workers, worker_settings
from app.errors import StateUnavailable
from app.notify import MemoryNotifier
from app.protocol import EventRecord, Fact, Request
from app.state import State
from app.worker import steps_in_progress
from tests.daemons.notifier.daemon_harness import DaemonHarness
from tests.daemons.notifier.outbox_harness import FACT, LOST
from tests.servers.programs import write_config
from tests.waiting import Stopwatch, patience, until


@pytest.fixture
def workers(state: State, tmp_path: Path) -> Iterator[NotifierWorkers]:
    settings = worker_settings(
        load_config(write_config(tmp_path, "unix:///nowhere", "notify: {backends: [memory]}\n"))
    )
    clock = SystemClock()
    made = make_workers(
        settings,
        state,
        clock,
        state.facts("notifier", "here").acknowledge,
        DeliveryJournal(tmp_path / "journal"),
        started_at=clock.now(),
        trouble_changed=lambda: None,
    )
    yield made
    made.ask_to_stop()
    until(made.has_ended, "all threads end")


def test_a_fact_wakes_it_at_once_and_waiting_is_no_step(
    workers: NotifierWorkers, state: State
) -> None:
    (memory,) = workers.outbox.notifiers
    assert isinstance(memory, MemoryNotifier)
    workers.start()
    time.sleep(0.3)
    assert [step.name for step in steps_in_progress() if step.name == "streams"] == []
    with Stopwatch() as watch:
        state.publish(LOST)
        until(lambda: memory.messages, "it is delivered")
    assert watch.seconds < min(patience(1.0), WAIT_S / 2)


def test_a_wait_ends_when_it_is_stopped(workers: NotifierWorkers) -> None:
    workers.start()
    time.sleep(0.2)
    with Stopwatch() as watch:
        workers.ask_to_stop()
        until(workers.has_ended, "all threads end")
    assert watch.seconds < min(patience(1.0), WAIT_S / 2)
    assert workers.intake.trouble is None


def test_a_request_reaches_its_handler(workers: NotifierWorkers, state: State) -> None:
    state.add_request(Request("say", FACT.at, "anna", text="Hello."))
    workers.start()
    until(lambda: workers.requests.replied == 1, "the request is done")


def test_everything_that_waits_is_read_before_the_start(
    workers: NotifierWorkers, state: State
) -> None:
    state.facts("notifier", "here").new(0)
    for fact in (FACT, LOST):
        state.publish(fact, EventRecord("front", FACT.at) if fact.event else None)
    workers.intake.read_waiting()
    assert workers.outbox.waiting == 2


def test_a_start_that_fails_loses_nothing(
    workers: NotifierWorkers, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(subjects: Sequence[Fact | str]) -> list[dict[str, str]]:
        raise StateUnavailable(f"Redis went away before the marks of {subjects} were read")

    state.publish(LOST)
    with monkeypatch.context() as patched:
        patched.setattr(state, "all_delivery_marks", unavailable)
        with pytest.raises(StateUnavailable):
            workers.intake.read_waiting()
    workers.intake.read_waiting()
    assert workers.outbox.waiting == 1


def test_each_fact_of_a_batch_is_judged_by_itself(notifier: DaemonHarness) -> None:
    held, damaged, lost = notifier.publish(), notifier.publish(), notifier.publish("camera_lost")
    notifier.redis.hset(f"event:{held.event}", "held", "by hand")
    notifier.redis.set(f"event:{damaged.event}", "no hash")
    notifier.step_until(notifier.is_all_acknowledged, "all are acknowledged")
    assert {damaged.event, lost.id} <= set(notifier.in_folder())
    assert held.event not in notifier.in_folder()
