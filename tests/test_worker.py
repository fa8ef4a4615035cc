"""Threads beside a program's loop."""

import threading
from collections.abc import Iterator

import pytest

from app.worker import Worker, WorkerGroup, steps_in_progress, timed_step, waiting
from tests.waiting import until


@pytest.fixture
def steps() -> Iterator[list[threading.Event]]:
    """Two events, each set by a step of one worker."""
    yield [threading.Event(), threading.Event()]


def worker_that_sets(event: threading.Event) -> Worker:
    def step() -> float:
        event.set()
        return float("inf")

    return Worker("test", step)


def test_a_step_follows_each_wake() -> None:
    done = threading.Semaphore(0)

    def step() -> float:
        done.release()
        return float("inf")

    worker = Worker("test", step)
    worker.start()
    assert done.acquire(timeout=10)
    worker.wake()
    assert done.acquire(timeout=10)
    worker.ask_to_stop()
    until(worker.has_ended, "the thread ends")


def test_a_wait_for_work_is_no_part_of_a_step() -> None:
    with timed_step("busy"):
        (before,) = steps_in_progress()
        with waiting():
            assert steps_in_progress() == []
        (after,) = steps_in_progress()
    assert (before.name, after.name) == ("busy", "busy")
    assert after.since_s > before.since_s


def test_a_worker_that_never_started_has_ended() -> None:
    worker = Worker("test", lambda: 1.0)
    assert worker.has_ended()
    worker.check()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_check_raises_when_the_thread_died_of_a_mistake() -> None:
    def step() -> float:
        raise KeyError("a mistake")

    worker = Worker("doomed", step)
    worker.start()
    until(worker.has_ended, "the thread ends")
    with pytest.raises(RuntimeError, match="the thread doomed has ended"):
        worker.check()
    with pytest.raises(RuntimeError, match="doomed"):
        WorkerGroup([Worker("idle", lambda: 1.0), worker]).check()


def test_a_group_starts_wakes_and_stops_all_of_its_workers(steps: list[threading.Event]) -> None:
    group = WorkerGroup(map(worker_that_sets, steps))
    assert group.has_ended()
    group.start()
    for event in steps:
        assert event.wait(10)
        event.clear()
    assert not group.has_ended()
    group.wake()
    assert all(event.wait(10) for event in steps)
    group.check()
    group.ask_to_stop()
    until(group.has_ended, "both threads end")


def test_a_worker_that_was_asked_to_stop_is_not_a_failure() -> None:
    worker = worker_that_sets(threading.Event())
    worker.start()
    worker.ask_to_stop()
    until(worker.has_ended, "the thread ends")
    worker.check()
