"""The security system: one camera and its mount, from a frame to the published event.

    python -m app.daemons.security_system [--camera NAME] [--source SOURCE] [--show]

The camera's thread judges each frame. The loop obeys the switches, and notices a camera that is
stuck. The lock `_turn` lets only one of the two work at a time. Everything else that may block has
a thread of its own, such as the publisher to disk and Redis.
"""

import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from app.cameras.base import PacketSink
from app.cameras.feed import CameraChange
from app.cameras.live import FrameUser
from app.clock import Clock
from app.config import CameraConfig
from app.config.of_camera import people_settings
from app.daemon import Counters, Daemon
from app.daemons.security_system.controls import ControlState
from app.daemons.security_system.derived_settings import chosen_camera, detector_settings
from app.daemons.security_system.frame_path import FramePath
from app.daemons.security_system.frame_rate import FrameRate
from app.daemons.security_system.mounted_camera import MountedCamera
from app.daemons.security_system.parts import CameraParts
from app.frames import Frame
from app.people.child import Spawner
from app.protocol import Heartbeat

#: The longest time between two steps of the loop; between two while an alert waits for the person
#: model, which may be silent; and between two while Redis has not answered yet.
_STEP_S, _WAITING_STEP_S, _UNKNOWN_STEP_S = 2.0, 0.5, 0.25

_log = logging.getLogger(__name__)


class SecuritySystem(Daemon):
    """One camera of the house.

    *camera* is its name in the configuration; it may be None when there is only one camera.
    *source* replaces the configured source. With *show* a window shows what the detector sees.
    """

    name = "security_system"
    hang_s = 30.0

    def __init__(
        self,
        camera: str | None = None,
        source: str | None = None,
        folder: Path | None = None,
        clock: Clock | None = None,
        *,
        profile: str | None = None,
        show: bool = False,
        spawner: Spawner | None = None,
    ) -> None:
        super().__init__(folder, profile, clock)
        self._turn = threading.RLock()
        self._name = self.camera = chosen_camera(self.config, camera)
        self._source = source
        self._settings = self._camera_config()
        common = (self._name, self.config, self._settings, self.clock)
        self._parts = CameraParts(*common, spawner=spawner, show=show)
        self._controls = self._parts.publisher.controls
        self._controls.on_change = self._parts.silencing.on_switch = self.wake
        user = FrameUser(self._take, self.wake, self._turn)
        self._mounted = MountedCamera(*common, user=user, sink=self._packet_sink())
        self._feed = self._mounted.feed
        self._rate = FrameRate(self.clock, self._name, self._settings.fps)
        self._frames = FramePath(
            *(self._name, self.config, detector_settings(self.config, self._settings)),
            self._parts,
            self.clock,
            is_settled=lambda: self._mounted.pan_tilt.settled,
            network=lambda: self._feed.network,
        )

    def open(self) -> None:
        self._parts.open(self.config, self._settings)

    def step(self) -> float:
        with self._turn:
            self._parts.check()
            if self._parts.silencing.was_switched:
                self._parts.silencing.was_switched = False
                self.report_heartbeat()
            self._parts.deadlines.step()
            wait_s = self._obey(self._controls.state)
            self._report_trouble()
            return wait_s

    def close(self) -> None:
        with self._turn:
            self._feed.close()
            self._frames.end_event()
        self._parts.close()
        self._mounted.pan_tilt.close()

    def configure(self) -> None:
        """Apply the changed settings, and leave everything else as it is.

        A changed Redis address or `data_dir` needs a restart.
        """
        with self._turn:
            self._configure()

    def _configure(self) -> None:
        self._settings = self._camera_config()
        had_clips = self._parts.clips.enabled
        self._parts.configure(self.config, self._settings)
        self._rate.fps = self._settings.fps
        self._frames.configure(self.config, detector_settings(self.config, self._settings))
        is_other = self._mounted.configure(self.config, self._settings)
        self._configure_people()
        if had_clips != self._parts.clips.enabled or is_other:
            self._frames.end_event()
            self._parts.clips.cut()
            self._mounted.remake(self._packet_sink())

    def _configure_people(self) -> None:
        people = people_settings(self.config, self._settings)
        if not self._parts.people.has(people, self.config.models_dir):
            self._frames.end_event()
            self._parts.people.configure(people, self.config.models_dir)
            if self._feed.state != "closed":
                self._open_people()

    def counters(self) -> Counters:
        with self._turn:
            return {
                "camera": self._feed.state,
                "armed": self._controls.state.armed,
                "frames": self._frames.count,
                "frames_per_s": self._rate.read(self._frames.count, self._feed.reopened),
                "dropped": self._feed.dropped,
                "corrupt": self._feed.corrupt,
                "reopened": self._feed.reopened,
                "learning": self._frames.learning,
                **({} if self._frames.level is None else {"light": round(self._frames.level, 1)}),
                "turning": not self._mounted.pan_tilt.settled,
                "objections": self._frames.detector.objections(),
                **self._parts.counters(),
            }

    def send_heartbeat(self, key: str, heartbeat: Heartbeat) -> None:
        self._parts.publisher.send_heartbeat(key, heartbeat)

    def _camera_config(self) -> CameraConfig:
        if self._name not in self.config.cameras:
            _log.error(
                "camera %s is no longer in the configuration; it continues with its last settings "
                "until it is stopped",
                self._name,
            )
            return self._settings
        found = self.config.cameras[self._name]
        return replace(found, source=self._source) if self._source else found

    def _packet_sink(self) -> PacketSink | None:
        return self._parts.clips.add_packet if self._parts.clips.enabled else None

    def _open_people(self) -> None:
        self._parts.people.open(may_have_network=self._mounted.has_networks)

    def _obey(self, wanted: ControlState) -> float:
        """Do what is *wanted* of the camera; return the seconds until it must be done again."""
        parts = self._parts
        if not (wanted.known or parts.publisher.away):
            return _UNKNOWN_STEP_S
        if self._mounted.turn(wanted):
            self._turned()
        self._mounted.focus(wanted)
        parts.clips.follow(wanted, self._feed.state == "open")
        if not wanted.armed:
            self._disarm()
            return _STEP_S
        if self._feed.state == "closed":
            self._arm()
        wait_s = self._feed.step()
        self._follow_changes()
        parts.camera_reports.step(self._feed.state, self._feed.trouble)
        parts.damage_reports.step(self._feed.pictures, self._feed.corrupt)
        parts.alerts.follow(None, self._frames.detector)
        return min(wait_s, _WAITING_STEP_S if parts.alerts.waits else _STEP_S)

    def _turned(self) -> None:
        self._frames.detector.relearn()
        self._parts.fault_reports.relearn()
        self._parts.people.relearn()
        if self._mounted.pan_tilt.position:
            self._parts.publisher.show_position(self._mounted.pan_tilt.position)

    def _arm(self) -> None:
        _log.info("armed: the camera opens")
        self._frames.detector.relearn()
        self._parts.fault_reports.relearn()
        self._parts.silencing.armed()
        self._open_people()
        self._feed.open()

    def _disarm(self) -> None:
        if self._feed.state != "closed":
            _log.info("disarmed: the camera closes")
            self._parts.say("Disarmed: the camera is closed.")
            self._feed.close()
            self._frames.end_event()
            self._parts.people.relearn()
            self._parts.model_reports.pause()
            self._parts.clips.cut()
            self._parts.left_open.forget()
            self._frames.learning = False
            self._parts.camera_reports.pause()
            self._parts.fault_reports.pause()
            self._report_trouble()
            self.report_heartbeat()

    def _take(self, frames: Sequence[Frame]) -> float:
        """Judge the next *frames*, in the camera's thread.

        Returns by how many seconds others may come late.
        """
        self._follow_changes()
        return self._frames.take(frames)

    def _follow_changes(self) -> None:
        for change in self._feed.take_changes():
            self._follow_camera(change)

    def _follow_camera(self, change: CameraChange) -> None:
        """End what cannot continue over a gap in the pictures; the alert comes when it lasts."""
        if change.kind == "back":
            self._frames.detector.relearn()
            _log.info("the camera gives pictures again, after %.0f s", change.outage_s)
        else:
            self._frames.end_event()
            self._parts.clips.cut()
            self._parts.fault_reports.pause()
            _log.warning("the camera gives no pictures: %s", change.reason)
            self._parts.say(f"The camera gives no pictures: {change.reason}")
        self._report_trouble()
        self.report_heartbeat()

    def _report_trouble(self) -> None:
        """Report the present trouble; a loss of the camera since its beginning, whatever followed.

        The reason of a loss may change, and the program may start again meanwhile.
        """
        self.report_trouble(self._trouble())
        since = self._parts.camera_reports.lost_since
        if self.trouble and self._feed.trouble and since:
            self.trouble = replace(self.trouble, at=since)

    def _trouble(self) -> str | None:
        parts = self._parts
        return (
            self._feed.trouble
            or parts.damage_reports.trouble
            or parts.fault_reports.trouble
            or self._mounted.pan_tilt.trouble
            or parts.publisher.disk_trouble
            or parts.clips.trouble
            or parts.people.trouble
            or parts.silencing.trouble
            or parts.publisher.away
        )
