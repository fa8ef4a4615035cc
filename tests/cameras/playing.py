"""Plays the sources of the camera tests."""

from dataclasses import replace

from app.cameras import make_camera
from app.cameras.base import Camera, CameraSettings
from app.clock import FakeClock, SystemClock
from app.errors import CameraError
from app.frames import Frame
from tests.cameras.pictures import FPS

SETTINGS = CameraSettings(fps=FPS, warmup_s=0)


def fast(source: object, **settings: object) -> Camera:
    return make_camera(
        "attic",
        replace(SETTINGS, source=str(source), **settings),  # type: ignore[arg-type]
        FakeClock(),
        "fast",
    )


def live(source: str, **settings: object) -> Camera:
    return make_camera("attic", replace(SETTINGS, source=source, **settings), SystemClock())  # type: ignore[arg-type]


def played(camera: Camera) -> tuple[list[Frame], CameraError]:
    """Return all frames of *camera*, and the error that ended it."""
    frames: list[Frame] = []
    try:
        camera.open()
        while True:
            frames.append(camera.read())
    except CameraError as error:
        return frames, error
    finally:
        camera.close()
