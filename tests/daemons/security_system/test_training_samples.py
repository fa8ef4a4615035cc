"""The moments that become training samples, frame by frame, with the light as trigger."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from app.config import CameraConfig, Config, EventConfig
from app.daemons.security_system.training_samples import Sampler
from app.motion.base import MotionSettings
from tests.daemons.security_system.sampling import (
    STORED,
    ImmediateQueue,
    config,
    detector_of,
    record_all,
    samples,
)


def sampler_of(settings: Config) -> Sampler:
    def keep(path: Path, write: Callable[[Path], None]) -> None:
        write(path)

    return Sampler("fridge", settings, CameraConfig(), ImmediateQueue(), keep)


def run(settings: Config, levels: Sequence[float]) -> list[dict[str, Any]]:
    """Sample frames of these *levels*; returns the facts of all samples, oldest first."""
    record_all(sampler_of(settings).record, levels, detector_of(settings))
    return samples(settings.data_dir)


def test_each_alert_is_a_sample_with_the_frames_before_it(tmp_path: Path) -> None:
    alerts = run(config(tmp_path), [5] * 20 + [120] * 10 + [5] * 10 + [90] * 10)
    assert [(one["kind"], one["number"]) for one in alerts] == [("alert", 22), ("alert", 42)]
    assert [[stored["number"] for stored in one["frames"]] for one in alerts] == [
        [18, 19, 20, 21],
        [38, 39, 40, 41],
    ]
    assert [one["classification"]["level"] for one in alerts] == [120, 90]
    assert alerts[0]["contours"] == []
    assert alerts[0]["settings"]["motion"]["thresh"] == 50


def test_an_event_that_is_no_alert_is_no_sample(tmp_path: Path) -> None:
    seldom = EventConfig(train=True, min_save_seconds=1000, min_notify_seconds=30)
    found = run(config(tmp_path, events=seldom), [5] * 20 + [120] * 10 + [5] * 10 + [90] * 10)
    assert len(found) == 1


def test_a_quiet_room_is_kept_now_and_then(tmp_path: Path) -> None:
    found = run(config(tmp_path), [5] * 120 + [120] * 55 + [5] * 60)
    quiet = [one for one in found if one["kind"] == "quiet"]
    # After 5 s and 10 s. From 12 s to 17.7 s somebody is there, who may then stand still.
    assert [one["number"] for one in quiet] == [50, 100, 227]
    assert not any(one["classification"]["motion"] for one in quiet)


def test_a_room_where_somebody_may_stand_still_is_not_quiet(tmp_path: Path) -> None:
    found = run(config(tmp_path), ([120] * 5 + [5] * 40) * 6)
    assert [one["kind"] for one in found] == ["alert"] * 6


def test_a_room_is_not_quiet_while_the_background_is_learned(tmp_path: Path) -> None:
    settings = config(tmp_path, motion=MotionSettings(method="running_average"))
    detector, sampler = detector_of(settings), sampler_of(settings)
    record_all(sampler.record, [5] * 40, detector)
    detector.relearn()
    record_all(sampler.record, [5] * 80, detector, first=40)
    assert [one["number"] for one in samples(tmp_path)] == [99]


def test_a_flicker_delays_a_quiet_room_while_it_is_stored(tmp_path: Path) -> None:
    found = run(config(tmp_path), [5] * 49 + [120] + [5] * 20)
    assert [(one["kind"], one["number"]) for one in found] == [("quiet", 50 + STORED)]


def test_forgotten_frames_do_not_come_before_an_alert(tmp_path: Path) -> None:
    settings = config(tmp_path)
    detector, sampler = detector_of(settings), sampler_of(settings)
    record_all(sampler.record, [5] * 20, detector)
    sampler.forget()
    assert sampler.megabytes == 0
    record_all(sampler.record, [5, 5, 120, 120, 120], detector, first=1000)
    (alert,) = samples(tmp_path)
    assert [stored["number"] for stored in alert["frames"]] == [1000, 1001, 1002, 1003]
