"""Jobs run in order in one thread, and too many are skipped."""

import threading

import pytest

from app.daemons.security_system.job_queue import JobQueue
from tests.waiting import until


def test_a_stuck_queue_skips_jobs_and_urgent_ones_later() -> None:
    stuck, done = threading.Event(), list[int]()
    jobs = JobQueue(most_waiting=3)
    over = [jobs.enqueue(lambda: done.append(stuck.wait(10)))]
    for number in range(5):
        over.append(jobs.enqueue(lambda number=number: done.append(number)))  # type: ignore[misc]
    for number in range(10, 16):
        over.append(jobs.enqueue(lambda number=number: done.append(number), urgent=True))  # type: ignore[misc]
    assert jobs.skipped == 3 + 3
    assert [one.is_set() for one in over] == [False] * 3 + [True] * 3 + [False] * 3 + [True] * 3
    stuck.set()
    jobs.close()
    assert done == [True, 0, 1, 10, 11, 12]
    assert all(one.is_set() for one in over)


def test_a_skipped_job_is_counted_only_if_it_should_be() -> None:
    stuck, done = threading.Event(), list[bool]()
    jobs = JobQueue(most_waiting=1)
    jobs.enqueue(lambda: done.append(stuck.wait(10)))
    jobs.enqueue(lambda: None, counted=False)
    assert jobs.skipped == 0
    stuck.set()
    jobs.close()


def test_a_queue_without_jobs_closes_at_once() -> None:
    JobQueue().close(patience_s=0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_mistake_in_a_job_is_raised_by_the_next_check() -> None:
    def mistake() -> None:
        raise ValueError("a mistake")

    jobs = JobQueue()
    jobs.check()
    jobs.enqueue(mistake)
    until(lambda: has_died(jobs), "it is noticed")


def has_died(jobs: JobQueue) -> bool:
    try:
        jobs.check()
    except RuntimeError as error:
        return "the thread job queue has ended" in str(error)
    return False
