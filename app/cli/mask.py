"""The verb `mask`: a picture with the masks of a camera, and a grid to write new ones from."""

from contextlib import closing
from pathlib import Path

import click
import cv2
import numpy as np

from app.cameras import make_camera
from app.cli.options import cameras_meant, loaded, pictures_option
from app.clock import SystemClock
from app.config import CameraConfig, Config, area_warnings
from app.config.options import config_options
from app.display.areas import with_areas
from app.errors import CameraError, StateUnavailable
from app.files import atomic_file
from app.frames import Image
from app.state import State

#: An older picture of the running program may show another direction or another mask.
_OLDEST_S = 120.0


@click.command()
@click.argument("camera", required=False)
@config_options
@pictures_option
def mask(*, camera: str | None, folder: Path | None, profile: str | None, pictures: Path) -> None:
    """Take a picture with CAMERA, or with every camera, and show its masks on it.

    The picture, a PNG, has the masks, zones and privacy masks of the configuration, and a grid of
    the coordinates in which new ones are written. While the camera's program runs, its newest
    picture is taken.
    """
    config = loaded(folder, profile)
    for name in cameras_meant(config, camera):
        settings = config.cameras[name]
        picture = _newest(config, name)
        if picture is None:
            picture = _taken(name, settings, config)
        path = pictures / f"mask-{name}.png"
        areas = {
            "mask": settings.masks,
            "zone": tuple(zone.area for zone in settings.zones),
            "privacy mask": settings.privacy,
        }
        done, encoded = cv2.imencode(".png", with_areas(picture, areas))
        try:
            with atomic_file(path, mode=0o600) as file:
                file.write(encoded.tobytes() if done else b"")
        except OSError as error:
            raise click.ClickException(f"{path}: {error.strerror or error}") from None
        click.echo(f"{name}: {path.resolve()}")
        for doubt in area_warnings(config, name):
            click.echo(doubt, err=True)


def _newest(config: Config, camera: str) -> "Image | None":
    """Return the newest picture of the running program; None without a new one."""
    with closing(State(config.redis.url, 1.0)) as state:
        try:
            latest = state.latest(camera)
        except StateUnavailable:
            return None
    if latest is None:
        return None
    age_s = (SystemClock().now() - latest.taken_at).total_seconds()
    if not 0 <= age_s <= _OLDEST_S:
        return None
    found = cv2.imdecode(np.frombuffer(latest.jpeg, np.uint8), cv2.IMREAD_COLOR)
    return None if found is None else np.asarray(found, np.uint8)


def _taken(name: str, settings: CameraConfig, config: Config) -> Image:
    camera = make_camera(name, settings, SystemClock())
    try:
        with closing(camera):
            camera.open()
            return camera.read().bgr()
    except CameraError as error:
        raise click.ClickException(config.redactor()(str(error))) from None
