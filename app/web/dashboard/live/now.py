"""The page Now: the live pictures, the switches, and who is home."""

from flask import Blueprint, render_template

from app.web.dashboard.context import dashboard
from app.web.dashboard.live.overview import Overview, read_overview

page = Blueprint("now", __name__)

#: The step of a camera with a mount, by its buttons and by arrow keys. Seen from the camera, a
#: mount such as Pimoroni's turns left and down by higher angles.
STEP_DEG = 5
#: The buttons that hold alerts back: the text after /snooze, and the words on the button.
SNOOZES = (("30m", "30 min"), ("1h", "1 h"), ("2h", "2 h"))
_TURNS = (
    ("left", "←", STEP_DEG, 0),
    ("up", "↑", 0, -STEP_DEG),
    ("down", "↓", 0, STEP_DEG),
    ("right", "→", -STEP_DEG, 0),
)


@page.get("/")
def show() -> str:
    """Show the page."""
    house = read_overview(dashboard().commands)
    return render_template(
        "now.html",
        house=house,
        shown=_cameras(house),
        mounts=_mounts(),
        configured=set(dashboard().config.cameras),
        makes_clips=dashboard().config.recording.clips,
        snoozes=SNOOZES,
        turns=_TURNS,
    )


def _cameras(house: Overview) -> Overview:
    """Return the cameras of *house*; while Redis is away, those of the configuration."""
    unknown = {"state": "unknown", "words": "Not known.", "direction": "", "model": ""}
    found: Overview = house.get("cameras") or dict.fromkeys(dashboard().config.cameras, unknown)
    return found


def _mounts() -> dict[str, tuple[int, int]]:
    """Return the home position of each camera with a mount."""
    return {
        name: camera.pantilt.home
        for name, camera in dashboard().config.cameras.items()
        if camera.pantilt.backend != "none"
    }
