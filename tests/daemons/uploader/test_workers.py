"""The uploader's threads: which stores they serve, and what they report."""

import time
from pathlib import Path
from threading import Lock

import pytest

from app.clock import Clock, SystemClock
from app.config import load_config
from app.daemons.uploader.workers import UploadWorkers, copies_folder
from app.protocol import by_label
from app.worker import steps_in_progress
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


def test_a_share_that_hangs_is_late_and_then_a_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.daemons.uploader.workers.STEP_LIMIT_S", 0.3)
    monkeypatch.setattr("app.daemons.uploader.workers.LASTING_S", 0.6)
    folder_lock = Lock()
    more = f"uploads: {{folder: {tmp_path}/copies}}\ndisk: {{min_free_gb: 0}}\n"
    workers = make_workers(tmp_path, more, folder_lock=folder_lock)
    assert (workers.has_result("folder"), workers.refused("folder")) == (False, None)
    with folder_lock:
        workers.start()
        until(lambda: late_threads() == ["uploads folder"], "the thread is late")
        until(lambda: workers.has_result("folder"), "the thread has lasted too long")
        assert "has not answered for an hour: look after the share" in str(
            workers.refused("folder")
        )
        workers.ask_to_stop()
    until(workers.has_ended, "all threads have ended")


def late_threads() -> list[str]:
    now_s = time.monotonic()
    return [step.name for step in steps_in_progress() if now_s - step.since_s > step.limit_s]
