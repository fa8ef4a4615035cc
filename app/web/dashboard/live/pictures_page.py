"""The addresses of the live pictures, and of the messages of detectors."""

from flask import Blueprint, Response, abort, request
from werkzeug.exceptions import ServiceUnavailable

from app.programs import SECURITY_SYSTEM, Program, program_of
from app.web.dashboard import endless
from app.web.dashboard.context import dashboard
from app.web.dashboard.live.pictures import BOUNDARY, MOST_VIEWERS, CameraChannel

_FULL = f"There are {MOST_VIEWERS} live pictures already. Please close one of the other pages."

page = Blueprint("live", __name__)


@page.get("/live")
def several() -> Response:
    """Show the live pictures of each `camera` in the query, in one stream."""
    cameras = dict.fromkeys(request.args.getlist("camera"))
    return _answer([CameraChannel(camera) for camera in cameras])


@page.get("/live/<camera>")
def pictures(camera: str) -> Response:
    """Show the live pictures of *camera*."""
    return _answer([CameraChannel(camera)])


@page.get("/live/<camera>/detector")
def detector(camera: str) -> Response:
    """Send the messages of *camera*'s detector, each a line of JSON and a JPEG."""
    return _answer([CameraChannel(camera, "detector")])


def _answer(channels: list[CameraChannel]) -> Response:
    if not channels or not all(_is_known(channel.camera) for channel in channels):
        abort(404)
    live = dashboard().live
    if live.is_full:
        raise ServiceUnavailable(_FULL)
    return Response(
        live.stream(channels, endless.watch_viewer()),
        content_type=f"multipart/x-mixed-replace; boundary={BOUNDARY}",
        headers=endless.HEADERS,
    )


def _is_known(camera: str) -> bool:
    """Return whether *camera* is in the configuration, or its program runs on another machine."""
    if camera in dashboard().config.cameras:
        return True
    programs = [program_of(key)[0] for key in dashboard().state.heartbeats()]
    return Program(SECURITY_SYSTEM, camera) in programs
