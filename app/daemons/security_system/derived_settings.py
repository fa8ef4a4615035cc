"""Derives from the configuration what the parts of one camera's program need."""

import math
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from app.config import CameraConfig, Config
from app.config.of_camera import people_settings, unjudged_areas
from app.detector import Detector, EventSettings
from app.errors import ConfigError
from app.frames import Polygon
from app.motion import make_motion
from app.motion.base import MotionSettings, Zone
from app.people.choice import network_files


class DetectorSettings(NamedTuple):
    """The settings from which a detector is made."""

    motion: MotionSettings
    events: EventSettings
    masks: tuple[Polygon, ...]
    zones: tuple[Zone, ...]
    fps: float

    def make(self, last_alert_at_s: float = -math.inf) -> Detector:
        """Return a new detector; *last_alert_at_s* is the time of the last alert."""
        motion = make_motion(self.motion, self.masks, self.fps, self.zones)
        return Detector(motion, self.events, last_alert_at_s, self.fps)


def chosen_camera(config: Config, camera: str | None) -> str:
    """Return the name of the camera that *camera* means; None is the only one."""
    names = list(config.cameras)
    if camera is None and len(names) == 1:
        return names[0]
    if camera is None or camera not in names:
        raise ConfigError([f"--camera: must be one of {', '.join(names)}, not {camera}"])
    return camera


def detector_settings(config: Config, settings: CameraConfig) -> DetectorSettings:
    """Return the settings of the detector of a camera with *settings*."""
    events, unjudged = config.events.for_detector(), unjudged_areas(settings)
    return DetectorSettings(config.motion, events, unjudged, settings.zones, settings.fps)


def sensor_networks(config: Config, settings: CameraConfig) -> tuple[Path, ...]:
    """Return the networks of which one is loaded into the sensor of a Pi AI camera."""
    people = people_settings(config, settings)
    if people is None or settings.source != "auto":
        return ()
    return network_files(people, config.models_dir)


def looks_for_faults(config: Config, settings: CameraConfig) -> bool:
    """Return whether faults of the camera itself are looked for."""
    return settings.camera_faults and config.motion.trigger != "light"


def is_other_camera(before: CameraConfig, after: CameraConfig) -> bool:
    """Return whether the camera must be reopened for the settings *after*."""
    same = replace(
        before,
        masks=after.masks,
        camera_faults=after.camera_faults,
        zones=after.zones,
        pantilt=after.pantilt,
        pir_pin=after.pir_pin,
        lost_alert_s=after.lost_alert_s,
    )
    return same != after
