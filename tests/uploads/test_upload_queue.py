"""The upload queue: its order, its pauses, and its reports."""

from datetime import timedelta
from pathlib import Path

import pytest

from app.clock import FakeClock
from app.errors import StoreError, StoreRefused
from app.uploads.base import Receipt, Store
from app.uploads.folder_reader import UploadFile
from app.uploads.upload_queue import BACKOFF_MAX_S, LONGEST_PAUSE_S, UploadQueue
from tests.uploads.events import NOON, event_of, noon


class MemoryStore(Store):
    """Keeps keys. Fails with an entry of `failures`, by key or for "all"."""

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
    """Has the given files until they are confirmed."""

    def __init__(self, *files: UploadFile) -> None:
        self.files = list(files)
        self.confirmed: list[str] = []
        self.failure: OSError | None = None

    def waiting(self, event: str | None = None) -> list[UploadFile]:
        if self.failure:
            raise self.failure
        left = [file for file in self.files if file.key not in self.confirmed]
        return [file for file in left if event in (None, file.event)]

    def confirm(self, file: UploadFile, receipt: Receipt) -> None:
        assert receipt == Receipt(1, "00")
        self.confirmed.append(file.key)


def file(key: str, hours_ago: float = 1.0, size: int = 1_000_000) -> UploadFile:
    return UploadFile(Path("/events") / key, key, "video/mp4", size, 1, event_of(hours_ago))


class Scene:
    """A queue that the test lets take its steps."""

    def __init__(self, *files: UploadFile, every_s: float = 300.0) -> None:
        self.clock: FakeClock = noon()
        self.store = MemoryStore()
        self.source = MemorySource(*files)
        self.queue = UploadQueue(self.store, self.source, self.clock, every_s)

    def trouble(self) -> str | None:
        """Return the reported trouble."""
        return self.queue.trouble

    def refused(self) -> str | None:
        """Return the reported refusal."""
        return self.queue.refused

    def run(self, seconds: float) -> None:
        """Take all steps that are due in the next *seconds*."""
        until_s = self.clock.monotonic() + seconds
        while True:
            wait_s = self.queue.step()
            assert wait_s == 0 or wait_s >= 0.01
            if self.clock.monotonic() + wait_s > until_s:
                self.clock.advance(until_s - self.clock.monotonic())
                return
            self.clock.advance(wait_s)


def test_the_oldest_event_is_uploaded_first() -> None:
    scene = Scene(file("b", 1), file("c", 2), file("a", 1))
    scene.run(10)
    assert scene.store.kept == ["c", "a", "b"]
    assert (scene.queue.uploaded, scene.queue.uploaded_mb, scene.queue.waiting) == (3, 3.0, 0)
    assert scene.queue.last_at == NOON


def test_a_new_file_is_uploaded_after_the_next_search() -> None:
    scene = Scene()
    scene.run(1)
    scene.source.files.append(file("a"))
    scene.run(298)
    assert scene.store.kept == []
    scene.run(2)
    assert scene.store.kept == ["a"]


def test_an_urgent_event_is_uploaded_now_and_first() -> None:
    scene = Scene()
    scene.run(1)
    scene.source.files += [file("old", 5), file("new", 1)]
    scene.queue.hurry(event_of(1))
    scene.run(1)
    assert scene.store.kept == ["new"]
    scene.run(300)
    assert scene.store.kept == ["new", "old"]


def test_an_urgent_event_may_get_its_files_a_moment_later() -> None:
    scene = Scene()
    scene.queue.hurry(event_of(1))
    scene.queue.hurry(event_of(2))
    scene.run(2)
    scene.source.files += [file("late", 1), file("late too", 2)]
    scene.run(4)
    assert sorted(scene.store.kept) == ["late", "late too"]
    scene.source.files.append(file("too late", 2))
    scene.run(60)
    assert sorted(scene.store.kept) == ["late", "late too"]


def test_an_urgent_event_comes_next_amid_many_files() -> None:
    scene = Scene(*(file(f"old-{number}", 9 - number) for number in range(5)))
    for _ in range(2):
        scene.queue.step()
    scene.source.files.append(file("new", 0.5))
    scene.queue.hurry(event_of(0.5))
    scene.run(1)
    assert scene.store.kept == ["old-0", "old-1", "new", "old-2", "old-3", "old-4"]


def test_a_failing_store_is_tried_less_often_and_gets_all_later() -> None:
    scene = Scene(file("a"))
    scene.store.failures["all"] = StoreError("the memory is away")
    scene.run(3600)
    tries = len(scene.store.tried)
    assert 17 <= tries <= 21
    assert scene.trouble() == "the memory is away; trying again"
    assert (scene.queue.failures, scene.queue.waiting) == (tries, 1)
    scene.store.failures.clear()
    scene.run(BACKOFF_MAX_S + 1)
    assert (scene.store.kept, scene.source.confirmed) == (["a"], ["a"])
    assert (scene.trouble(), scene.queue.waiting) == (None, 0)


def test_after_a_success_the_pause_is_short_again() -> None:
    scene = Scene(*(file(f"a{number}") for number in range(9)))
    scene.store.failures["all"] = StoreError("away")
    scene.run(3600)
    scene.store.failures.clear()
    scene.run(BACKOFF_MAX_S + 1)
    assert len(scene.store.kept) == 9
    scene.store.failures["all"] = StoreError("away")
    scene.source.files += [file("b"), file("c")]
    scene.queue.hurry(event_of(1))
    scene.store.tried.clear()
    scene.run(4)
    assert scene.store.tried == ["b", "c", "b"]


def test_a_failing_store_is_not_tried_with_each_of_many_files() -> None:
    scene = Scene(*(file(f"a{number}") for number in range(1000)))
    scene.store.failures["all"] = StoreError("away")
    scene.run(3600)
    assert 17 <= len(scene.store.tried) <= 21


@pytest.mark.parametrize(("asked_s", "pause_s"), [(17.0, 17.0), (1e9, LONGEST_PAUSE_S)])
def test_a_pause_that_the_store_asks_for_is_kept(asked_s: float, pause_s: float) -> None:
    scene = Scene(file("a"))
    scene.store.failures["all"] = StoreError("slow down", asked_s)
    scene.queue.step()
    scene.store.failures.clear()
    scene.run(pause_s - 0.5)
    assert scene.store.kept == []
    scene.run(1)
    assert scene.store.kept == ["a"]


def test_an_urgent_event_does_not_break_a_pause() -> None:
    scene = Scene(file("a"))
    scene.store.failures["all"] = StoreError("slow down", 60.0)
    scene.queue.step()
    scene.queue.hurry(event_of(1))
    scene.run(50)
    assert len(scene.store.tried) == 1


def test_a_file_that_is_never_taken_delays_no_other() -> None:
    scene = Scene(file("bad", 9), file("a", 3))
    scene.store.failures["bad"] = StoreError("too big")
    scene.run(5)
    assert scene.store.kept == ["a"]
    scene.run(1000)
    scene.source.files.append(file("b", 1))
    scene.queue.hurry(event_of(1))
    scene.run(2)
    assert scene.store.kept == ["a", "b"]
    assert 9 < scene.store.tried.count("bad") < 15


@pytest.mark.parametrize(
    "failure", [PermissionError(13, "Permission denied"), OSError(5, "Input/output error")]
)
def test_an_unreadable_file_delays_no_other(failure: OSError) -> None:
    scene = Scene(file("bad", 9), file("a", 3))
    scene.store.failures["bad"] = failure
    scene.run(5)
    assert scene.store.kept == ["a"]
    assert "/events/bad cannot be read" in str(scene.queue.trouble)


def test_a_file_deleted_meanwhile_is_no_failure() -> None:
    scene = Scene(file("gone", 9), file("a", 3))
    scene.store.failures["gone"] = FileNotFoundError(2, "gone")
    scene.run(5)
    assert (scene.store.kept, scene.queue.failures, scene.queue.trouble) == (["a"], 0, None)


def test_a_refusal_is_logged_once_and_ends_with_its_last_file(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scene = Scene(file("a", 2), file("b", 1))
    scene.store.failures["all"] = StoreRefused("no such bucket: create it")
    scene.run(1000)
    assert scene.refused() == "no such bucket: create it"
    assert caplog.text.count("no such bucket") == 1
    scene.store.failures = {"b": StoreRefused("not this one")}
    scene.run(700)
    assert scene.store.kept == ["a"]
    assert scene.refused() == "not this one"
    scene.store.failures.clear()
    scene.run(700)
    assert (scene.refused(), scene.store.kept) == (None, ["a", "b"])


def test_a_failure_that_lasts_an_hour_is_a_refusal() -> None:
    scene = Scene(file("a"), file("b"))
    scene.store.failures["all"] = StoreError("it accepts nothing now (InvalidArgument)")
    scene.run(3500)
    assert (scene.refused(), scene.queue.settled) == (None, False)
    scene.queue.retry_now()
    scene.run(480)
    assert scene.refused() == "it accepts nothing now (InvalidArgument)"
    assert scene.queue.settled
    scene.store.failures.clear()
    scene.run(700)
    assert (scene.refused(), sorted(scene.store.kept)) == (None, ["a", "b"])


def test_a_refused_file_that_is_deleted_is_forgotten() -> None:
    scene = Scene(file("a"))
    scene.store.failures["all"] = StoreRefused("no such bucket")
    scene.run(1)
    scene.source.files.clear()
    scene.run(310)
    assert (scene.queue.refused, scene.queue.trouble, scene.queue.waiting) == (None, None, 0)


def test_an_unreadable_disk_is_logged_once_and_read_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scene = Scene(file("a"), every_s=30)
    scene.source.failure = OSError(5, "Input/output error")
    scene.run(100)
    assert caplog.text.count("cannot be read") == 1
    scene.source.failure = None
    scene.run(31)
    assert (scene.store.kept, scene.queue.trouble) == (["a"], None)


def test_retry_now_ends_every_pause() -> None:
    scene = Scene(file("a"))
    scene.store.failures["all"] = StoreRefused("no such bucket", 3000.0)
    scene.run(1)
    scene.store.failures.clear()
    scene.queue.retry_now()
    scene.run(0)
    assert scene.store.kept == ["a"]


def test_waiting_files_are_counted_during_a_pause() -> None:
    scene = Scene(file("a"), every_s=30)
    scene.store.failures["all"] = StoreError("slow down", 300.0)
    scene.run(1)
    scene.source.files += [file("b"), file("c")]
    scene.run(timedelta(minutes=1).total_seconds())
    assert (scene.queue.waiting, scene.queue.waiting_mb) == (3, 3.0)
