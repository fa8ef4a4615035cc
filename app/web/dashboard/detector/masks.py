"""The page of masks and zones: those of a camera on its picture, and a way to draw new ones."""

from dataclasses import dataclass

from flask import render_template
from werkzeug.exceptions import NotFound

from app.config import CameraConfig, Config
from app.web.dashboard.context import dashboard

#: What somebody in a zone causes, by its `then`.
THEN = {
    "alert": "alert with its name",
    "record": "recorded, no alert",
    "ignore": "ignored",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of area: the list *key* of a camera's settings has them, and *effect* says what one
    does.

    One with *settings* is a mapping with a name, corners and rules; any other is only its corners.
    """

    name: str
    key: str
    effect: str
    settings: bool = False


KINDS = (
    Kind("mask", "masks", "ignored"),
    Kind("zone", "zones", "has rules of its own", settings=True),
    Kind("privacy mask", "privacy", "painted black"),
)


def areas_of(camera: CameraConfig) -> list[dict[str, object]]:
    """Return the areas of *camera* for the script of the page, with corners in thousandths."""
    plain: list[dict[str, object]] = [
        {"kind": kind.name, "corners": _thousandths(area)}
        for kind in KINDS
        if not kind.settings
        for area in getattr(camera, kind.key)
    ]
    zones: list[dict[str, object]] = [
        {
            "kind": "zone",
            "corners": _thousandths(zone.area),
            "name": zone.name,
            "then": zone.then,
            "min_size": zone.min_size,
        }
        for zone in camera.zones
    ]
    return plain + zones


def show(camera: str) -> str:
    """Show the areas of *camera*."""
    config = dashboard().config
    settings = chosen(config, camera)
    return render_template(
        "detector_masks.html",
        camera=camera,
        areas=areas_of(settings),
        kinds=KINDS,
        then=THEN,
        resolution=settings.resolution,
        path=config.folder / "config.yml",
        hint=_hint(config, settings),
    )


def chosen(config: Config, camera: str) -> CameraConfig:
    """Return the settings of *camera*; one that is not configured is not found."""
    if camera not in config.cameras:
        raise NotFound("There is no such camera.")
    return config.cameras[camera]


def _thousandths(area: tuple[tuple[float, float], ...]) -> list[list[int]]:
    return [[round(x * 1000), round(y * 1000)] for x, y in area]


def _hint(config: Config, camera: CameraConfig) -> str | None:
    """Return what keeps areas from their effect; None if nothing does."""
    if config.motion.trigger == "light" or config.motion.method != "structure":
        return "Zones have no effect here: they need motion.method: structure."
    if camera.pantilt.backend != "none":
        return "Areas belong to the picture: when the camera turns, they lie on other things."
    return None
