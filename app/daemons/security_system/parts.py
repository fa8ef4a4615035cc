"""The parts of the program of one camera: made together, opened, checked and closed together."""

from functools import partial
from typing import TYPE_CHECKING

from app.alert_text import AlertText
from app.clock import Clock
from app.config import CameraConfig, Config
from app.config.of_camera import people_settings
from app.daemon import Counters
from app.daemons.security_system.alert_decisions import AlertDecisions
from app.daemons.security_system.camera_reports import CameraReports
from app.daemons.security_system.captures import Captures
from app.daemons.security_system.clip_deadlines import ClipDeadlines
from app.daemons.security_system.clips import Clips
from app.daemons.security_system.damage_reports import DamageReports
from app.daemons.security_system.derived_settings import looks_for_faults
from app.daemons.security_system.event_reporter import EventReporter
from app.daemons.security_system.event_traces import EventTraces
from app.daemons.security_system.fault_reports import FaultReports
from app.daemons.security_system.left_open import LeftOpen
from app.daemons.security_system.model_reports import ModelReports
from app.daemons.security_system.person_watch import PersonWatch
from app.daemons.security_system.publisher import Publisher
from app.daemons.security_system.shown_pictures import ShownPictures
from app.daemons.security_system.silencing import Silencing
from app.daemons.security_system.spool import Spool
from app.errors import ConfigError, NoDisplay
from app.people.child import Spawner
from app.recording.event_folder import EventFolders
from app.recording.unpainted import hidden_since, note_privacy
from app.state import State

if TYPE_CHECKING:
    from app.display.live import LiveDisplay

#: The seconds that Redis may take to answer the publisher.
REDIS_TIMEOUT_S = 2.0
#: The note that keeps an opening for the next run.
_OPENING = "opening"
#: The note that keeps alerts that wait for their clips for the next run.
_ALERTS = "alerts-without-clip"


class CameraParts:
    """The parts of the program of *camera* to which its frames and events go.

    *spawner* starts the process of the person model. With *show* a window shows what the detector
    sees; `ConfigError` says that there is no display for it.
    """

    def __init__(
        self,
        camera: str,
        config: Config,
        settings: CameraConfig,
        clock: Clock,
        *,
        spawner: Spawner | None = None,
        show: bool = False,
    ) -> None:
        self._camera = camera
        self._clock = clock
        self._folders = EventFolders(config.data_dir)
        self.publisher = self._make_publisher(config)
        keep = self.publisher.notes.keep
        self.deadlines = ClipDeadlines(self.publisher.publish, clock, partial(keep, _ALERTS))
        self.reporter = EventReporter(
            camera, self.publisher, self._folders, self._alert_text(config), self.deadlines
        )
        self.clips = Clips(
            camera,
            config,
            self._folders,
            self.publisher,
            deadlines=self.deadlines,
            clock=clock,
        )
        self.captures = Captures(camera, config, settings)
        self.left_open = LeftOpen(config.events.open_threshold_seconds, partial(keep, _OPENING))
        self._make_reports(config, settings)
        self.people = PersonWatch(people_settings(config, settings), config.models_dir, spawner)
        self.silencing = self._make_silencing(config, settings)
        self.alerts = AlertDecisions(
            self.people, self.reporter, self.model_reports, clock, self.silencing
        )
        self.traces = EventTraces(self.publisher, self.people)
        self.shown = ShownPictures(self.publisher, clock)
        self.display = self._make_display() if show else None

    def open(self, config: Config, settings: CameraConfig) -> None:
        """Take over what an earlier run has left, and start the threads."""
        self._note_privacy(config, settings)
        self.publisher.open()
        self.deadlines.resume(self.publisher.notes.read(_ALERTS))
        self.reporter.end_unfinished()
        self.left_open.resume(self.publisher.notes.read(_OPENING), self._clock.now())
        self.camera_reports.open()
        self.damage_reports.open()
        self.fault_reports.open()
        self.model_reports.open()
        self.publisher.start()
        self.silencing.open()
        self.clips.open()
        self.captures.open()

    def configure(self, config: Config, settings: CameraConfig) -> None:
        """Apply changed settings, except those of the person model, which may end an event."""
        self._note_privacy(config, settings)
        self.captures.configure(config, settings)
        self.clips.configure(config)
        self.camera_reports.configure(settings.lost_alert_s)
        self.fault_reports.configure(looks_for_faults(config, settings))
        self.reporter.alert_text = self._alert_text(config)
        self.left_open.threshold_s = config.events.open_threshold_seconds

    def check(self) -> None:
        """Raise `RuntimeError` when a mistake has ended a thread."""
        self.publisher.check()
        self.clips.check()
        self.captures.check()
        self.shown.check()
        self.people.check()

    def say(self, text: str) -> None:
        """Show *text* in the window, if there is one, while no pictures come."""
        if self.display:
            self.display.say(text)

    def counters(self) -> Counters:
        """Return the figures of these parts for the heartbeat."""
        return {
            "events": self.reporter.count,
            "event_open": self.reporter.open_event is not None,
            "waiting_for_redis": self.publisher.waiting,
            "handover_s": self.publisher.last_handover_s,
            **self.people.counters(),
            **self.silencing.counters(),
            **self.clips.counters(),
            **self.captures.counters(),
        }

    def close(self) -> None:
        """Finish open work, and end the threads."""
        self.people.close()
        self.clips.close()
        self.deadlines.step()
        self.captures.close()
        self.silencing.close()
        self.publisher.stop()
        self.shown.close()
        if self.display:
            self.display.close()

    def _make_publisher(self, config: Config) -> Publisher:
        state = State(config.redis.url, REDIS_TIMEOUT_S)
        spool = Spool(config.data_dir / "spool" / self._camera)
        return Publisher(self._camera, state, self._folders, spool, self._clock)

    def _make_reports(self, config: Config, settings: CameraConfig) -> None:
        common = (self._camera, self.publisher, self._clock)
        self.camera_reports = CameraReports(*common, settings.lost_alert_s)
        self.damage_reports = DamageReports(*common)
        self.fault_reports = FaultReports(*common, looks_for_faults(config, settings))
        self.model_reports = ModelReports(*common)

    def _make_silencing(self, config: Config, settings: CameraConfig) -> Silencing:
        width, height = settings.resolution
        where = (self._camera, config.folder, self._folders)
        return Silencing(*where, self.publisher, self._clock, width / height)

    def _make_display(self) -> "LiveDisplay":
        from app.display.live import LiveDisplay

        try:
            display = LiveDisplay(self._camera, self._clock)
        except NoDisplay as error:
            raise ConfigError([f"--show: {error}"]) from None
        display.say("No picture yet: the camera opens when the house is armed.")
        return display

    def _note_privacy(self, config: Config, settings: CameraConfig) -> None:
        note_privacy(config.data_dir, self._camera, settings.privacy, self._clock.now())
        if since := hidden_since(config.data_dir, self._camera):
            # While the house is disarmed, no newer picture takes its place.
            self.publisher.forget_latest(since)

    def _alert_text(self, config: Config) -> AlertText:
        return AlertText(self._camera, config.motion.trigger, config.events.words)
