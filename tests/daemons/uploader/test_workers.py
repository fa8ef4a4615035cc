"""The uploader's threads: which stores they serve, and what they report."""

from pathlib import Path
from threading import Lock

import pytest

from app.clock import Clock, FakeClock, SystemClock
from app.config import load_config
from app.daemons.uploader.workers import STUCK_AFTER_S, Task, UploadWorkers, copies_folder
from app.protocol import by_label
from tests.servers.dropbox import DropboxServer
from tests.servers.programs import write_config
from tests.uploads.events import write_file
from tests.waiting import until

# The Dropbox SDK reads the time in a way that Python 3.12 warns about.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")


def make_workers(
    folder: Path, more: str, clock: Clock | None = None, folder_lock: "Lock | None" = None
) -> UploadWorkers:
    config = load_config(write_config(folder, "redis://localhost", more))
    config.data_dir.mkdir(exist_ok=True)
    return UploadWorkers(config, clock or SystemClock(), lambda _: True, folder_lock or Lock())


def test_each_configured_store_has_a_queue(tmp_path: Path) -> None:
    assert make_workers(tmp_path, "").queues == {}
    more = (
        "s3: {bucket: my-house, region: eu-central-1}\nuploads: {folder: /mnt/nas}\n"
        "dropbox: {app_key: a, refresh_token: b}\n"
    )
    assert list(make_workers(tmp_path, more).queues) == ["s3", "folder", "dropbox"]


def test_the_threads_upload_and_end(tmp_path: Path) -> None:
    with DropboxServer() as dropbox:
        workers = make_workers(tmp_path, dropbox.yaml + "disk: {min_free_gb: 0}\n")
        write_file(tmp_path / "data" / "stills" / "a.jpg", b"still")
        workers.start()
        until(
            lambda: by_label(workers.counters(), "store_uploaded")["dropbox"] == 1,
            "the still is uploaded",
        )
        until(lambda: workers.counters()["free_gb"], "the disk is checked")
        workers.check()
        assert list(workers.troubles()) == []
        workers.ask_to_stop()
        until(workers.has_ended, "all threads have ended")


def test_the_folder_for_copies_may_be_in_the_home(tmp_path: Path) -> None:
    config = load_config(write_config(tmp_path, "redis://localhost", "uploads: {folder: ~/nas}\n"))
    assert copies_folder(config) == Path.home() / "nas"


def test_a_step_that_takes_too_long_is_reported(tmp_path: Path) -> None:
    clock, folder_lock = FakeClock(), Lock()
    more = f"uploads: {{folder: {tmp_path}/copies}}\ndisk: {{min_free_gb: 0}}\n"
    workers = make_workers(tmp_path, more, clock, folder_lock)
    with folder_lock:
        workers.start()
        until(lambda: workers.counters()["free_gb"], "the disk is checked")
        clock.advance(STUCK_AFTER_S + 1)
        stuck = ["folder has made no progress for 15 min"]
        until(lambda: list(workers.troubles()) == stuck, "it is reported")
        workers.ask_to_stop()
    until(workers.has_ended, "all threads have ended")


def test_a_task_is_busy_only_during_a_step() -> None:
    clock = FakeClock()
    seen_s: list[float] = []

    def step() -> float:
        clock.advance(7)
        seen_s.append(task.busy_s)
        return 3.0

    task = Task(step, clock)
    assert (task.step(), seen_s, task.busy_s) == (3.0, [7.0], 0.0)
