"""The security system: one camera and its mount, from a frame to the published event.

    python -m app.daemons.security_system [--camera NAME] [--source SOURCE] [--show]

The camera's thread judges each frame. The loop obeys the switches, and notices a camera that is
stuck; whoever of the two has `_turn` is alone. Everything else that may block has a thread of its
own, such as the publisher to disk and Redis.
"""

import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from app.alert_text import AlertText
from app.cameras import make_camera
from app.cameras.base import Camera, PacketSink
from app.cameras.feed import CameraChange, CameraFeed
from app.cameras.live import FrameUser
from app.clock import Clock
from app.config import CameraConfig
from app.config.of_camera import people_settings
from app.daemon import Counters, Daemon
from app.daemons.security_system.alert_decisions import AlertDecisions
from app.daemons.security_system.camera_reports import CameraReports
from app.daemons.security_system.captures import Captures
from app.daemons.security_system.clip_deadlines import ClipDeadlines
from app.daemons.security_system.clips import Clips
from app.daemons.security_system.controls import ControlState
from app.daemons.security_system.damage_reports import DamageReports
from app.daemons.security_system.derived_settings import (
    chosen_camera,
    detector_settings,
    is_other_camera,
    looks_for_faults,
    sensor_networks,
)
from app.daemons.security_system.event_reporter import EventReporter
from app.daemons.security_system.event_traces import EventTraces
from app.daemons.security_system.fault_reports import FaultReports
from app.daemons.security_system.frame_rate import FrameRate
from app.daemons.security_system.frame_way import FrameParts, FrameWay
from app.daemons.security_system.left_open import LeftOpen
from app.daemons.security_system.model_reports import ModelReports
from app.daemons.security_system.pan_tilt import PanTiltControl
from app.daemons.security_system.person_watch import PersonWatch
from app.daemons.security_system.publisher import Publisher
from app.daemons.security_system.shown_pictures import ShownPictures
from app.daemons.security_system.silencing import Silencing
from app.daemons.security_system.spool import Spool
from app.errors import ConfigError, NoDisplay
from app.frames import Frame
from app.pantilt import make_pantilt
from app.people.child import Spawner
from app.protocol import Heartbeat, Position
from app.recording.event_folder import EventFolders
from app.recording.unpainted import note_privacy
from app.state import State

if TYPE_CHECKING:
    from app.display.live import LiveDisplay

#: The longest time between two steps of the loop; between two while an alert waits for the person
#: model, which may be silent; and between two while Redis has not answered yet.
_STEP_S, _WAITING_STEP_S, _UNKNOWN_STEP_S = 2.0, 0.5, 0.25
#: The seconds that Redis may take to answer the publisher.
REDIS_TIMEOUT_S = 2.0
#: The note that keeps an opening for the next run.
_OPENING = "opening"
#: The note that keeps alerts that wait for their clips for the next run.
_ALERTS = "alerts-without-clip"

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
        folders = EventFolders(self.config.data_dir)
        spool = Spool(self.config.data_dir / "spool" / self._name)
        state = State(self.config.redis.url, REDIS_TIMEOUT_S)
        self._publisher = Publisher(self._name, state, folders, spool, self.clock)
        self._controls = self._publisher.controls
        self._controls.on_change = self.wake
        self._deadlines = ClipDeadlines(
            self._publisher.publish, self.clock, partial(self._publisher.notes.keep, _ALERTS)
        )
        self._reporter = EventReporter(
            self._name, self._publisher, folders, self._alert_text(), self._deadlines
        )
        self._clips = Clips(
            self._name,
            self.config,
            folders,
            self._publisher,
            deadlines=self._deadlines,
            clock=self.clock,
        )
        self._feed = CameraFeed(
            *(self._make_camera, self.clock, self._settings),
            FrameUser(self._take, self.wake, self._turn),
            self._packet_sink(),
        )
        self._camera_reports = CameraReports(
            self._name, self._publisher, self.clock, self._settings.lost_alert_s
        )
        self._damage_reports = DamageReports(self._name, self._publisher, self.clock)
        self._fault_reports = FaultReports(
            self._name, self._publisher, self.clock, looks_for_faults(self.config, self._settings)
        )
        self._model_reports = ModelReports(self._name, self._publisher, self.clock)
        self._people = PersonWatch(
            people_settings(self.config, self._settings), self.config.models_dir, spawner
        )
        self._networks = sensor_networks(self.config, self._settings)
        width, height = self._settings.resolution
        self._silencing = Silencing(
            self._name, self.config.folder, folders, self._publisher, self.clock, width / height
        )
        self._silencing.on_switch = self.wake
        self._alerts = AlertDecisions(
            self._people, self._reporter, self._model_reports, self.clock, self._silencing
        )
        self._pan_tilt = self._make_pan_tilt()
        self._captures = Captures(self._name, self.config, self._settings)
        self._left_open = LeftOpen(
            self.config.events.open_threshold_seconds, partial(self._publisher.notes.keep, _OPENING)
        )
        self._rate = FrameRate(self.clock, self._name, self._settings.fps)
        self._shown = ShownPictures(self._publisher, self.clock)
        self._display = self._make_display() if show else None
        self._frames = self._make_frame_way()
        self._focus_given = 0

    def open(self) -> None:
        self._note_privacy()
        self._publisher.open()
        self._deadlines.resume(self._publisher.notes.read(_ALERTS))
        self._reporter.end_unfinished()
        self._left_open.resume(self._publisher.notes.read(_OPENING), self.clock.now())
        self._camera_reports.open()
        self._damage_reports.open()
        self._fault_reports.open()
        self._model_reports.open()
        self._publisher.start()
        self._silencing.open()
        self._clips.open()
        self._captures.open()

    def step(self) -> float:
        with self._turn:
            self._check_threads()
            if self._silencing.was_switched:
                self._silencing.was_switched = False
                self.report_heartbeat()
            self._deadlines.step()
            wait_s = self._obey(self._controls.state)
            self._report_trouble()
            return wait_s

    def close(self) -> None:
        with self._turn:
            self._feed.close()
            self._frames.end_event()
        self._people.close()
        self._clips.close()
        self._deadlines.step()
        self._captures.close()
        self._silencing.close()
        self._publisher.stop()
        self._pan_tilt.close()
        self._shown.close()
        if self._display:
            self._display.close()

    def configure(self) -> None:
        """Apply the changed settings, and leave everything else as it is.

        A changed Redis address or `data_dir` needs a restart.
        """
        with self._turn:
            self._configure()

    def _configure(self) -> None:
        before, self._settings = self._settings, self._camera_config()
        before_networks, self._networks = (
            self._networks,
            sensor_networks(self.config, self._settings),
        )
        had_clips = self._clips.enabled
        self._note_privacy()
        self._captures.configure(self.config, self._settings)
        self._clips.configure(self.config)
        self._camera_reports.configure(self._settings.lost_alert_s)
        self._fault_reports.configure(looks_for_faults(self.config, self._settings))
        self._reporter.alert_text = self._alert_text()
        self._rate.fps = self._settings.fps
        self._left_open.threshold_s = self.config.events.open_threshold_seconds
        self._frames.configure(self.config, detector_settings(self.config, self._settings))
        people = people_settings(self.config, self._settings)
        if not self._people.has(people, self.config.models_dir):
            self._frames.end_event()
            self._people.configure(people, self.config.models_dir)
            if self._feed.state != "closed":
                self._open_people()
        if before.pantilt != self._settings.pantilt:
            self._pan_tilt.close()
            self._pan_tilt = self._make_pan_tilt()
        is_other = is_other_camera(before, self._settings) or before_networks != self._networks
        if had_clips != self._clips.enabled or is_other:
            self._frames.end_event()
            self._clips.cut()
            self._feed.change(self._make_camera, self._settings, self._packet_sink())

    def counters(self) -> Counters:
        with self._turn:
            return self._counters()

    def _counters(self) -> Counters:
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
            "turning": not self._pan_tilt.settled,
            "objections": self._frames.detector.objections(),
            "events": self._reporter.count,
            "event_open": self._reporter.open_event is not None,
            "waiting_for_redis": self._publisher.waiting,
            "handover_s": self._publisher.last_handover_s,
            **self._people.counters(),
            **self._silencing.counters(),
            **self._clips.counters(),
            **self._captures.counters(),
        }

    def send_heartbeat(self, key: str, heartbeat: Heartbeat) -> None:
        self._publisher.send_heartbeat(key, heartbeat)

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

    def _note_privacy(self) -> None:
        areas, now = self._settings.privacy, self.clock.now()
        note_privacy(self.config.data_dir, self._name, areas, now)

    def _make_camera(self) -> Camera:
        return make_camera(
            self._name,
            self._settings,
            self.clock,
            networks=self._networks,
            focus_file=self.config.data_dir / "spool" / self._name / "lens-position",
        )

    def _alert_text(self) -> AlertText:
        return AlertText(self._name, self.config.motion.trigger, self.config.events.words)

    def _open_people(self) -> None:
        self._people.open(may_have_network=bool(self._networks))

    def _packet_sink(self) -> PacketSink | None:
        return self._clips.add_packet if self._clips.enabled else None

    def _make_pan_tilt(self) -> PanTiltControl:
        settings = self._settings.pantilt
        return PanTiltControl(make_pantilt(settings), settings, self.clock)

    def _make_frame_way(self) -> FrameWay:
        parts = FrameParts(
            self._publisher,
            self._reporter,
            self._clips,
            self._captures,
            self._people,
            self._alerts,
            EventTraces(self._publisher, self._people),
            self._fault_reports,
            self._left_open,
            self._shown,
            self._display,
        )
        return FrameWay(
            *(self._name, self.config, detector_settings(self.config, self._settings)),
            parts,
            self.clock,
            is_settled=lambda: self._pan_tilt.settled,
            network=lambda: self._feed.network,
        )

    def _make_display(self) -> "LiveDisplay":
        from app.display.live import LiveDisplay

        try:
            display = LiveDisplay(self._name, self.clock)
        except NoDisplay as error:
            raise ConfigError([f"--show: {error}"]) from None
        display.say("No picture yet: the camera opens when the house is armed.")
        return display

    def _say(self, text: str) -> None:
        """Show *text* in the window, if there is one, while no pictures come."""
        if self._display:
            self._display.say(text)

    def _direction(self, wanted: ControlState) -> Position | None:
        """Return where the mount must point, None without a mount.

        While the camera is closed that is its park position, if it has one. Else it is where
        somebody turned it, or its home.
        """
        pantilt = self._settings.pantilt
        if pantilt.backend == "none":
            return wanted.target
        if pantilt.park and not wanted.armed and self._feed.state == "closed":
            return Position(*pantilt.park)
        return wanted.target or Position(*pantilt.home)

    def _turned(self) -> None:
        self._frames.detector.relearn()
        self._fault_reports.relearn()
        self._people.relearn()
        if self._pan_tilt.position:
            self._feed.aim(self._pan_tilt.position.pan_deg, self._pan_tilt.position.tilt_deg)
            self._publisher.show_position(self._pan_tilt.position)

    def _check_threads(self) -> None:
        """Raise `RuntimeError` when a mistake has ended a thread."""
        self._publisher.check()
        self._clips.check()
        self._captures.check()
        self._shown.check()
        self._people.check()

    def _obey(self, wanted: ControlState) -> float:
        """Do what is *wanted* of the camera; return the seconds until it must be done again."""
        if not (wanted.known or self._publisher.away):
            return _UNKNOWN_STEP_S
        if self._pan_tilt.turn_to(self._direction(wanted)):
            self._turned()
        if self._focus_given != wanted.focus_asked:
            self._focus_given = wanted.focus_asked
            self._feed.refocus()
        self._clips.follow(wanted, self._feed.state == "open")
        if not wanted.armed:
            self._disarm()
            return _STEP_S
        if self._feed.state == "closed":
            self._arm()
        wait_s = self._feed.step()
        self._follow_changes()
        self._camera_reports.step(self._feed.state, self._feed.trouble)
        self._damage_reports.step(self._feed.pictures, self._feed.corrupt)
        self._alerts.follow(None, self._frames.detector)
        return min(wait_s, _WAITING_STEP_S if self._alerts.waits else _STEP_S)

    def _arm(self) -> None:
        _log.info("armed: the camera opens")
        self._frames.detector.relearn()
        self._fault_reports.relearn()
        self._silencing.armed()
        self._open_people()
        self._feed.open()

    def _disarm(self) -> None:
        if self._feed.state != "closed":
            _log.info("disarmed: the camera closes")
            self._say("Disarmed: the camera is closed.")
            self._feed.close()
            self._frames.end_event()
            self._people.relearn()
            self._model_reports.pause()
            self._clips.cut()
            self._left_open.forget()
            self._frames.learning = False
            self._camera_reports.pause()
            self._fault_reports.pause()
            self._report_trouble()
            self.report_heartbeat()

    def _take(self, frames: Sequence[Frame]) -> bool:
        """Judge the next *frames*, in the camera's thread; return whether others may come late."""
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
            self._clips.cut()
            self._fault_reports.pause()
            _log.warning("the camera gives no pictures: %s", change.reason)
            self._say(f"The camera gives no pictures: {change.reason}")
        self._report_trouble()
        self.report_heartbeat()

    def _report_trouble(self) -> None:
        """Report the present trouble; a loss of the camera since its beginning, whatever followed.

        The reason of a loss may change, and the program may start again meanwhile.
        """
        self.report_trouble(self._trouble())
        since = self._camera_reports.lost_since
        if self.trouble and self._feed.trouble and since:
            self.trouble = replace(self.trouble, at=since)

    def _trouble(self) -> str | None:
        return (
            self._feed.trouble
            or self._damage_reports.trouble
            or self._fault_reports.trouble
            or self._pan_tilt.trouble
            or self._publisher.disk_trouble
            or self._clips.trouble
            or self._people.trouble
            or self._silencing.trouble
            or self._publisher.away
        )
