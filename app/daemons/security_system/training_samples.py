"""Which moments become training samples: each alert, and now and then one while nothing moves."""

import threading
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from app import protocol
from app.config import CameraConfig, Config
from app.daemons.security_system.job_queue import Darkroom
from app.detector import Detector, Verdict
from app.frames import Frame, Image
from app.motion.base import View
from app.recording.event_folder import EventFolders
from app.recording.samples import SAMPLE_NAME, FrameStore, Moment, write_sample

#: Makes the file at a path by a function that is given it, or counts it as lost.
Keep = Callable[[Path, Callable[[Path], None]], None]


class Sampler:
    """Keeps the last frames of *camera*, in *darkroom*, and has *keep* make files of what is worth
    learning from.

    A room is quiet when nothing moved in any of the frames that are kept, and there was no event
    for `min_save_seconds`: somebody who stands still is soon taken for background, and is still
    there.
    """

    def __init__(
        self, camera: str, config: Config, view: CameraConfig, darkroom: Darkroom, keep: Keep
    ) -> None:
        self._camera = camera
        self._events = config.events
        self._settings = _plain_settings(config, view)
        self._folders = EventFolders(config.data_dir)
        self._darkroom = darkroom
        self._keep = keep
        self._store = FrameStore(config.events.frame_store_cnt)
        self._still_frames = 0
        self._quiet_from_s: float | None = None

    @property
    def megabytes(self) -> float:
        """How much memory the last frames take."""
        return self._store.megabytes

    def forget(self) -> None:
        """Let go of what was seen so far, which has nothing to do with what comes."""
        self._still_frames = 0
        self._quiet_from_s = None
        self._darkroom.add(self._store.clear, urgent=True, counts=False)

    def look(
        self,
        frame: Frame,
        verdict: Verdict,
        event: str | None,
        detector: Detector,
        pir: bool | None,
    ) -> list[threading.Event]:
        """*detector* has judged *frame* so, while *event* was open and the motion sensor said
        *pir*.

        If that opens an event that has a sample, what this returns is set as soon as that is a
        file, or will be none.
        """
        samples = []
        still = not (verdict.motion or verdict.event or verdict.learning)
        self._still_frames = self._still_frames + 1 if still else 0
        if self._quiet_from_s is None or verdict.event or verdict.learning:
            self._quiet_from_s = frame.at_s
        if verdict.changed == "opened" and verdict.event and verdict.event.alert and event:
            samples.append(
                self._develop(
                    Moment(event, "alert", frame, pir, *self._judged(verdict, detector.view()))
                )
            )
        elif (
            self._still_frames > self._events.frame_store_cnt
            and frame.at_s - self._quiet_from_s >= self._events.min_save_seconds
        ):
            self._quiet_from_s = frame.at_s
            sample = protocol.event_id(frame.taken_at, self._camera)
            self._develop(
                Moment(sample, "quiet", frame, pir, *self._judged(verdict, detector.view()))
            )
        self._darkroom.add(partial(self._store.append, frame, pir), counts=False)
        return samples

    def _judged(
        self, verdict: Verdict, view: View | None
    ) -> tuple[dict[str, Any], dict[str, Image]]:
        """What was made of a frame, and the pictures that it was compared by."""
        found = {
            "motion": verdict.motion,
            "area_px": verdict.area_px,
            "boxes": verdict.boxes,
            "level": verdict.level,
        }
        facts: dict[str, Any] = {
            "camera": self._camera,
            "classification": found,
            "settings": self._settings,
            "contours": [],
        }
        if view is None:
            return facts, {}
        facts["contours"] = [
            {"box": contour.box, "area_px": contour.area_px} for contour in view.contours
        ]
        return facts, {"background": view.background, "delta": view.delta}

    def _develop(self, moment: Moment) -> threading.Event:
        path = (
            self._folders.folder(moment.sample, protocol.event_started_at(moment.sample))
            / SAMPLE_NAME
        )
        return self._darkroom.add(
            partial(self._keep, path, lambda path: write_sample(path, moment, self._store)),
            urgent=True,
        )


def _plain_settings(config: Config, view: CameraConfig) -> dict[str, Any]:
    """What decided about the frames. The source is left out, which may hold a password."""
    events = asdict(config.events)
    del events["words"]
    camera = {
        "resolution": view.resolution,
        "fps": view.fps,
        "vflip": view.vflip,
        "hflip": view.hflip,
        "masks": view.masks,
    }
    return {"motion": asdict(config.motion), "events": events, "camera": camera}
