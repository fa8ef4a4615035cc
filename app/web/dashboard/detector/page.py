"""The page Detector: what the detector sees, its masks, and its settings on trial."""

from flask import Blueprint, Response, render_template, request

from app.web.dashboard.context import dashboard
from app.web.dashboard.detector import masks, trial
from app.web.dashboard.live.overview import read_overview

page = Blueprint("detector", __name__)


@page.get("/detector")
def show() -> str:
    """Show what the detector of a camera sees now; or the event in the query, to try settings."""
    if event := request.args.get("event"):
        return trial.show(event)
    motion = dashboard().config.motion
    return render_template("detector.html", camera=_camera(), motion=motion)


@page.get("/detector/masks", endpoint="masks")
def show_masks() -> str:
    """Show the masks and zones of a camera, and draw new ones."""
    return masks.show(_camera())


@page.get("/detector/events", endpoint="trials")
def show_events() -> str:
    """Show the newest events, on which settings can be tried."""
    return trial.show_events()


@page.post("/detector/try/<event>", endpoint="try_event")
def try_event(event: str) -> Response:
    """Try other settings on *event*."""
    return trial.run(event)


@page.get("/detector/silence/<camera>")
def silence(camera: str) -> dict[str, str]:
    """Return why the detector of *camera* publishes no pictures."""
    masks.chosen(dashboard().config, camera)
    return {"why": _why_silent(camera)}


def _camera() -> str:
    """Return the camera that the request names; the first one if it names none."""
    config = dashboard().config
    camera = request.args.get("camera") or next(iter(config.cameras))
    masks.chosen(config, camera)
    return camera


def _why_silent(camera: str) -> str:
    house = read_overview(dashboard().commands)
    if house["away"]:
        return str(house["away"])
    words = house["cameras"][camera]["words"]
    return str(words) or "The camera is open, and its next picture comes soon."
