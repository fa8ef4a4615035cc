"""Shared by tests of samples and stills: frames, a detector of light, and reading samples."""

import json
import tarfile
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from app import protocol
from app.config import Config, EventConfig
from app.daemons.security_system.job_queue import Job, JobQueue
from app.detector import Detector, Verdict
from app.frames import Frame
from app.motion import make_motion
from app.motion.base import MotionSettings

START = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
STORED = 4
LIGHT = MotionSettings(trigger="light")
TRAIN = EventConfig(train=True, frame_store_cnt=STORED, min_save_seconds=5, min_notify_seconds=0)
#: Is given a frame, its verdict, the detector, and the id of the event that the frame opens.
Record = Callable[[Frame, Verdict, Detector, str | None], list[threading.Event]]


def frames(levels: Sequence[float], first: int = 0) -> Iterator[Frame]:
    """Ten grey frames a second with these *levels*, numbered from *first*."""
    for number, level in enumerate(levels, first):
        picture = np.full((48, 64, 3), level, np.uint8)
        yield Frame(
            picture[:, :, 0].copy(),
            number / 10,
            START + timedelta(seconds=number / 10),
            number,
            lambda shown=picture: shown,  # type: ignore[misc]
        )


def record_all(
    record: Record, levels: Sequence[float], detector: Detector, first: int = 0
) -> list[threading.Event]:
    """Have *detector* judge `frames` and *record* take them; returns all that *record* returned."""
    returned: list[threading.Event] = []
    for frame in frames(levels, first):
        verdict = detector.judge(frame)
        opened = protocol.event_id(frame.taken_at, "fridge")
        is_opening = verdict.changed == "opened"
        returned += record(frame, verdict, detector, opened if is_opening else None)
    return returned


class ImmediateQueue(JobQueue):
    """Runs each job before `enqueue` returns."""

    def enqueue(self, job: Job, *, urgent: bool = False, counted: bool = True) -> threading.Event:  # noqa: ARG002
        job()
        done = threading.Event()
        done.set()
        return done


def config(data_dir: Path, **sections: Any) -> Config:
    return Config(**{"data_dir": data_dir, "motion": LIGHT, "events": TRAIN, **sections})


def detector_of(settings: Config) -> Detector:
    return Detector(make_motion(settings.motion), settings.events.for_detector())


def samples(data_dir: Path) -> list[dict[str, Any]]:
    """The facts of all samples, oldest first."""
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
