"""A picture or a clip that somebody asked for at the page: whether it is there, or why not.

The page asks again and again until `done`. The limits of time are those for replies in Slack.
"""

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request, url_for

from app import protocol
from app.commands.status import camera_loss
from app.protocol import ClipAsked
from app.times import format_time_s, utc_time
from app.web.dashboard.context import dashboard

#: The time that a camera has for a new picture, and for a clip in addition to its own length.
PICTURE_WAIT = timedelta(seconds=5)
CLIP_MARGIN = timedelta(seconds=20)
#: A picture that is further ahead was taken by a clock that is wrong.
_AHEAD = timedelta(hours=12)

page = Blueprint("asked", __name__)

Answer = dict[str, Any]


@page.get("/asked/<camera>/<what>")
def look(camera: str, what: str) -> Response:
    """Return what became of the request for *what*, a picture or a clip, made at the time `at`."""
    finders = {"picture": _picture, "clip": _clip}
    try:
        at = utc_time(request.args.get("at", ""))
    except ValueError:
        abort(404)
    if camera not in dashboard().config.cameras or what not in finders:
        abort(404)
    if not protocol.is_moment(at):
        abort(404)
    return jsonify(finders[what](camera, at))


@page.get("/latest/<camera>.jpg")
def latest(camera: str) -> Response:
    """Return the newest picture of *camera*."""
    if camera not in dashboard().config.cameras:
        abort(404)
    found = dashboard().state.latest(camera)
    if found is None:
        abort(404)
    return Response(found.jpeg, mimetype="image/jpeg")


def _picture(camera: str, at: datetime) -> Answer:
    """Return the picture taken since *at*, else the last one, with the reason."""
    state, now = dashboard().state, dashboard().clock.now()
    taken_at = state.latest_taken_at(camera)
    if taken_at and at <= taken_at < now + _AHEAD:
        taken = format_time_s(taken_at, now)
        return _shown(camera, taken_at, f"Camera {camera}, taken at {taken}.")
    armed = _is_armed(*state.read_strings("camera_status"))
    if armed and abs(now - at) < PICTURE_WAIT:
        return {"done": False}
    excuse = "sends no picture at the moment" if armed else "is off"
    if taken_at is None:
        return {"done": True, "why": f"Camera {camera} {excuse}, and has no picture from today."}
    taken = format_time_s(taken_at, now)
    text = f"Camera {camera} {excuse}. This is its last picture, taken at {taken}."
    return _shown(camera, taken_at, text)


def _is_armed(stored: str | None) -> bool:
    return dashboard().commands.switches.read("camera_status", stored)


def _shown(camera: str, taken_at: datetime, text: str) -> Answer:
    address = url_for("asked.latest", camera=camera, taken=taken_at.isoformat())
    return {"done": True, "picture": address, "text": text}


def _clip(camera: str, at: datetime) -> Answer:
    """Return the address of the clip that was asked for since *at*, or why there is none."""
    now, recording = dashboard().clock.now(), dashboard().config.recording
    found = dashboard().state.get(protocol.camera_key(camera, "clip"), ClipAsked)
    if found is None or not at <= found.asked_at < now + _AHEAD:
        if why := _why_not_recording(camera):
            return {"done": True, "why": why}
        wait = timedelta(seconds=recording.pre_roll_s + recording.post_roll_s) + CLIP_MARGIN
        if abs(now - at) < wait:
            return {"done": False}
        seconds = round(wait.total_seconds())
        return {"done": True, "why": f"Camera {camera} has sent no clip for {seconds} s."}
    if found.event is None or found.file is None:
        why = found.why or f"Camera {camera} made no clip, and gave no reason."
        return {"done": True, "why": why}
    if found.host not in (None, protocol.host_name()):
        return {"done": True, "why": f"The clip is on the disk of {found.host}, not on this one."}
    text = f"The clip of camera {camera}, asked for at {format_time_s(at, now)}."
    return {"done": True, "clip": _clip_address(found.event, found.file), "text": text}


def _why_not_recording(camera: str) -> str | None:
    survey = dashboard().state.survey("camera_status", events=1)
    if not _is_armed(survey.strings["camera_status"]):
        return f"Camera {camera} is off, so there is no clip."
    if loss := camera_loss(camera, survey):
        return f"Camera {camera} is lost: {loss.why}"
    return None


def _clip_address(event: str, file: str) -> str:
    number = file.removeprefix("clip-").removesuffix(".mp4")
    part = int(number) if number.isdecimal() else 1
    return url_for("media.clip", event=event, part=part)
