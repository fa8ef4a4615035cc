"""A camera and the mount that turns it: opened, turned and focused as is wanted."""

from app.cameras import make_camera
from app.cameras.base import Camera, PacketSink
from app.cameras.feed import CameraFeed
from app.cameras.live import FrameUser
from app.clock import Clock
from app.config import CameraConfig, Config
from app.daemons.security_system.controls import ControlState
from app.daemons.security_system.derived_settings import is_other_camera, sensor_networks
from app.daemons.security_system.pan_tilt import PanTiltControl
from app.pantilt import make_pantilt
from app.protocol import Position


class MountedCamera:
    """The camera *camera*, whose frames go to *user* and whose packets go to *sink*."""

    def __init__(
        self,
        camera: str,
        config: Config,
        settings: CameraConfig,
        clock: Clock,
        *,
        user: FrameUser,
        sink: PacketSink | None,
    ) -> None:
        self._camera = camera
        self._config = config
        self._settings = settings
        self._clock = clock
        self._networks = sensor_networks(config, settings)
        self._focus_given = 0
        self.feed = CameraFeed(self._make_camera, clock, settings, user, sink)
        self.pan_tilt = self._make_pan_tilt()

    @property
    def has_networks(self) -> bool:
        """Return whether a network is loaded into the sensor, if it is that of a Pi AI camera."""
        return bool(self._networks)

    def configure(self, config: Config, settings: CameraConfig) -> bool:
        """Use changed settings; return whether the camera must be made again, by `remake`."""
        before, before_networks = self._settings, self._networks
        self._config, self._settings = config, settings
        self._networks = sensor_networks(config, settings)
        if before.pantilt != settings.pantilt:
            self.pan_tilt.close()
            self.pan_tilt = self._make_pan_tilt()
        return is_other_camera(before, settings) or before_networks != self._networks

    def remake(self, sink: PacketSink | None) -> None:
        """Close the camera; the next opening makes it by the newest settings, for *sink*."""
        self.feed.change(self._make_camera, self._settings, sink)

    def turn(self, wanted: ControlState) -> bool:
        """Start to turn the camera as *wanted*; return whether it turns."""
        turns = self.pan_tilt.turn_to(self._direction(wanted))
        position = self.pan_tilt.position
        if turns and position:
            self.feed.aim(position.pan_deg, position.tilt_deg)
        return turns

    def focus(self, wanted: ControlState) -> None:
        """Focus the camera again if somebody has asked for it since the last call."""
        if self._focus_given != wanted.focus_asked:
            self._focus_given = wanted.focus_asked
            self.feed.refocus()

    def _direction(self, wanted: ControlState) -> Position | None:
        """Return where the mount must point, None without a mount.

        While the camera is closed that is its park position, if it has one. Else it is where
        somebody turned it, or its home.
        """
        pantilt = self._settings.pantilt
        if pantilt.backend == "none":
            return wanted.target
        if pantilt.park and not wanted.armed and self.feed.state == "closed":
            return Position(*pantilt.park)
        return wanted.target or Position(*pantilt.home)

    def _make_camera(self) -> Camera:
        return make_camera(
            self._camera,
            self._settings,
            self._clock,
            networks=self._networks,
            focus_file=self._config.data_dir / "spool" / self._camera / "lens-position",
        )

    def _make_pan_tilt(self) -> PanTiltControl:
        settings = self._settings.pantilt
        return PanTiltControl(make_pantilt(settings), settings, self._clock)
