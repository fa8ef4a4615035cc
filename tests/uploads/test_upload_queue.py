"""The queue: what it carries first, how long it rests, and what it says."""

from datetime import timedelta
from pathlib import Path

import pytest

from app.clock import FakeClock
from app.errors import StoreError, StoreRefused
from app.uploads.base import Receipt, Store
from app.uploads.inventory import UploadFile
from app.uploads.upload_queue import BACKOFF_MAX_S, LONGEST_PAUSE_S, UploadQueue
from tests.uploads.events import NOON, event_of, noon


class MemoryStore(Store):
    """Keeps keys, and fails with what it was told to, by key or for all."""

    name = "memory"

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.tried: list[str] = []
        self.failures: dict[str, OSError] = {}

    def __str__(self) -> str:
        return "the memory"

    def put(self, path: Path, key: str, content_type: str) -> Receipt:  # noqa: ARG002 (nothing is read)
        self.tried.append(key)
        if failure := self.failures.get(key, self.failures.get("all")):
            raise failure
        self.kept.append(key)
        return Receipt(1, "00")


class MemorySource:
    """What it is told lies there, until it is confirmed."""

    def __init__(self, *files: UploadFile) -> None:
        self.files = list(files)
        self.confirmed: list[str] = []
        self.failure: OSError | None = None

    def waiting(self) -> list[UploadFile]:
        if self.failure:
            raise self.failure
        return [file for file in self.files if file.key not in self.confirmed]

    def confirm(self, file: UploadFile, receipt: Receipt) -> None:
        assert receipt == Receipt(1, "00")
        self.confirmed.append(file.key)


def file(key: str, hours_ago: float = 1.0, size: int = 1_000_000) -> UploadFile:
    return UploadFile(Path("/events") / key, key, "video/mp4", size, 1, event_of(hours_ago))


class Work:
    """A queue that is stepped by hand."""

    def __init__(self, *files: UploadFile, every_s: float = 300.0) -> None:
        self.clock: FakeClock = noon()
        self.store = MemoryStore()
        self.source = MemorySource(*files)
        self.queue = UploadQueue(self.store, self.source, self.clock, every_s)

    def trouble(self) -> str | None:
        """What it says is wrong."""
        return self.queue.trouble

    def refused(self) -> str | None:
        """What it says somebody must do."""
        return self.queue.refused

    def run(self, seconds: float) -> None:
        """Do what is due in the next *seconds*."""
        until_s = self.clock.monotonic() + seconds
        while True:
            wait_s = self.queue.step()
            assert wait_s == 0 or wait_s >= 0.01
            if self.clock.monotonic() + wait_s > until_s:
                self.clock.advance(until_s - self.clock.monotonic())
                return
            self.clock.advance(wait_s)


def test_the_oldest_event_is_uploaded_first() -> None:
    work = Work(file("b", 1), file("c", 2), file("a", 1))
    work.run(10)
    assert work.store.kept == ["c", "a", "b"]
    assert (work.queue.uploaded, work.queue.uploaded_mb, work.queue.waiting) == (3, 3.0, 0)
    assert work.queue.last_at == NOON


def test_a_new_file_is_uploaded_after_the_next_search() -> None:
    work = Work()
    work.run(1)
    work.source.files.append(file("a"))
    work.run(298)
    assert work.store.kept == []
    work.run(2)
    assert work.store.kept == ["a"]


def test_an_urgent_event_is_uploaded_now_and_first() -> None:
    work = Work()
    work.run(1)
    work.source.files += [file("old", 5), file("new", 1)]
    work.queue.hurry(event_of(1))
    work.run(1)
    assert work.store.kept == ["new", "old"]


def test_an_urgent_event_comes_next_amid_many_files() -> None:
    work = Work(*(file(f"old-{number}", 9 - number) for number in range(5)))
    for _ in range(2):
        work.queue.step()
    work.source.files.append(file("new", 0.5))
    work.queue.hurry(event_of(0.5))
    work.run(1)
    assert work.store.kept == ["old-0", "old-1", "new", "old-2", "old-3", "old-4"]


def test_a_failing_store_is_tried_less_often_and_gets_all_later() -> None:
    work = Work(file("a"))
    work.store.failures["all"] = StoreError("the memory is away")
    work.run(3600)
    tries = len(work.store.tried)
    assert 17 <= tries <= 21
    assert work.trouble() == "the memory is away; trying again"
    assert (work.queue.failures, work.queue.waiting) == (tries, 1)
    work.store.failures.clear()
    work.run(BACKOFF_MAX_S + 1)
    assert (work.store.kept, work.source.confirmed) == (["a"], ["a"])
    assert (work.trouble(), work.queue.waiting) == (None, 0)


def test_after_a_success_the_pause_is_short_again() -> None:
    work = Work(*(file(f"a{number}") for number in range(9)))
    work.store.failures["all"] = StoreError("away")
    work.run(3600)
    work.store.failures.clear()
    work.run(BACKOFF_MAX_S + 1)
    assert len(work.store.kept) == 9
    work.store.failures["all"] = StoreError("away")
    work.source.files += [file("b"), file("c")]
    work.queue.hurry(event_of(1))
    work.store.tried.clear()
    work.run(4)
    assert work.store.tried == ["b", "c", "b"]


def test_a_failing_store_is_not_tried_with_each_of_many_files() -> None:
    work = Work(*(file(f"a{number}") for number in range(1000)))
    work.store.failures["all"] = StoreError("away")
    work.run(3600)
    assert 17 <= len(work.store.tried) <= 21


@pytest.mark.parametrize(("asked_s", "rest_s"), [(17.0, 17.0), (1e9, LONGEST_PAUSE_S)])
def test_a_pause_that_the_store_asks_for_is_kept(asked_s: float, rest_s: float) -> None:
    work = Work(file("a"))
    work.store.failures["all"] = StoreError("slow down", asked_s)
    work.queue.step()
    work.store.failures.clear()
    work.run(rest_s - 0.5)
    assert work.store.kept == []
    work.run(1)
    assert work.store.kept == ["a"]


def test_an_urgent_event_does_not_break_a_pause() -> None:
    work = Work(file("a"))
    work.store.failures["all"] = StoreError("slow down", 60.0)
    work.queue.step()
    work.queue.hurry(event_of(1))
    work.run(50)
    assert len(work.store.tried) == 1


def test_a_file_that_is_never_taken_delays_no_other() -> None:
    work = Work(file("bad", 9), file("a", 3))
    work.store.failures["bad"] = StoreError("too big")
    work.run(5)
    assert work.store.kept == ["a"]
    work.run(1000)
    work.source.files.append(file("b", 1))
    work.queue.hurry(event_of(1))
    work.run(2)
    assert work.store.kept == ["a", "b"]
    assert 9 < work.store.tried.count("bad") < 15


@pytest.mark.parametrize(
    "failure", [PermissionError(13, "Permission denied"), OSError(5, "Input/output error")]
)
def test_an_unreadable_file_delays_no_other(failure: OSError) -> None:
    work = Work(file("bad", 9), file("a", 3))
    work.store.failures["bad"] = failure
    work.run(5)
    assert work.store.kept == ["a"]
    assert "/events/bad cannot be read" in str(work.queue.trouble)


def test_a_file_deleted_meanwhile_is_no_failure() -> None:
    work = Work(file("gone", 9), file("a", 3))
    work.store.failures["gone"] = FileNotFoundError(2, "gone")
    work.run(5)
    assert (work.store.kept, work.queue.failures, work.queue.trouble) == (["a"], 0, None)


def test_a_refusal_is_logged_once_and_ends_with_its_last_file(
    caplog: pytest.LogCaptureFixture,
) -> None:
    work = Work(file("a", 2), file("b", 1))
    work.store.failures["all"] = StoreRefused("no such bucket: create it")
    work.run(1000)
    assert work.refused() == "no such bucket: create it"
    assert caplog.text.count("no such bucket") == 1
    work.store.failures = {"b": StoreRefused("not this one")}
    work.run(700)
    assert work.store.kept == ["a"]
    assert work.refused() == "not this one"
    work.store.failures.clear()
    work.run(700)
    assert (work.refused(), work.store.kept) == (None, ["a", "b"])


def test_a_refused_file_that_is_deleted_is_forgotten() -> None:
    work = Work(file("a"))
    work.store.failures["all"] = StoreRefused("no such bucket")
    work.run(1)
    work.source.files.clear()
    work.run(310)
    assert (work.queue.refused, work.queue.trouble, work.queue.waiting) == (None, None, 0)


def test_an_unreadable_disk_is_logged_once_and_read_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    work = Work(file("a"), every_s=30)
    work.source.failure = OSError(5, "Input/output error")
    work.run(100)
    assert caplog.text.count("cannot be read") == 1
    work.source.failure = None
    work.run(31)
    assert (work.store.kept, work.queue.trouble) == (["a"], None)


def test_retry_now_ends_every_pause() -> None:
    work = Work(file("a"))
    work.store.failures["all"] = StoreRefused("no such bucket", 3000.0)
    work.run(1)
    work.store.failures.clear()
    work.queue.retry_now()
    work.run(0)
    assert work.store.kept == ["a"]


def test_waiting_files_are_counted_during_a_pause() -> None:
    work = Work(file("a"), every_s=30)
    work.store.failures["all"] = StoreError("slow down", 300.0)
    work.run(1)
    work.source.files += [file("b"), file("c")]
    work.run(timedelta(minutes=1).total_seconds())
    assert (work.queue.waiting, work.queue.waiting_mb) == (3, 3.0)
