"""What is kept of a camera's frames beside its events: training samples, and stills for Dropbox."""

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
from app.daemons.security_system.job_queue import Darkroom
from app.daemons.security_system.training_samples import Sampler
from app.detector import Detector, Verdict
from app.files import has_room, write_atomic
from app.frames import Box, Frame, caption
from app.recording.stills import StillRule, still

#: After so long without a frame the camera was off, and what it saw before has nothing to do with
#: now.
_PAUSE_S = 5.0

_log = logging.getLogger(__name__)


class Keepsakes:
    """Those of *camera*. It is shown every frame that was judged, holds none of them up, and also
    listens to the motion sensor.
    """

    def __init__(
        self, camera: str, config: Config, view: CameraConfig, darkroom: Darkroom | None = None
    ) -> None:
        self._camera = camera
        self._darkroom = darkroom or Darkroom()
        self._sensor: MotionSensor | None = None
        self._pir: bool | None = None
        self._last_s = float("-inf")
        self._trouble: str | None = None
        self._kept = self._lost = 0
        self._take_over(config, view)

    def open(self) -> None:
        """Begin to listen to the motion sensor, if there is one."""
        if self._view.pir_pin is not None:
            self._sensor = MotionSensor(self._view.pir_pin)
            self._sensor.open()

    def configure(self, config: Config, view: CameraConfig) -> None:
        """Do as *config* says from now on."""
        same_pin = view.pir_pin == self._view.pir_pin
        self._take_over(config, view)
        if not same_pin:
            self._close_sensor()
            self.open()

    def look(
        self, frame: Frame, verdict: Verdict, event: str | None, detector: Detector
    ) -> list[threading.Event]:
        """*detector* has judged *frame* so, while *event* was open.

        If that opens an event that has a sample, what this returns is set as soon as that is a
        file, or will be none.
        """
        if frame.at_s - self._last_s > _PAUSE_S and self._sampler:
            self._sampler.forget()
        self._last_s = frame.at_s
        self._pir = self._sensor.value if self._sensor else None
        samples = (
            self._sampler.look(frame, verdict, event, detector, self._pir) if self._sampler else []
        )
        if self._stills and self._stills.due(verdict.motion, frame.at_s):
            path = (
                self._data_dir / "stills" / f"{protocol.event_id(frame.taken_at, self._camera)}.jpg"
            )
            self._darkroom.add(
                partial(self._keep, path, partial(self._write_still, frame, verdict.boxes))
            )
        return samples

    def counters(self) -> Counters:
        """The figures for the heartbeat, as far as something is kept."""
        found: Counters = {} if self._view.pir_pin is None else {"pir": self._pir}
        if self._sampler:
            found["frames_kept_mb"] = round(self._sampler.megabytes, 2)
        if self._sampler or self._stills:
            found |= {
                "keepsakes": self._kept,
                "keepsakes_lost": self._lost + self._darkroom.passed_over,
            }
        return found

    def check(self) -> None:
        """Raise `RuntimeError` when the thread has died of a mistake."""
        self._darkroom.check()

    def close(self) -> None:
        """Finish what was begun."""
        self._darkroom.close()
        self._close_sensor()

    def _take_over(self, config: Config, view: CameraConfig) -> None:
        dropbox = config.dropbox
        self._view = view
        self._data_dir = config.data_dir
        self._min_free_gb = config.disk.min_free_gb
        self._sampler = (
            Sampler(self._camera, config, view, self._darkroom, self._keep)
            if config.events.train
            else None
        )
        wanted = dropbox.is_set_up or dropbox.base_path is not None
        self._stills = (
            StillRule(dropbox.min_upload_seconds, dropbox.min_motion_frames) if wanted else None
        )

    def _close_sensor(self) -> None:
        if self._sensor:
            self._sensor.close()
        self._sensor = self._pir = None

    def _keep(self, path: Path, write: Callable[[Path], None]) -> None:
        """Have *write* make the file at *path*; what the disk does not take is lost, since the next
        one is as good.
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
