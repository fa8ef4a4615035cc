"""The command /silencer: what the silencer of a camera has learned, and its switch.

The switch is a file on the camera's machine. A request asks the camera's program to change it, and
its heartbeat says how it is.
"""

from datetime import datetime
from typing import Literal

from app.commands.context import CommandContext, Invocation
from app.errors import Refused
from app.mrkdwn import one_line
from app.programs import SECURITY_SYSTEM, Program, program_of
from app.protocol import Counters, Heartbeat, Request
from app.state import Survey
from app.times import format_time, utc_time

#: The words that may follow the camera; none is "status".
ACTIONS = ("status", "on", "off")


def silencer(
    action: str, camera: str, invocation: Invocation, context: CommandContext, survey: Survey
) -> str:
    """Do *action*, one of `ACTIONS`, for the silencer of *camera*."""
    heartbeat = _heartbeat(camera, survey)
    if heartbeat and "silencer" not in heartbeat.counters:
        raise Refused(
            f"The program of camera {camera} is of an earlier version, which does not know this "
            "command."
        )
    if action == "on":
        _ask("silencer_on", camera, invocation, context)
    elif action == "off":
        _ask("silencer_off", camera, invocation, context)
    elif action != "status":
        raise Refused(
            f"What should it do? One of {', '.join(ACTIONS)}, as in /silencer {camera} on"
        )
    if heartbeat is None:
        silent = f"The program of camera {camera} is silent"
        if action == "status":
            return f"{silent}, so nothing is known about its silencer."
        return f"{silent}. Its silencer is switched {action} as soon as that runs again."
    if action == "on":
        return _begins(camera, heartbeat.counters)
    if action == "off":
        return f"The silencer of camera {camera} is off from now on: all alerts are sent."
    return status_text(camera, heartbeat, invocation.at)


def status_text(camera: str, heartbeat: Heartbeat, now: datetime) -> str:
    """Return what the silencer of *camera* does, by the *heartbeat* of that camera's program."""
    counters = heartbeat.counters
    learned = f"It has learned from {_number(counters, 'silencer_tags')} tags"
    bound = counters.get("silencer_bound")
    if lacks := _lacks(counters):
        learned += f"; {lacks}"
    elif isinstance(bound, int | float):
        learned += f". At most {bound:.1%} of people are lost (upper 95 % bound)"
    found, silenced = (_number(counters, f"silencer_{name}") for name in ("false", "silenced"))
    started = format_time(heartbeat.started_at, now)
    return (
        f"The silencer of camera {camera} {_mode(counters, now)}.\n{learned}.\n"
        f"Since {started}, when the program started, it took {found} alert{'s' * (found != 1)} for "
        f"false, and silenced {silenced}."
    )


def _heartbeat(camera: str, survey: Survey) -> Heartbeat | None:
    program = Program(SECURITY_SYSTEM, camera)
    beats = (beat for key, beat in survey.heartbeats().items() if program_of(key)[0] == program)
    return max(beats, key=lambda beat: beat.step_at, default=None)


def _ask(
    kind: Literal["silencer_on", "silencer_off"],
    camera: str,
    invocation: Invocation,
    context: CommandContext,
) -> None:
    request = Request(kind, invocation.at, invocation.by, camera, invocation.user)
    context.state.add_request(request)


def _begins(camera: str, counters: Counters) -> str:
    words = (
        f"The silencer of camera {camera} is on from now on: it holds back alerts that are like "
        "tagged false alarms. If you tag one of these as occupied, it switches itself off."
    )
    return f"{words} But {lacks}." if (lacks := _lacks(counters)) else words


def _mode(counters: Counters, now: datetime) -> str:
    mode, since = counters.get("silencer"), _since(counters, now)
    if mode == "on":
        return f"is on{since}"
    if mode == "watching":
        return (
            f"is off, and watches{since}: after seven days it reports what it would have silenced"
        )
    return "is off: all alerts are sent"


def _since(counters: Counters, now: datetime) -> str:
    found = counters.get("silencer_since")
    try:
        return f" since {format_time(utc_time(str(found)), now)}"
    except ValueError:
        return ""


def _lacks(counters: Counters) -> str:
    lacks = counters.get("silencer_lacks")
    return one_line(lacks) if isinstance(lacks, str) else ""


def _number(counters: Counters, name: str) -> int:
    found = counters.get(name)
    return int(found) if isinstance(found, int) else 0
