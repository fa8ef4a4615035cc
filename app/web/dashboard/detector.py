"""The page Detector: what the detector sees, its masks, and its settings on trial."""

from flask import Blueprint, Response, render_template, request

from app.web.dashboard import masks
from app.web.dashboard.context import dashboard

page = Blueprint("detector", __name__)


@page.get("/detector")
def show() -> str:
    """Show what the detector of a camera sees now."""
    return render_template("detector.html", camera=_camera())


@page.get("/detector/masks", endpoint="masks")
def show_masks() -> str:
    """Show the masks and zones of a camera, and draw new ones."""
    return masks.show(_camera())


@page.get("/detector/picture/<camera>")
def picture(camera: str) -> Response:
    """Return the newest picture of *camera*."""
    return masks.picture(camera)


def _camera() -> str:
    """Return the camera that the request names; the first one if it names none."""
    config = dashboard().config
    camera = request.args.get("camera") or next(iter(config.cameras))
    masks.chosen(config, camera)
    return camera
