"""Every command once: its name, its usage, what it does to the house, and what it answers.

The Slack server, Socket Mode, the dashboard and the app manifest all read them from here.
`run_command` answers whatever it is given: with Redis away, or for a command that there is not, it
is a sentence that says so.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from app import protocol
from app.commands import status_text
from app.commands.context import REDIS_AWAY, CommandContext, Invocation, Reply, harmless
from app.commands.machine import busy
from app.commands.slack_names import slack_name
from app.commands.snooze import snooze
from app.errors import ProtocolError, Refused, StateUnavailable
from app.protocol import Position, Request
from app.state import Survey, within
from app.times import format_duration, format_time

#: How long Redis is waited for, all in all, so that a command is answered in time even if Redis is
#: slow.
PATIENCE_S = 2.0

_TURNING: tuple[Literal["position"], Literal["target"]] = ("position", "target")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Command:
    """One command. *usage* is what may follow its name, *help* one line on what it does, *changes*
    whether it changes anything.
    """

    name: str
    usage: str
    help: str
    changes: bool
    run: Callable[[Invocation, CommandContext, Survey], str]
    #: How many of the newest events it tells of; with 0, of no pulse either.
    events: int = 0


@dataclass(frozen=True, slots=True)
class Turn:
    """A switch, one of its two positions, and what is said of that: while it lasts, and when it
    begins.
    """

    switch: str
    value: bool
    state: str
    begins: str


def run_command(
    name: str, asked: Invocation, house: CommandContext, found: Survey | None = None
) -> Reply:
    """Do the command *name* (with or without its slash), and return what to say to who asked.
    *found* spares a look at the house.
    """
    command = COMMANDS.get(name.removeprefix("/"))
    if command is None:
        return Reply("There is no such command. /help lists them all.")
    try:
        with within(PATIENCE_S):
            return Reply(command.run(asked, house, found or look(command, house)))
    except Refused as refused:
        return Reply(str(refused))
    except StateUnavailable as error:
        _log.warning("/%s was not done: %s", command.name, error)
        return Reply(REDIS_AWAY)
    except ProtocolError as error:
        _log.error("/%s was not done: %s", command.name, error)
        return Reply(
            f"Something in Redis is not as it should be, so /{command.name} was not done. The log "
            "says what."
        )


def look(command: Command, house: CommandContext, claim: str | None = None) -> Survey:
    """How the house is, as far as *command* needs to know, unless somebody has made the same
    *claim* before.
    """
    return house.state.survey(
        *status_text.names(house.config),
        events=command.events,
        claim=claim,
        claim_life_s=protocol.SIGNATURE_LIFE_S,
    )


def _turned(turn: Turn) -> Callable[[Invocation, CommandContext, Survey], str]:
    """The command that makes *turn*."""

    def run(asked: Invocation, house: CommandContext, found: Survey) -> str:
        if found.strings[turn.switch] == str(turn.value):
            return f"{turn.state} already{status_text.since(found.strings[protocol.changed_by_key(turn.switch)], asked.at)}."
        house.switches.read(turn.switch, str(turn.value))
        house.state.set_switch(turn.switch, turn.value, asked.changed("by command"))
        return turn.begins

    return run


_ARMED = Turn("camera_status", True, "The house is armed", "Armed. The cameras watch from now on.")
_DISARMED = Turn(
    "camera_status",
    False,
    "The house is disarmed",
    "Disarmed. The cameras look at nothing until somebody arms the house.",
)
_ALERTS = Turn("camera_notifications", True, "Alerts are on", "Alerts are on from now on.")
_NO_ALERTS = Turn(
    "camera_notifications",
    False,
    "Alerts are off",
    "Alerts are off. Events and pictures are kept all the same.",
)
_AUTO = Turn(
    "auto_detect_status",
    True,
    "Arming by who is home is on",
    "From now on the house arms when the last one leaves.",
)
_NO_AUTO = Turn(
    "auto_detect_status",
    False,
    "Arming by who is home is off",
    "From now on only commands arm and disarm.",
)


def _initialize(asked: Invocation, house: CommandContext, _found: Survey) -> str:
    homes = {
        name: Position(*camera.pantilt.home)
        for name, camera in house.config.cameras.items()
        if camera.pantilt.backend != "none"
    }
    house.state.set_switches(protocol.SWITCHES, asked.changed("/initialize"))
    house.state.end_snooze()
    for name, home in homes.items():
        house.state.put(protocol.camera_key(name, "target"), home)
    turned = f" {', '.join(homes)} turns to {_degrees_of(homes)}." if homes else ""
    return (
        "Started over: armed, alerts on and not snoozed, arming by who is home on, nobody taken "
        f"for home.{turned}"
    )


def _degrees_of(homes: dict[str, Position]) -> str:
    return " and ".join(dict.fromkeys(status_text.direction(home) for home in homes.values()))


def _rotate(asked: Invocation, house: CommandContext, _found: Survey) -> str:
    camera, words = _camera(asked, house)
    numbers = [int(word) for word in words if re.fullmatch(r"[+-]?[0-9]{1,4}", word)]
    if len(words) != 2 or len(numbers) != 2 or not all(-90 <= number <= 90 for number in numbers):
        raise Refused(
            "Where to? Two whole numbers from -90 to 90: pan (left and right) and tilt (up and "
            "down), as in /rotate 30 -10"
        )
    if house.config.cameras[camera].pantilt.backend == "none":
        raise Refused(f"Camera {camera} has no pan-tilt mount, so it cannot turn.")
    target = Position(*numbers)
    house.state.put(protocol.camera_key(camera, "target"), target)
    return f"Camera {camera} turns to {status_text.direction(target)}."


def _current_position(asked: Invocation, house: CommandContext, _found: Survey) -> str:
    camera, _ = _camera(asked, house)
    if house.config.cameras[camera].pantilt.backend == "none":
        return f"Camera {camera} has no pan-tilt mount: it points where it was put."
    reached, target = (
        house.state.get(protocol.camera_key(camera, what), Position) for what in _TURNING
    )
    if reached is None:
        return f"Camera {camera} has not turned yet, so its direction is not known."
    on = (
        f" It is to turn to {status_text.direction(target)}."
        if target and target != reached
        else ""
    )
    return f"Camera {camera} points to {status_text.direction(reached)}.{on}"


def _last_image(asked: Invocation, house: CommandContext, found: Survey) -> str:
    camera, _ = _camera(asked, house)
    armed = house.switches.read("camera_status", found.strings["camera_status"])
    taken_at = None if armed else house.state.latest_taken_at(camera)
    if not armed and taken_at is None:
        return (
            f"Camera {camera} is off, and there is no picture of the last day. /pycam_on turns it "
            "on."
        )
    house.state.add_request(
        Request("last_image", asked.at, asked.by, camera, asked.user, reply_to=asked.reply_to)
    )
    if taken_at is None:
        return f"Taking a picture with camera {camera} …"
    ago = format_duration(max((asked.at - taken_at).total_seconds(), 0))
    return (
        f"Camera {camera} is off. The last picture was taken at {format_time(taken_at, asked.at)}, {ago} "
        "ago; here it comes …"
    )


def _snooze(asked: Invocation, house: CommandContext, found: Survey) -> str:
    return snooze(asked, house, found.strings["snoozed_until"])


def _clip(asked: Invocation, house: CommandContext, found: Survey) -> str:
    camera, _ = _camera(asked, house)
    if not house.config.recording.clips:
        return (
            "No clips are made here, as the settings say (recording.clips). /last_image brings a "
            "picture."
        )
    if not house.switches.read("camera_status", found.strings["camera_status"]):
        return f"Camera {camera} is off, so there is nothing to film. /pycam_on turns it on."
    house.state.add_request(
        Request("clip", asked.at, asked.by, camera, asked.user, reply_to=asked.reply_to)
    )
    before_s, after_s = house.config.recording.pre_roll_s, house.config.recording.post_roll_s
    return (
        f"Filming with camera {camera}, from {before_s:g} s before now until {after_s:g} s after; "
        "the clip comes then …"
    )


def _events(asked: Invocation, _house: CommandContext, found: Survey) -> str:
    return status_text.events(found.events(), asked.at)


def _who(asked: Invocation, house: CommandContext, found: Survey) -> str:
    return status_text.who(house, found, asked.at)


def _status(asked: Invocation, house: CommandContext, found: Survey) -> str:
    return status_text.status(house, found, asked.at)


def _top(_asked: Invocation, _house: CommandContext, _found: Survey) -> str:
    return f"*{protocol.host_name()}*\n```\n{harmless(busy())}\n```"


def _help(_asked: Invocation, house: CommandContext, _found: Survey) -> str:
    which = ", ".join(house.config.cameras)
    cameras = (
        f"CAMERA is one of: {which}."
        if len(house.config.cameras) > 1
        else f"There is one camera, {which}; it need not be named."
    )
    return "\n".join([*(_usage(command) for command in COMMANDS.values()), cameras])


def _usage(command: Command) -> str:
    usage = f"{slack_name(command.name)} {command.usage}".strip()
    return f"`/{usage}`: {command.help}"


def _camera(asked: Invocation, house: CommandContext) -> tuple[str, list[str]]:
    """The camera that *asked* is about, and the words that follow its name."""
    words, cameras = asked.text.split(), house.config.cameras
    if words and words[0].lower() in cameras:
        return words[0].lower(), words[1:]
    if len(cameras) == 1:
        return next(iter(cameras)), words
    raise Refused(f"Which camera? Name it first: {', '.join(cameras)}.")


#: Every command by its name, in the order in which /help lists them.
COMMANDS: dict[str, Command] = {
    command.name: command
    for command in (
        Command(
            "status",
            "",
            "how the house is: armed, alerts, who is home, cameras, programs",
            False,
            _status,
            events=1,
        ),
        Command("pycam_on", "", "arm: watch, and tell what comes", True, _turned(_ARMED)),
        Command("pycam_off", "", "disarm: look at nothing", True, _turned(_DISARMED)),
        Command("last_image", "[CAMERA]", "bring a picture taken now", False, _last_image),
        Command("clip", "[CAMERA]", "bring a film of the last seconds and the next", False, _clip),
        Command("events", "", "the newest events", False, _events, events=10),
        Command("who", "", "who is home, and since when", False, _who, events=1),
        Command(
            "snooze", "30m | 2h | until 18:00 | off", "hold back alerts for a while", True, _snooze
        ),
        Command("notifications_on", "", "send alerts", True, _turned(_ALERTS)),
        Command(
            "notifications_off",
            "",
            "send no alerts; events and pictures are kept",
            True,
            _turned(_NO_ALERTS),
        ),
        Command("auto_detect_on", "", "arm and disarm by who is home", True, _turned(_AUTO)),
        Command("auto_detect_off", "", "arm and disarm by command only", True, _turned(_NO_AUTO)),
        Command(
            "rotate",
            "[CAMERA] PAN TILT",
            "turn a camera, in whole degrees from -90 to 90",
            True,
            _rotate,
        ),
        Command("current_position", "[CAMERA]", "where a camera points", False, _current_position),
        Command("top", "", "what keeps the machine busy", False, _top),
        Command(
            "initialize",
            "",
            "start over: armed, alerts and arming by who is home on, cameras to their home "
            "position",
            True,
            _initialize,
        ),
        Command("help", "", "this list", False, _help),
    )
}
