"""Keeps training samples and stills for Dropbox from a camera's frames."""

import errno
import logging
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from app import protocol
from app.cameras.pir import MotionSensor
from app.config import CameraConfig, Config
from app.daemon import Counters
from app.daemons.security_system.job_queue import JobQueue
from app.daemons.security_system.training_samples import Sampler
from app.detector import Detector, Verdict
from app.files import has_room, write_atomic
from app.frames import Box, Frame, caption
from app.recording.stills import StillRule, still

#: After this long without a frame the camera was off, and the frames from before are of no use for
#: the next.
_PAUSE_S = 5.0

_log = logging.getLogger(__name__)


class Captures:
    """Keeps samples and stills of *camera*, by *config* and *camera_settings*.

    It gets every judged frame, and delays none. It also reads the motion sensor.
    """

    def __init__(
        self,
        camera: str,
        config: Config,
        camera_settings: CameraConfig,
        jobs: JobQueue | None = None,
    ) -> None:
        self._camera = camera
        self._jobs = jobs or JobQueue()
        self._sensor: MotionSensor | None = None
        self._pir: bool | None = None
        self._last_s = float("-inf")
        self._trouble: str | None = None
        self._kept = self._lost = 0
        self._apply(config, camera_settings)

    def open(self) -> None:
        """Open the motion sensor, if there is one."""
        if self._camera_settings.pir_pin is not None:
            self._sensor = MotionSensor(self._camera_settings.pir_pin)
            self._sensor.open()

    def configure(self, config: Config, camera_settings: CameraConfig) -> None:
        """Use *config* and *camera_settings* from now on."""
        same_pin = camera_settings.pir_pin == self._camera_settings.pir_pin
        self._apply(config, camera_settings)
        if not same_pin:
            self._close_sensor()
            self.open()

    @property
    def keep_all(self) -> bool:
        """Return whether each frame is kept for a while, for training samples."""
        return self._sampler is not None

    def record(
        self, frame: Frame, verdict: Verdict, detector: Detector, opened: str | None = None
    ) -> list[threading.Event]:
        """Keep *frame*, for which *detector* gave *verdict*, as a sample or still if it is due.

        *opened* is the id of the event that the frame opens. If that event gets a sample, the
        returned event is set when the sample is on disk or has failed.
        """
        if frame.at_s - self._last_s > _PAUSE_S and self._sampler:
            self._sampler.forget()
        self._last_s = frame.at_s
        self._pir = self._sensor.value if self._sensor else None
        samples = []
        if self._sampler:
            samples = self._sampler.record(frame, verdict, detector, opened, self._pir)
        if self._stills and self._stills.due(verdict.motion, frame.at_s):
            name = f"{protocol.event_id(frame.taken_at, self._camera)}.jpg"
            write = partial(self._write_still, frame, verdict.boxes)
            self._jobs.enqueue(partial(self._keep, self._data_dir / "stills" / name, write))
        return samples

    def counters(self) -> Counters:
        """Return the figures for the heartbeat, about samples and stills that are configured."""
        found: Counters = {} if self._camera_settings.pir_pin is None else {"pir": self._pir}
        if self._sampler:
            found["frames_kept_mb"] = round(self._sampler.megabytes, 2)
        if self._sampler or self._stills:
            lost = self._lost + self._jobs.skipped
            found |= {"captures": self._kept, "captures_lost": lost}
        return found

    def check(self) -> None:
        """Raise `RuntimeError` when a mistake has ended the thread."""
        self._jobs.check()

    def close(self) -> None:
        """Finish the waiting files and close the motion sensor."""
        self._jobs.close()
        self._close_sensor()

    def _apply(self, config: Config, camera_settings: CameraConfig) -> None:
        self._camera_settings = camera_settings
        self._data_dir = config.data_dir
        self._min_free_gb = config.disk.min_free_gb
        self._sampler: Sampler | None = None
        if config.events.train:
            self._sampler = Sampler(self._camera, config, camera_settings, self._jobs, self._keep)
        self._stills: StillRule | None = None
        dropbox = config.dropbox
        if dropbox.is_set_up or dropbox.base_path is not None:
            self._stills = StillRule(
                dropbox.min_upload_seconds, dropbox.min_motion_frames, camera_settings.fps
            )

    def _close_sensor(self) -> None:
        if self._sensor:
            self._sensor.close()
        self._sensor = self._pir = None

    def _keep(self, path: Path, write: Callable[[Path], None]) -> None:
        """Let *write* make the file at *path*.

        A file that the disk refuses is lost, because the next file is just as good.
        """
        try:
            if not has_room(path, self._min_free_gb):
                raise OSError(
                    errno.ENOSPC,
                    f"the disk has less than half of disk.min_free_gb ({self._min_free_gb:g}) left",
                )
            write(path)
        except OSError as error:
            if self._trouble is None:
                _log.error("no training samples and stills are kept for now: %s", error)
            self._trouble = str(error)
            self._lost += 1
            return
        if self._trouble:
            _log.info("training samples and stills are kept again")
        self._trouble = None
        self._kept += 1

    def _write_still(self, frame: Frame, boxes: tuple[Box, ...], path: Path) -> None:
        write_atomic(path, still(frame, boxes, caption(self._camera, frame)))
