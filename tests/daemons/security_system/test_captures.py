"""Samples and stills as files: the motion sensor, a pause of the camera, and a full disk."""

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from gpiozero.pins.mock import MockFactory

from app.config import CameraConfig, Config, EventConfig
from app.daemons.security_system.captures import Captures
from app.daemons.security_system.job_queue import JobQueue
from app.uploads.base import DiskSettings, DropboxSettings
from tests.daemons.security_system.sampling import (
    TRAIN,
    ImmediateQueue,
    config,
    detector_of,
    record_all,
    samples,
)

FULL = DiskSettings(min_free_gb=1e6)


def roomy(data_dir: Path, **sections: Any) -> Config:
    return config(data_dir, **{"disk": DiskSettings(min_free_gb=0), **sections})


def run(settings: Config, *levels: Sequence[float]) -> Captures:
    """Capture the frames of these *levels*, with a pause of the camera between two sequences."""
    captures = Captures("fridge", settings, CameraConfig(), ImmediateQueue())
    captures.open()
    for place, sequence in enumerate(levels):
        record_all(captures.record, sequence, detector_of(settings), first=1000 * place)
    captures.close()
    return captures


def test_an_alert_can_wait_until_its_sample_is_on_disk(tmp_path: Path) -> None:
    settings = roomy(tmp_path)
    captures = Captures("fridge", settings, CameraConfig())
    levels = [5] * 80 + [120] * 10 + [5] * 10
    (written,) = record_all(captures.record, levels, detector_of(settings))
    assert written.wait(10)
    assert "alert" in [one["kind"] for one in samples(tmp_path)]
    captures.configure(config(tmp_path, disk=FULL), CameraConfig())
    levels = [5] * 20 + [120] * 10
    (refused,) = record_all(captures.record, levels, detector_of(settings), first=200)
    assert refused.wait(10)
    captures.close()


def test_frames_before_a_pause_do_not_come_before_an_alert(tmp_path: Path) -> None:
    run(roomy(tmp_path), [5] * 20, [5, 5, 120, 120, 120])
    (alert,) = samples(tmp_path)
    assert [stored["number"] for stored in alert["frames"]] == [1000, 1001, 1002, 1003]


def test_without_training_nothing_is_kept(tmp_path: Path) -> None:
    captures = run(roomy(tmp_path, events=EventConfig()), [5] * 100 + [120] * 10)
    assert list(tmp_path.iterdir()) == []
    assert captures.counters() == {}


def test_the_motion_sensor_is_read_with_every_frame(tmp_path: Path, pins: MockFactory) -> None:
    settings = roomy(tmp_path)
    captures = Captures("fridge", settings, CameraConfig(pir_pin=17), ImmediateQueue())
    captures.open()
    detector = detector_of(settings)
    record_all(captures.record, [5] * 3, detector)
    pins.pin(17).drive_high()
    record_all(captures.record, [120] * 3, detector, first=3)
    assert captures.counters()["pir"] is True
    pins.pin(17).drive_low()
    captures.close()
    (alert,) = samples(tmp_path)
    assert (alert["pir"], alert["pir_now"]) == ([False, False, True, True], True)


def test_another_pin_is_read_without_a_restart(tmp_path: Path, pins: MockFactory) -> None:
    settings = roomy(tmp_path, events=EventConfig())
    captures = Captures("fridge", settings, CameraConfig(pir_pin=17), ImmediateQueue())
    captures.open()
    captures.configure(settings, CameraConfig(pir_pin=18))
    pins.pin(18).drive_high()
    record_all(captures.record, [5], detector_of(settings))
    assert captures.counters() == {"pir": True}
    captures.configure(settings, CameraConfig())
    record_all(captures.record, [5], detector_of(settings), first=1)
    assert captures.counters() == {}


def test_stills_come_as_often_as_dropbox_wants_them(tmp_path: Path) -> None:
    dropbox = DropboxSettings(base_path="pi", min_upload_seconds=1, min_motion_frames=3)
    run(roomy(tmp_path, events=EventConfig(), dropbox=dropbox), [5] * 10 + [120] * 30)
    # Frames 12, 24 and 36: the third with motion, and then the third from a second later on.
    assert sorted(path.name for path in (tmp_path / "stills").iterdir()) == [
        f"20261120T1015{second}Z-fridge.jpg" for second in ("01.200", "02.400", "03.600")
    ]


def test_a_full_disk_costs_samples_and_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = roomy(tmp_path)
    captures = Captures("fridge", config(tmp_path, disk=FULL), CameraConfig(), ImmediateQueue())
    with caplog.at_level(logging.INFO):
        levels = [5] * 20 + [120] * 10 + [5] * 10 + [90] * 10
        record_all(captures.record, levels, detector_of(settings))
        assert samples(tmp_path) == []
        captures.configure(settings, CameraConfig())
        record_all(captures.record, [5] * 20 + [120] * 10, detector_of(settings), first=100)
    assert len(samples(tmp_path)) == 1
    assert [record.getMessage() for record in caplog.records] == [
        "no training samples and stills are kept for now: [Errno 28] the disk has less than half "
        "of disk.min_free_gb (1e+06) left",
        "training samples and stills are kept again",
    ]
    counters = captures.counters()
    assert (counters["captures"], counters["captures_lost"]) == (1, 2)


def test_a_disk_that_refuses_costs_samples_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "events").touch()
    captures = run(roomy(tmp_path, events=TRAIN), [5] * 20 + [120] * 10)
    assert (
        "no training samples and stills are kept for now: [Errno 20] Not a directory" in caplog.text
    )
    assert captures.counters()["captures_lost"] == 1


def test_a_stuck_queue_loses_samples_but_no_single_frames(tmp_path: Path) -> None:
    stuck, done = threading.Event(), list[bool]()
    jobs = JobQueue(most_waiting=1)
    for _ in range(2):
        jobs.enqueue(lambda: done.append(stuck.wait(10)), urgent=True)
    settings = roomy(tmp_path)
    captures = Captures("fridge", settings, CameraConfig(), jobs)
    record_all(captures.record, [5] * 20 + [120] * 10, detector_of(settings))
    stuck.set()
    captures.close()
    assert captures.counters()["captures_lost"] == 1
