"""Everything that gives pictures: the Pi's own cameras, USB and network cameras, files, and a drawn
room.
"""

from importlib.util import find_spec

from app.cameras.base import Camera, CameraSettings, Pace
from app.clock import Clock

_DRAWN = "synthetic:"


def make_camera(name: str, settings: CameraSettings, clock: Clock, pace: Pace = "own") -> Camera:
    """The camera that `settings.source` names; *name* is what messages call it. Whatever is wrong
    with it, `open` will say.

    The source is `auto` (the Pi's own camera), `demo`, `synthetic:SCENE`, an http, https, rtsp or
    rtsps address, a /dev/video device, or the path of a file.
    """
    source = settings.source
    label = f"{name} ({shown(source)})"
    if source == "auto":
        return _pi_camera(label, settings, clock)
    if source == "demo" or source.startswith(_DRAWN):
        from app.cameras.synthetic.camera import SyntheticCamera

        return SyntheticCamera(label, settings, clock, pace, scene=source.removeprefix(_DRAWN))
    from app.cameras.video import VideoCamera

    return VideoCamera(label, settings, clock, pace)


def shown(source: str) -> str:
    """*source* without what may be secret: a user name and password, and what follows a `?` or
    `#`.
    """
    scheme, address, rest = source.partition("://")
    if not address:
        return source
    # A password may hold any sign, so all up to the last @ goes.
    host = rest.rpartition("@")[2]
    return scheme + address + host.partition("?")[0].partition("#")[0]


def _pi_camera(label: str, settings: CameraSettings, clock: Clock) -> Camera:
    if find_spec("picamera") and not find_spec("picamera2"):
        from app.cameras.picamera import PicameraCamera

        return PicameraCamera(label, settings, clock)
    from app.cameras.picamera2 import Picamera2Camera

    return Picamera2Camera(label, settings, clock)
