"""Sources of frames: the Pi's own cameras, USB and network cameras, files, and a drawn room."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

from app.cameras.address import redacted
from app.cameras.base import Camera, CameraSettings, Pace
from app.clock import Clock, SystemClock
from app.frames import Frame

_SYNTHETIC = "synthetic:"


def make_camera(
    name: str,
    settings: CameraSettings,
    clock: Clock,
    pace: Pace = "own",
    *,
    networks: Sequence[Path] = (),
    focus_file: Path | None = None,
) -> Camera:
    """Return the camera that `settings.source` names; messages call it *name*.

    The first of *networks* that works is loaded into the sensor, if that is one of a Pi AI camera.
    *focus_file* keeps the focus that the Pi's camera has found.

    The source is `auto` (the Pi's own camera), `demo`, `synthetic:SCENE`, an http, https, rtsp or
    rtsps address, a V4L2 device such as /dev/video0, or the path of a file. Nothing is checked
    here: `open` raises the errors.
    """
    source = settings.source
    label = f"{name} ({redacted(source)})"
    if source == "auto":
        return _pi_camera(label, settings, clock, networks, focus_file)
    if is_endless(source):
        from app.cameras.synthetic.camera import SyntheticCamera

        return SyntheticCamera(label, settings, clock, pace, scene=source.removeprefix(_SYNTHETIC))
    from app.cameras.video import VideoCamera

    return VideoCamera(label, settings, clock, pace)


def fast_frames(name: str, settings: CameraSettings) -> Iterator[Frame]:
    """Yield the frames of a video or of a drawn scene as fast as they can be made.

    *name* is that of the camera in messages.
    """
    with closing(make_camera(name, settings, SystemClock(), pace="fast")) as camera:
        camera.open()
        yield from camera.frames()


def is_endless(source: str) -> bool:
    """Return whether *source* is a drawn scene, which has no end."""
    return source == "demo" or source.startswith(_SYNTHETIC)


def _pi_camera(
    label: str,
    settings: CameraSettings,
    clock: Clock,
    networks: Sequence[Path],
    focus_file: Path | None,
) -> Camera:
    if find_spec("picamera") and not find_spec("picamera2"):
        from app.cameras.picamera import PicameraCamera

        return PicameraCamera(label, settings, clock)
    from app.cameras.picamera2 import Picamera2Camera

    return Picamera2Camera(label, settings, clock, networks, focus_file)
