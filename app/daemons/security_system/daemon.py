"""The security system: owns one camera and its pan-tilt, sees motion, and tells the house what
happens.

    python -m app.daemons.security_system [--camera NAME] [--source SOURCE]

A step is a frame. Whatever may make it wait has a thread of its own: the camera's feed before it,
the link to disk and Redis behind it.
"""

import logging
import math
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from app import protocol
from app.alert_text import AlertText
from app.cameras import make_camera
from app.cameras.base import Camera, PacketSink
from app.cameras.live import CameraChange, CameraFeed
from app.clock import Clock
from app.config import CameraConfig
from app.daemon import Counters, Daemon
from app.daemons.security_system.captures import Keepsakes
from app.daemons.security_system.clip_deadlines import Owed
from app.daemons.security_system.clips import Clips
from app.daemons.security_system.event_reporter import Casebook
from app.daemons.security_system.left_open import LeftOpen
from app.daemons.security_system.pan_tilt import Aim
from app.daemons.security_system.publisher import Link, News
from app.daemons.security_system.spool import Spool
from app.detector import Detector, Event, EventSettings, Verdict
from app.errors import ConfigError
from app.frames import Frame, jpeg
from app.motion import make_motion
from app.motion.base import MotionSettings, Polygon
from app.pantilt import make_pantilt
from app.protocol import Fact, Heartbeat, Position
from app.recording.event_folder import EventFolders
from app.state import Latest, State

#: How long a step waits for a frame, so that switches and signals are obeyed in time.
FRAME_WAIT_S = 0.25
#: How often a picture is sent to somebody who watches.
LIVE_EVERY_S = 0.2
LINK_TIMEOUT_S = 2.0

_log = logging.getLogger(__name__)


class SecuritySystem(Daemon):
    """One camera of the house: *camera* names it in the configuration, *source* is played instead
    of its own if given.
    """

    name = "security_system"
    hang_s = 30.0

    def __init__(
        self,
        camera: str | None = None,
        source: str | None = None,
        folder: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(folder, clock=clock)
        self._name = self.camera = self._chosen(camera)
        self._source = source
        self._settings = self._camera_config()
        folders = EventFolders(self.config.data_dir)
        spool = Spool(self.config.data_dir / "spool" / self._name)
        self._link = Link(
            self._name, State(self.config.redis.url, LINK_TIMEOUT_S), folders, spool, self.clock
        )
        self._owed = Owed(self._link.tell, self.clock)
        self._casebook = Casebook(self._name, self._link, folders, self._wording(), self._owed)
        self._clips = Clips(
            self._name, self.config, folders, self._link, self.clock, owed=self._owed
        )
        self._feed = CameraFeed(self._make_camera, self.clock, self._settings, self._packets_to())
        self._detector = self._make_detector()
        self._aim = self._make_aim()
        self._keepsakes = Keepsakes(self._name, self.config, self._settings)
        self._left_open = LeftOpen(
            self.config.events.open_threshold_seconds, partial(self._link.note, "opening")
        )
        self._last_frame: Frame | None = None
        self._frames = 0
        self._rate = _Rate(self.clock)
        self._learning = False
        self._level: float | None = None
        self._images_given = 0
        self._latest_s = float("-inf")
        self._live_s = float("-inf")

    def open(self) -> None:
        self._link.open()
        self._casebook.end_forgotten()
        self._left_open.resume(self._link.noted("opening"), self.clock.now())
        self._link.start()
        self._clips.open()
        self._keepsakes.open()

    def step(self) -> float:
        self._link.check()
        self._clips.check()
        self._keepsakes.check()
        self._owed.step()
        wishes = self._link.wishes
        if not (wishes.known or self._link.away):
            return 0.02
        if self._aim.turn_to(wishes.target or self._home()):
            self._turned()
        self._clips.follow(wishes, self._feed.state == "open")
        if not wishes.armed:
            self._disarm()
            return FRAME_WAIT_S
        if self._feed.state == "closed":
            self._arm()
        frame = self._feed.next(FRAME_WAIT_S)
        for change in self._feed.take_changes():
            self._tell_camera(change)
        if frame:
            self._see(frame)
        self.report_trouble(self._trouble())
        return 0.0

    def close(self) -> None:
        self._feed.close()
        self._end_event()
        self._clips.close()
        self._owed.step()
        self._keepsakes.close()
        self._link.stop()
        self._aim.close()

    def configure(self) -> None:
        """Take over what has changed, and disturb nothing else. Redis and data_dir wait for a
        restart.
        """
        before, self._settings = self._settings, self._camera_config()
        after = self._settings
        self._keepsakes.configure(self.config, after)
        filmed = self._clips.on
        self._clips.configure(self.config)
        self._casebook.wording = self._wording()
        self._left_open.threshold_s = self.config.events.open_threshold_seconds
        if self._seen_by != self._seeing():
            self._end_event()
            self._detector = self._make_detector(self._detector.last_alert_at_s)
        if before.pantilt != after.pantilt:
            self._aim.close()
            self._aim = self._make_aim()
        if (
            replace(before, masks=(), pantilt=after.pantilt, pir_pin=after.pir_pin)
            != replace(after, masks=())
            or filmed != self._clips.on
        ):
            self._end_event()
            self._clips.cut()
            self._feed.change(self._make_camera, after, self._packets_to())

    def counters(self) -> Counters:
        return {
            "camera": self._feed.state,
            "armed": self._link.wishes.armed,
            "frames": self._frames,
            "frames_per_s": self._rate.take(self._frames),
            "dropped": self._feed.dropped,
            "corrupt": self._feed.corrupt,
            "reopened": self._feed.reopened,
            "learning": self._learning,
            **({} if self._level is None else {"light": round(self._level, 1)}),
            "turning": not self._aim.settled,
            "events": self._casebook.count,
            "event_open": self._casebook.is_open,
            "waiting_for_redis": self._link.waiting,
            "handover_s": self._link.last_handover_s,
            **self._clips.counters(),
            **self._keepsakes.counters(),
        }

    def send_heartbeat(self, key: str, heartbeat: Heartbeat) -> None:
        self._link.beat(key, heartbeat)

    def _chosen(self, camera: str | None) -> str:
        names = list(self.config.cameras)
        if camera is None and len(names) == 1:
            return names[0]
        if camera is None or camera not in names:
            raise ConfigError([f"--camera: must be one of {', '.join(names)}, not {camera}"])
        return camera

    def _camera_config(self) -> CameraConfig:
        if self._name not in self.config.cameras:
            _log.error(
                "camera %s is in the configuration no more; it goes on as it was until it is "
                "stopped",
                self._name,
            )
            return self._settings
        found = self.config.cameras[self._name]
        return replace(found, source=self._source) if self._source else found

    def _make_camera(self) -> Camera:
        return make_camera(self._name, self._settings, self.clock)

    def _seeing(self) -> tuple[MotionSettings, EventSettings, tuple[Polygon, ...]]:
        """What a detector is made from."""
        return self.config.motion, self.config.events, self._settings.masks

    def _make_detector(self, last_alert_at_s: float = -math.inf) -> Detector:
        self._seen_by = self._seeing()
        motion, events, masks = self._seen_by
        return Detector(make_motion(motion, masks), events, last_alert_at_s)

    def _wording(self) -> AlertText:
        return AlertText(self._name, self.config.motion.trigger, self.config.events.words)

    def _packets_to(self) -> PacketSink | None:
        return self._clips.packet if self._clips.on else None

    def _make_aim(self) -> Aim:
        return Aim(make_pantilt(self._settings.pantilt), self._settings.pantilt, self.clock)

    def _home(self) -> Position | None:
        """Where the camera looks by itself, if it has a mount."""
        pantilt = self._settings.pantilt
        return None if pantilt.backend == "none" else Position(*pantilt.home)

    def _turned(self) -> None:
        self._detector.relearn()
        if self._aim.position:
            self._feed.aim(self._aim.position.pan_deg, self._aim.position.tilt_deg)
            self._link.show_position(self._aim.position)

    def _arm(self) -> None:
        _log.info("armed: the camera opens")
        self._detector.relearn()
        self._feed.open()

    def _disarm(self) -> None:
        if self._feed.state != "closed":
            _log.info("disarmed: the camera closes")
            self._feed.close()
            self._end_event()
            self._clips.cut()
            self._left_open.forget()
            self._learning = False
        self.report_trouble(self._trouble())

    def _tell_camera(self, change: CameraChange) -> None:
        now = self.clock.now()
        if change.kind == "camera_lost":
            self._end_event()
            self._clips.cut()
            text = f"Camera lost: {change.reason}"
        else:
            self._detector.relearn()
            text = f"Camera back: {self._name}, after {change.outage_s:.0f} s."
        _log.warning("%s", text)
        self._link.tell(
            News(Fact(protocol.new_fact_id(now, self._name), change.kind, now, text, self._name))
        )
        self.report_trouble(self._trouble())
        self.report_heartbeat()

    def _see(self, frame: Frame) -> None:
        self._frames += 1
        self._clips.frame(frame)
        if self._aim.settled:
            self._judge(frame)
        now_s = self.clock.monotonic()
        asked = self._link.wishes.images_asked
        if (
            self._images_given != asked
            or now_s - self._latest_s >= self.config.events.min_save_seconds
        ):
            self._images_given = asked
            self._show_latest(frame, jpeg(frame.bgr()))
        if self._link.wishes.watched and now_s - self._live_s >= LIVE_EVERY_S:
            self._live_s = now_s
            self._link.show_frame(jpeg(frame.bgr(), quality=70))

    def _judge(self, frame: Frame) -> None:
        verdict = self._detector.judge(frame)
        self._last_frame = frame
        self._learning = verdict.learning
        self._level = verdict.level
        pictures = None
        if verdict.event and verdict.changed == "opened":
            pictures = self._casebook.begin(verdict.event, frame, verdict.level)
            self._show_latest(frame, pictures.clean)
        elif verdict.event and verdict.changed == "closed":
            self._finish(verdict.event, frame)
        event = self._casebook.open_event
        samples = self._keepsakes.look(frame, verdict, event, self._detector)
        if event and verdict.event and pictures:
            # What would be lost with this process is on disk before anybody knows of the event.
            self._casebook.tell_opening(
                verdict.event, pictures, samples + self._clips.opened(event, verdict.event)
            )
        if self.config.motion.trigger == "light":
            self._watch_opening(frame, verdict)

    def _watch_opening(self, frame: Frame, verdict: Verdict) -> None:
        if (
            self._left_open.look(frame, verdict, self._casebook.open_event)
            and self._left_open.first
        ):
            self._left_open.told()
            self._clips.so_far(
                self._casebook.left_open(
                    self._left_open.first, self._left_open.lasts_s, frame.taken_at
                )
            )

    def _end_event(self) -> None:
        """End the open event, if there is one, because the camera is gone or switched off."""
        event = self._detector.close()
        if event and self._last_frame:
            self._finish(event, self._last_frame)

    def _finish(self, event: Event, frame: Frame) -> None:
        ended_at_s = frame.at_s if event.ended_at_s is None else event.ended_at_s
        self._casebook.end(
            event,
            frame.taken_at - timedelta(seconds=frame.at_s - ended_at_s),
            filmed=self._clips.on,
        )
        self._clips.closed(ended_at_s)

    def _show_latest(self, frame: Frame, picture: bytes) -> None:
        self._latest_s = self.clock.monotonic()
        self._link.show_latest(Latest(picture, frame.taken_at))

    def _trouble(self) -> str | None:
        return (
            self._feed.trouble
            or self._aim.trouble
            or self._link.disk_trouble
            or self._clips.trouble
            or self._link.away
        )


class _Rate:
    """Frames a second since the figure was last taken."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._at_s = clock.monotonic()
        self._frames = 0

    def take(self, frames: int) -> float:
        now_s = self._clock.monotonic()
        rate = (frames - self._frames) / max(now_s - self._at_s, 1e-6)
        self._at_s, self._frames = now_s, frames
        return round(rate, 2)
