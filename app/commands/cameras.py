"""The commands about one camera: its direction, its picture, its lens, and a clip of it."""

import re
from typing import Literal

from app import protocol
from app.commands import status_text
from app.commands.context import CommandContext, Invocation
from app.commands.status import camera_loss
from app.errors import Refused
from app.mrkdwn import one_line
from app.protocol import Position, Request
from app.state import Survey
from app.times import format_duration, format_time

_TURNING: tuple[Literal["position"], Literal["target"]] = ("position", "target")

_NUMBER = re.compile(r"[+-]?[0-9]{1,4}")


def rotate(invocation: Invocation, context: CommandContext, survey: Survey) -> str:
    """Turn a camera to the two angles in the words of *invocation*."""
    camera, words = named_camera(invocation, context, follow=2)
    numbers = [int(word) for word in words if _NUMBER.fullmatch(word)]
    if len(words) != 2 or len(numbers) != 2 or not all(-90 <= number <= 90 for number in numbers):
        raise Refused(
            "Where to? Two whole numbers from -90 to 90: pan (left and right) and tilt (up and "
            "down), as in /rotate 30 -10"
        )
    mount = context.config.cameras[camera].pantilt
    if mount.backend == "none":
        raise Refused(f"Camera {camera} has no pan-tilt mount, so it cannot turn.")
    target = Position(*numbers)
    context.state.put(protocol.camera_key(camera, "target"), target)
    if mount.park and not context.switches.read("camera_status", survey.strings["camera_status"]):
        return (
            f"Camera {camera} is turned away while the house is disarmed. When it is armed, it "
            f"turns to {status_text.direction(target)}."
        )
    return f"Camera {camera} turns to {status_text.direction(target)}."


def current_position(invocation: Invocation, context: CommandContext, _survey: Survey) -> str:
    """Say to which direction a camera points, and to which it turns."""
    camera, _ = named_camera(invocation, context)
    if context.config.cameras[camera].pantilt.backend == "none":
        return f"Camera {camera} has no pan-tilt mount, so it always points the same way."
    reached, target = (
        context.state.get(protocol.camera_key(camera, what), Position) for what in _TURNING
    )
    if reached is None:
        return f"Camera {camera} has not turned yet, so its direction is not known."
    reply = f"Camera {camera} points to {status_text.direction(reached)}."
    if target and target != reached:
        reply += f" It will turn to {status_text.direction(target)}."
    return reply


def last_image(invocation: Invocation, context: CommandContext, survey: Survey) -> str:
    """Ask for a picture taken now, or for the last one while the camera is off."""
    camera, _ = named_camera(invocation, context)
    armed = context.switches.read("camera_status", survey.strings["camera_status"])
    taken_at = None if armed else context.state.latest_taken_at(camera)
    if not armed and taken_at is None:
        return (
            f"Camera {camera} is off, and there is no picture from the last day. /pycam_on turns "
            "it on."
        )
    loss = camera_loss(camera, survey) if armed else None
    context.state.add_request(_camera_request("last_image", camera, invocation))
    if loss:
        return (
            f"Camera {camera} is {status_text.lost(loss, invocation.at)}. Its last picture "
            "follows, if there is one …"
        )
    if taken_at is None:
        return f"Taking a picture with camera {camera} …"
    when = format_time(taken_at, invocation.at)
    ago = format_duration(max((invocation.at - taken_at).total_seconds(), 0))
    return f"Camera {camera} is off. The last picture was taken at {when}, {ago} ago. It follows …"


def focus(invocation: Invocation, context: CommandContext, survey: Survey) -> str:
    """Ask for a new focus of the lens."""
    camera, _ = named_camera(invocation, context)
    settings = context.config.cameras[camera]
    if settings.source != "auto":
        raise Refused(f"Camera {camera} is not the Pi's own camera, so its lens cannot be moved.")
    if isinstance(settings.focus, float):
        raise Refused(
            f"The lens of camera {camera} is set to {settings.focus:g} m "
            f"(cameras.{camera}.focus). With focus: auto it finds the distance itself."
        )
    if not context.switches.read("camera_status", survey.strings["camera_status"]):
        return f"Camera {camera} is off, so it cannot focus. /pycam_on turns it on."
    context.state.add_request(_camera_request("focus", camera, invocation))
    return (
        f"Camera {camera} looks for the sharpest picture, if its lens can move. That takes some "
        "seconds, in which nothing is detected. /last_image shows the result."
    )


def clip(invocation: Invocation, context: CommandContext, survey: Survey) -> str:
    """Ask for a clip of the last seconds and the next."""
    camera, _ = named_camera(invocation, context)
    recording = context.config.recording
    if not recording.clips:
        return (
            "The settings say that no clips are made (recording.clips). /last_image sends a "
            "picture."
        )
    if not context.switches.read("camera_status", survey.strings["camera_status"]):
        return f"Camera {camera} is off, so there is nothing to record. /pycam_on turns it on."
    loss = camera_loss(camera, survey)
    if loss:
        lost = status_text.lost(loss, invocation.at)
        return f"Camera {camera} is {lost}. So there is nothing to record."
    context.state.add_request(_camera_request("clip", camera, invocation))
    return (
        f"Recording a clip with camera {camera}, from {recording.pre_roll_s:g} s before now until "
        f"{recording.post_roll_s:g} s after; the clip follows then …"
    )


def _camera_request(
    kind: Literal["last_image", "clip", "focus"], camera: str, invocation: Invocation
) -> Request:
    return Request(
        kind,
        invocation.at,
        invocation.by,
        camera,
        invocation.user,
        reply_to=invocation.reply_to,
    )


def named_camera(
    invocation: Invocation, context: CommandContext, follow: int = 0
) -> tuple[str, list[str]]:
    """Return the camera that *invocation* means, and the words after its name.

    *follow* is how many words may follow the name. Where there is one camera, it need not be named.
    """
    words, cameras = invocation.text.split(), context.config.cameras
    if words and words[0].lower() in cameras:
        if not follow and len(words) > 1:
            raise Refused(f"Name one camera only, and write no word after it: {words[0].lower()}.")
        return words[0].lower(), words[1:]
    if len(words) > follow and not (follow and _NUMBER.fullmatch(words[0])):
        named, there = one_line(words[0][:40]), ", ".join(cameras)
        raise Refused(f"There is no camera {named}; there are: {there}.")
    if len(cameras) == 1:
        return next(iter(cameras)), words
    raise Refused(f"Which camera? Name it first: {', '.join(cameras)}.")
