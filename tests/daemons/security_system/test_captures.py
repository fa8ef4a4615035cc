"""Samples and stills of a camera, step by step: when there is one, what the motion sensor adds, and
what a full disk takes.
"""

import json
import logging
import tarfile
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gpiozero.pins.mock import MockFactory

from app import protocol
from app.config import CameraConfig, Config, EventConfig
from app.daemons.security_system.captures import Keepsakes
from app.daemons.security_system.job_queue import Darkroom, Job
from app.detector import Detector
from app.frames import Frame
from app.motion import make_motion
from app.motion.base import MotionSettings
from app.uploads.base import DiskSettings, DropboxSettings
from tests.waiting import until

START = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
STORED = 4
LIGHT = MotionSettings(trigger="light")
TRAIN = EventConfig(train=True, frame_store_cnt=STORED, min_save_seconds=5, min_notify_seconds=0)
ROOMY = DiskSettings(min_free_gb=0)


def config(data_dir: Path, **sections: Any) -> Config:
    return Config(
        **{"data_dir": data_dir, "motion": LIGHT, "events": TRAIN, "disk": ROOMY, **sections}
    )


def show(
    kept: Keepsakes,
    script: Sequence[float],
    settings: Config,
    first: int = 0,
    detector: Detector | None = None,
) -> list[threading.Event]:
    """Ten frames a second, of these levels, judged by a detector that takes light for its trigger.
    Returns what alerts have to wait for.
    """
    awaited: list[threading.Event] = []
    detector = detector or Detector(make_motion(settings.motion), settings.events)
    event = None
    for number, level in enumerate(script, first):
        picture = np.full((48, 64, 3), level, np.uint8)
        frame = Frame(
            picture[:, :, 0].copy(),
            number / 10,
            START + timedelta(seconds=number / 10),
            number,
            lambda shown=picture: shown,  # type: ignore[misc]
        )
        verdict = detector.judge(frame)
        if verdict.changed == "opened":
            event = protocol.event_id(frame.taken_at, "fridge")
        awaited += kept.look(frame, verdict, event, detector)
        if verdict.changed == "closed":
            event = None
    return awaited


def samples(data_dir: Path) -> list[dict[str, Any]]:
    found = []
    for path in sorted(data_dir.glob("events/*/*/sample.tar")):
        with tarfile.open(path) as tar:
            facts = next(
                json.load(member)
                for one in tar
                if one.name.endswith(".json") and (member := tar.extractfile(one))
            )
        assert facts["id"] == path.parent.name
        found.append(facts)
    return found


class AtOnce(Darkroom):
    """Does each job before anything else."""

    def add(self, job: Job, *, urgent: bool = False, counts: bool = True) -> threading.Event:  # noqa: ARG002
        job()
        over = threading.Event()
        over.set()
        return over


def run(settings: Config, *scripts: Sequence[float], view: CameraConfig | None = None) -> Keepsakes:
    """Show the scripts one after another, with a pause between."""
    kept = Keepsakes("fridge", settings, view or CameraConfig(), AtOnce())
    kept.open()
    for place, script in enumerate(scripts):
        show(kept, script, settings, first=1000 * place)
    kept.close()
    return kept


def test_each_alert_is_a_sample_with_the_frames_before_it_and_the_level_of_the_light(
    tmp_path: Path,
) -> None:
    run(config(tmp_path), [5] * 20 + [120] * 10 + [5] * 10 + [90] * 10)
    alerts = samples(tmp_path)
    assert [(one["kind"], one["number"]) for one in alerts] == [("alert", 22), ("alert", 42)]
    assert [[stored["number"] for stored in one["frames"]] for one in alerts] == [
        [18, 19, 20, 21],
        [38, 39, 40, 41],
    ]
    assert [one["classification"]["level"] for one in alerts] == [120, 90]
    assert alerts[0]["contours"] == []
    assert alerts[0]["settings"]["motion"]["thresh"] == 50


def test_an_alert_can_wait_until_its_sample_is_on_disk(tmp_path: Path) -> None:
    kept = Keepsakes("fridge", config(tmp_path), CameraConfig())
    awaited = show(kept, [5] * 80 + [120] * 10 + [5] * 10, config(tmp_path))
    assert len(awaited) == 1
    assert awaited[0].wait(10)
    assert "alert" in [one["kind"] for one in samples(tmp_path)]
    full = config(tmp_path, disk=DiskSettings(min_free_gb=1e6))
    kept.configure(full, CameraConfig())
    (refused,) = show(kept, [5] * 20 + [120] * 10, full, first=200)
    assert refused.wait(10)
    kept.close()


def test_an_event_that_is_no_alert_is_no_sample(tmp_path: Path) -> None:
    seldom = EventConfig(train=True, min_save_seconds=1000, min_notify_seconds=30)
    run(config(tmp_path, events=seldom), [5] * 20 + [120] * 10 + [5] * 10 + [90] * 10)
    assert len(samples(tmp_path)) == 1


def test_a_quiet_room_is_kept_every_so_often_while_nothing_moves(tmp_path: Path) -> None:
    run(config(tmp_path), [5] * 120 + [120] * 55 + [5] * 60)
    quiet = [one for one in samples(tmp_path) if one["kind"] == "quiet"]
    # After 5 s and 10 s; from 12 s to 17.7 s somebody is there, and who stands still then is still
    # there.
    assert [one["number"] for one in quiet] == [50, 100, 227]
    assert not any(one["classification"]["motion"] for one in quiet)


def test_a_room_in_which_somebody_may_stand_still_is_not_taken_for_a_quiet_one(
    tmp_path: Path,
) -> None:
    run(config(tmp_path), ([120] * 5 + [5] * 40) * 6)
    assert [one["kind"] for one in samples(tmp_path)] == ["alert"] * 6


def test_who_stands_still_while_the_background_is_learned_anew_is_not_taken_for_a_quiet_room(
    tmp_path: Path,
) -> None:
    settings = config(tmp_path, motion=MotionSettings())
    detector = Detector(make_motion(settings.motion), settings.events)
    kept = Keepsakes("fridge", settings, CameraConfig(), AtOnce())
    show(kept, [5] * 40, settings, detector=detector)
    detector.relearn()
    show(kept, [5] * 80, settings, first=40, detector=detector)
    assert [one["number"] for one in samples(tmp_path)] == [99]


def test_a_flicker_that_is_no_event_puts_a_quiet_room_off_for_as_long_as_it_is_among_the_frames(
    tmp_path: Path,
) -> None:
    run(config(tmp_path), [5] * 49 + [120] + [5] * 20)
    assert [(one["kind"], one["number"]) for one in samples(tmp_path)] == [("quiet", 50 + STORED)]


def test_frames_from_before_the_camera_was_off_are_not_taken_for_those_before_an_alert(
    tmp_path: Path,
) -> None:
    run(config(tmp_path), [5] * 20, [5, 5, 120, 120, 120])
    (alert,) = samples(tmp_path)
    assert [stored["number"] for stored in alert["frames"]] == [1000, 1001, 1002, 1003]


def test_without_training_nothing_is_kept(tmp_path: Path) -> None:
    kept = run(config(tmp_path, events=EventConfig()), [5] * 100 + [120] * 10)
    assert list(tmp_path.iterdir()) == []
    assert kept.counters() == {}


def test_what_the_motion_sensor_says_is_with_every_frame(tmp_path: Path, pins: MockFactory) -> None:
    settings, view = config(tmp_path), CameraConfig(pir_pin=17)
    kept = Keepsakes("fridge", settings, view, AtOnce())
    kept.open()
    detector = Detector(make_motion(settings.motion), settings.events)
    show(kept, [5] * 3, settings, detector=detector)
    pins.pin(17).drive_high()
    show(kept, [120] * 3, settings, first=3, detector=detector)
    assert kept.counters()["pir"] is True
    pins.pin(17).drive_low()
    kept.close()
    (alert,) = samples(tmp_path)
    assert (alert["pir"], alert["pir_now"]) == ([False, False, True, True], True)


def test_another_pin_is_listened_to_without_a_restart(tmp_path: Path, pins: MockFactory) -> None:
    settings = config(tmp_path, events=EventConfig())
    kept = Keepsakes("fridge", settings, CameraConfig(pir_pin=17), AtOnce())
    kept.open()
    kept.configure(settings, CameraConfig(pir_pin=18))
    pins.pin(18).drive_high()
    show(kept, [5], settings)
    assert kept.counters() == {"pir": True}
    kept.configure(settings, CameraConfig())
    show(kept, [5], settings, first=1)
    assert kept.counters() == {}


def test_stills_are_kept_for_dropbox_alone_and_as_often_as_it_wants(tmp_path: Path) -> None:
    settings = config(
        tmp_path,
        events=EventConfig(),
        dropbox=DropboxSettings(base_path="pi", min_upload_seconds=1, min_motion_frames=3),
    )
    run(settings, [5] * 10 + [120] * 30)
    # Frames 12, 24 and 36: the third with motion, and then the third from a second later on.
    assert sorted(path.name for path in (tmp_path / "stills").iterdir()) == [
        f"20261120T1015{second}Z-fridge.jpg" for second in ("01.200", "02.400", "03.600")
    ]


def test_a_disk_with_too_little_room_costs_samples_is_said_once_and_is_recovered_from(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    full = config(tmp_path, disk=DiskSettings(min_free_gb=1e6))
    kept = Keepsakes("fridge", full, CameraConfig(), AtOnce())
    with caplog.at_level(logging.INFO):
        show(kept, [5] * 20 + [120] * 10 + [5] * 10 + [90] * 10, full)
        assert samples(tmp_path) == []
        kept.configure(config(tmp_path), CameraConfig())
        show(kept, [5] * 20 + [120] * 10, config(tmp_path), first=100)
    assert len(samples(tmp_path)) == 1
    assert [record.getMessage() for record in caplog.records] == [
        "no training samples and stills are kept for now: [Errno 28] the disk has less than half "
        "of disk.min_free_gb (1e+06) left",
        "training samples and stills are kept again",
    ]
    counters = kept.counters()
    assert (counters["keepsakes"], counters["keepsakes_lost"]) == (1, 2)


def test_a_disk_that_refuses_is_the_same(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "events").touch()
    kept = run(config(tmp_path), [5] * 20 + [120] * 10)
    assert (
        "no training samples and stills are kept for now: [Errno 20] Not a directory" in caplog.text
    )
    assert kept.counters()["keepsakes_lost"] == 1


def test_of_what_a_stuck_darkroom_passes_over_samples_are_lost_and_not_each_frame_that_may_become_part_of_one(
    tmp_path: Path,
) -> None:
    stuck, done = threading.Event(), list[bool]()
    darkroom = Darkroom(most_waiting=1)
    for _ in range(2):
        darkroom.add(lambda: done.append(stuck.wait(10)), urgent=True)
    kept = Keepsakes("fridge", config(tmp_path), CameraConfig(), darkroom)
    show(kept, [5] * 20 + [120] * 10, config(tmp_path))
    stuck.set()
    kept.close()
    assert kept.counters()["keepsakes_lost"] == 1


def test_a_darkroom_that_is_stuck_passes_frames_over_and_what_is_urgent_later() -> None:
    stuck, done = threading.Event(), list[int]()
    darkroom = Darkroom(most_waiting=3)
    over = [darkroom.add(lambda: done.append(stuck.wait(10)))]
    for number in range(5):
        over.append(darkroom.add(lambda number=number: done.append(number)))  # type: ignore[misc]
    for number in range(10, 16):
        over.append(darkroom.add(lambda number=number: done.append(number), urgent=True))  # type: ignore[misc]
    assert darkroom.passed_over == 3 + 3
    assert [one.is_set() for one in over] == [False] * 3 + [True] * 3 + [False] * 3 + [True] * 3
    stuck.set()
    darkroom.close()
    assert done == [True, 0, 1, 10, 11, 12]
    assert all(one.is_set() for one in over)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_mistake_in_the_darkroom_ends_its_owner() -> None:
    def mistake() -> None:
        raise ValueError("a mistake")

    darkroom = Darkroom()
    darkroom.check()
    darkroom.add(mistake)
    until(lambda: died(darkroom), "it is noticed")


def died(darkroom: Darkroom) -> bool:
    try:
        darkroom.check()
    except RuntimeError as error:
        return "the thread darkroom has ended" in str(error)
    return False
