"""Chooses the moments that become training samples: each alert, and sometimes a quiet room."""

import threading
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from app import protocol
from app.config import CameraConfig, Config
from app.daemons.security_system.job_queue import JobQueue
from app.detector import Detector, Verdict
from app.frames import Frame, Image
from app.recording.event_folder import EventFolders
from app.recording.samples import SAMPLE_NAME, FrameStore, Moment, write_sample

#: Makes the file at a path, by a function that gets the path, or counts the file as lost.
Keep = Callable[[Path, Callable[[Path], None]], None]


class Sampler:
    """Stores the last frames of *camera* by *jobs*; *keep* makes files of the samples.

    A room is quiet when nothing moved in any of the stored frames and there was no event for
    `min_save_seconds`. The second condition is necessary because somebody who stands still soon
    becomes part of the background.
    """

    def __init__(
        self, camera: str, config: Config, camera_settings: CameraConfig, jobs: JobQueue, keep: Keep
    ) -> None:
        self._camera = camera
        self._events = config.events
        self._settings = _plain_settings(config, camera_settings)
        self._folders = EventFolders(config.data_dir)
        self._jobs = jobs
        self._keep = keep
        self._store = FrameStore(config.events.frame_store_cnt)
        self._still_frames = 0
        self._quiet_from_s: float | None = None

    @property
    def megabytes(self) -> float:
        """Return the memory that the stored frames take, in MB."""
        return self._store.megabytes

    def forget(self) -> None:
        """Drop the stored frames: they are not directly before the next frames."""
        self._still_frames = 0
        self._quiet_from_s = None
        self._jobs.enqueue(self._store.clear, urgent=True, counted=False)

    def record(
        self,
        frame: Frame,
        verdict: Verdict,
        detector: Detector,
        opened: str | None,
        pir: bool | None = None,
    ) -> list[threading.Event]:
        """Store *frame*, judged by *detector* as *verdict*, and make a sample of it if one is due.

        *opened* is the id of the event that the frame opens; *pir* is the state of the motion
        sensor. If that event gets a sample, the returned event is set when the sample is on disk or
        has failed.
        """
        written = []
        self._follow(frame, verdict)
        if opened and verdict.event and verdict.event.alert:
            facts, pictures = self._facts(verdict, detector)
            written.append(self._write(Moment(opened, "alert", frame, pir, facts, pictures)))
        elif self._is_quiet(frame):
            self._quiet_from_s = frame.at_s
            sample = protocol.event_id(frame.taken_at, self._camera)
            facts, pictures = self._facts(verdict, detector)
            self._write(Moment(sample, "quiet", frame, pir, facts, pictures))
        self._jobs.enqueue(partial(self._store.append, frame, pir), counted=False)
        return written

    def _follow(self, frame: Frame, verdict: Verdict) -> None:
        active = verdict.event is not None or verdict.learning
        self._still_frames = 0 if verdict.motion or active else self._still_frames + 1
        if self._quiet_from_s is None or active:
            self._quiet_from_s = frame.at_s

    def _is_quiet(self, frame: Frame) -> bool:
        if self._still_frames <= self._events.frame_store_cnt or self._quiet_from_s is None:
            return False
        return frame.at_s - self._quiet_from_s >= self._events.min_save_seconds

    def _facts(
        self, verdict: Verdict, detector: Detector
    ) -> tuple[dict[str, Any], dict[str, Image]]:
        """Return the data by which the last frame was judged, and the compared pictures."""
        judged = {
            "motion": verdict.motion,
            "area_px": verdict.area_px,
            "boxes": verdict.boxes,
            "level": verdict.level,
        }
        compared = detector.comparison()
        contours = compared.contours if compared else ()
        facts = {
            "camera": self._camera,
            "classification": judged,
            "settings": self._settings,
            "contours": [{"box": one.box, "area_px": one.area_px} for one in contours],
        }
        if compared is None:
            return facts, {}
        return facts, {"background": compared.background, "delta": compared.delta}

    def _write(self, moment: Moment) -> threading.Event:
        started_at = protocol.event_started_at(moment.sample)
        path = self._folders.folder(moment.sample, started_at) / SAMPLE_NAME
        write = partial(write_sample, moment=moment, store=self._store)
        return self._jobs.enqueue(partial(self._keep, path, write), urgent=True)


def _plain_settings(config: Config, camera_settings: CameraConfig) -> dict[str, Any]:
    """Return the settings by which frames are judged, as plain values.

    The source is left out, because it may hold a password.
    """
    events = asdict(config.events)
    del events["words"]
    camera = {
        "resolution": camera_settings.resolution,
        "fps": camera_settings.fps,
        "vflip": camera_settings.vflip,
        "hflip": camera_settings.hflip,
        "masks": camera_settings.masks,
    }
    return {"motion": asdict(config.motion), "events": events, "camera": camera}
