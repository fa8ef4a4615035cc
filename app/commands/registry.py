"""Every command: its name, its usage, its action, and its reply.

The Slack server, Socket Mode, the dashboard and the app manifest all read the commands from here.
`run_command` always returns a reply: when Redis is away, or there is no command of that name, the
reply says so.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from app import protocol
from app.commands import status_text
from app.commands.context import REDIS_AWAY, CommandContext, Invocation, Reply
from app.commands.machine import busy
from app.commands.pasted import plain
from app.commands.silencer import ACTIONS, silencer
from app.commands.slack_names import slack_name
from app.commands.snooze import snooze
from app.commands.status import camera_loss, last_change, names, read_status
from app.commands.tag import MOST_EVENTS, tag
from app.errors import ProtocolError, Refused, StateUnavailable
from app.mrkdwn import harmless, one_line
from app.protocol import Position, Request
from app.state import Survey, within
from app.times import format_duration, format_time

#: The longest wait for Redis in one command. Slack waits 3 s for a reply.
PATIENCE_S = 2.0

#: The events that /events shows.
_SHOWN_EVENTS = 10

_TURNING: tuple[Literal["position"], Literal["target"]] = ("position", "target")

_NUMBER = re.compile(r"[+-]?[0-9]{1,4}")

_log = logging.getLogger(__name__)

Run = Callable[[Invocation, CommandContext, Survey], str]


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    *usage* is the text that may follow its name. *help* is one line on what it does. *changes* says
    whether it changes anything.
    """

    name: str
    usage: str
    help: str
    changes: bool
    run: Run
    #: The number of newest events in its survey. With 0, the survey has no heartbeats either.
    events: int = 0
    #: The seconds for which its survey counts the decisions about alerts.
    decisions_s: int = 0
    #: Whether its reply without words is the same for everybody who asks at that moment.
    is_report: bool = False


@dataclass(frozen=True, slots=True)
class SwitchSetting:
    """A switch and one of its two values.

    *state* describes the house while the switch has that value. *begins* is the reply when a
    command sets it.
    """

    switch: str
    value: bool
    state: str
    begins: str


def run_command(
    name: str, invocation: Invocation, context: CommandContext, survey: Survey | None = None
) -> Reply:
    """Run the command *name*, with or without its slash, and return the reply.

    A *survey* that `survey_for` has made already saves a round trip to Redis.
    """
    command = COMMANDS.get(name.removeprefix("/"))
    if command is None:
        return Reply("There is no such command. /help lists them all.")
    invocation = replace(invocation, text=plain(invocation.text))
    try:
        _refuse_needless_words(command, invocation.text)
        with within(PATIENCE_S):
            return Reply(command.run(invocation, context, survey or survey_for(command, context)))
    except Refused as refused:
        return Reply(str(refused))
    except StateUnavailable as error:
        _log.warning("/%s was not done: %s", command.name, error)
        return Reply(REDIS_AWAY)
    except ProtocolError as error:
        _log.error("/%s was not done: %s", command.name, error)
        return Reply(
            f"A value in Redis is not as it should be, so /{command.name} was not done. The log "
            "says which."
        )


def _refuse_needless_words(command: Command, text: str) -> None:
    """Refuse *text* after a *command* that is for the whole house: it may name one camera."""
    if text and not command.usage and command.name != "help":
        name = slack_name(command.name)
        nothing = "Nothing was done: " if command.changes else ""
        raise Refused(
            f"{nothing}/{name} is for the whole house, and takes no word after it. Send only "
            f"/{name}"
        )


def survey_for(command: Command, context: CommandContext) -> Survey:
    """Return everything that *command* reads of the state, in one round trip."""
    return context.state.survey(
        *names(context.config), events=command.events, decisions_s=command.decisions_s
    )


def survey_once_for(
    command: Command, context: CommandContext, claim: str, claim_life_s: int
) -> Survey | None:
    """Make *claim*, and return the survey of `survey_for`, both in one round trip.

    Returns None when somebody has made the same *claim* in the last *claim_life_s* seconds.
    """
    return context.state.survey_once(
        claim,
        claim_life_s,
        *names(context.config),
        events=command.events,
        decisions_s=command.decisions_s,
    )


def _set_switch(setting: SwitchSetting) -> Run:
    """Return the command that sets the switch of *setting* to its value."""

    def run(invocation: Invocation, context: CommandContext, survey: Survey) -> str:
        if survey.strings[setting.switch] == str(setting.value):
            changed = last_change(setting.switch, survey)
            return f"{setting.state} already{status_text.since(changed, invocation.at)}."
        context.switches.read(setting.switch, str(setting.value))
        change = invocation.changed("by command")
        context.state.set_switch(setting.switch, setting.value, change)
        return setting.begins

    return run


_ARMED = SwitchSetting(
    "camera_status", True, "The house is armed", "Armed. The cameras watch from now on."
)
_DISARMED = SwitchSetting(
    "camera_status",
    False,
    "The house is disarmed",
    "Disarmed. The cameras do not watch until somebody arms the house.",
)
_ALERTS = SwitchSetting("camera_notifications", True, "Alerts are on", "Alerts are on from now on.")
_NO_ALERTS = SwitchSetting(
    "camera_notifications",
    False,
    "Alerts are off",
    "Alerts are off. Events and pictures are still kept.",
)
_AUTO = SwitchSetting(
    "auto_detect_status",
    True,
    "Arming by who is home is on",
    "From now on the house arms when the last person leaves.",
)
_NO_AUTO = SwitchSetting(
    "auto_detect_status",
    False,
    "Arming by who is home is off",
    "From now on only commands arm and disarm.",
)


def _initialize(invocation: Invocation, context: CommandContext, survey: Survey) -> str:
    homes = {
        name: Position(*camera.pantilt.home)
        for name, camera in context.config.cameras.items()
        if camera.pantilt.backend != "none"
    }
    house = read_status(context, survey, invocation.at)
    people = [name for name, presence in house.people.items() if presence and presence.home]
    switches, arming = dict(protocol.SWITCHES), "armed, and nobody counts as home"
    if house.has_router and people:
        # With somebody at home it arms nothing, as presence would not, and disarms nothing.
        del switches["camera_status"]
        switches["home"] = True
        arming = _arming_beside(people, is_armed=house.armed.on)
    context.state.set_switches(switches, invocation.changed("/initialize"))
    context.state.end_snooze()
    for name, home in homes.items():
        context.state.put(protocol.camera_key(name, "target"), home)
    turned = f" {', '.join(homes)} turns to {_directions(homes)}." if homes else ""
    return f"Started again: alerts on and not snoozed, arming by who is home on, {arming}.{turned}"


def _arming_beside(people: list[str], *, is_armed: bool) -> str:
    """Return what /initialize did not change about arming, because *people* are at home."""
    who = f"{' and '.join(people)} {'is' if len(people) == 1 else 'are'} home"
    if is_armed:
        return f"and still armed, although {who}. /pycam_off disarms the house"
    return (
        f"but not armed, because {who}. The house arms when the last person leaves; /pycam_on arms "
        "it now"
    )


def _directions(homes: dict[str, Position]) -> str:
    return " and ".join(dict.fromkeys(status_text.direction(home) for home in homes.values()))


def _rotate(invocation: Invocation, context: CommandContext, survey: Survey) -> str:
    camera, words = _camera(invocation, context, follow=2)
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


def _current_position(invocation: Invocation, context: CommandContext, _survey: Survey) -> str:
    camera, _ = _camera(invocation, context)
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


def _last_image(invocation: Invocation, context: CommandContext, survey: Survey) -> str:
    camera, _ = _camera(invocation, context)
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


def _focus(invocation: Invocation, context: CommandContext, survey: Survey) -> str:
    camera, _ = _camera(invocation, context)
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


def _clip(invocation: Invocation, context: CommandContext, survey: Survey) -> str:
    camera, _ = _camera(invocation, context)
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


def _silencer(invocation: Invocation, context: CommandContext, survey: Survey) -> str:
    words = invocation.text.lower().split()
    has_action = bool(words) and words[-1] in ACTIONS
    camera, words = _camera(invocation, context, follow=int(has_action))
    action = " ".join(words).lower() or "status"
    return silencer(action, camera, invocation, context, survey)


def _snooze(invocation: Invocation, context: CommandContext, survey: Survey) -> str:
    return snooze(invocation, context, survey.strings["snoozed_until"])


def _events(invocation: Invocation, context: CommandContext, survey: Survey) -> str:
    if not invocation.text:
        return status_text.events(survey.events(), invocation.at)
    camera, _ = _camera(invocation, context)
    survey = context.state.survey(*names(context.config), events=MOST_EVENTS)
    seen = survey.events().items()
    of_camera = [(event, record) for event, record in seen if record.camera == camera]
    if not of_camera:
        return f"None of the newest {MOST_EVENTS} events is of camera {camera}."
    return status_text.events(dict(of_camera[:_SHOWN_EVENTS]), invocation.at)


def _tag(invocation: Invocation, context: CommandContext, survey: Survey) -> str:
    return tag(invocation, context, survey.events())


def _who(invocation: Invocation, context: CommandContext, survey: Survey) -> str:
    return status_text.who(read_status(context, survey, invocation.at))


def _status(invocation: Invocation, context: CommandContext, survey: Survey) -> str:
    house = read_status(context, survey, invocation.at)
    vitals = context.machine.vitals(context.config.data_dir)
    return status_text.status(house, vitals, list(context.config.cameras))


def _top(_invocation: Invocation, _context: CommandContext, _survey: Survey) -> str:
    return f"*{protocol.host_name()}*\n```\n{harmless(busy())}\n```"


def _help(_invocation: Invocation, context: CommandContext, _survey: Survey) -> str:
    cameras = ", ".join(context.config.cameras)
    note = f"There is one camera, {cameras}; you need not name it."
    if len(context.config.cameras) > 1:
        note = f"CAMERA is one of: {cameras}."
    return "\n".join([*(_usage(command) for command in COMMANDS.values()), note])


def _usage(command: Command) -> str:
    usage = f"{slack_name(command.name)} {command.usage}".strip()
    return f"`/{usage}`: {command.help}"


def _camera(
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


_CLIP_HELP = "send a clip of the last seconds and the next"
_NO_ALERTS_HELP = "send no alerts; events and pictures are still kept"
_INITIALIZE_HELP = (
    "start again: armed if nobody is home, alerts and arming by who is home on, cameras to their "
    "home position"
)
#: Every command by its name, in the order in which /help lists them.
COMMANDS: dict[str, Command] = {
    command.name: command
    for command in (
        Command(
            "status",
            "",
            "the state of the house: armed, alerts, who is home, cameras, programs",
            False,
            _status,
            events=1,
            decisions_s=protocol.DAY_S,
            is_report=True,
        ),
        Command("pycam_on", "", "arm: watch, and send alerts", True, _set_switch(_ARMED)),
        Command("pycam_off", "", "disarm: do not watch", True, _set_switch(_DISARMED)),
        Command("last_image", "[CAMERA]", "send a picture taken now", False, _last_image, events=1),
        Command(
            "clip", "[CAMERA]", "send a clip of the last seconds and the next", False, _clip, 1
        ),
        Command("focus", "[CAMERA]", "have a lens look for the sharpest picture", False, _focus),
        Command(
            "events",
            "[CAMERA]",
            "the newest events",
            False,
            _events,
            events=_SHOWN_EVENTS,
            is_report=True,
        ),
        Command(
            "tag",
            "[CAMERA] TIME occupied | unoccupied | undo",
            "say what an event was, also one that was held back",
            True,
            _tag,
            events=MOST_EVENTS,
        ),
        Command("who", "", "who is home, and since when", False, _who, events=1, is_report=True),
        Command(
            "snooze", "30m | 2h | until 18:00 | off", "hold back alerts for a while", True, _snooze
        ),
        Command("notifications_on", "", "send alerts", True, _set_switch(_ALERTS)),
        Command("notifications_off", "", _NO_ALERTS_HELP, True, _set_switch(_NO_ALERTS)),
        Command("auto_detect_on", "", "arm and disarm by who is home", True, _set_switch(_AUTO)),
        Command(
            "auto_detect_off", "", "arm and disarm by command only", True, _set_switch(_NO_AUTO)
        ),
        Command(
            "rotate",
            "[CAMERA] PAN TILT",
            "turn a camera, in whole degrees from -90 to 90",
            True,
            _rotate,
        ),
        Command(
            "current_position", "[CAMERA]", "the direction of a camera", False, _current_position
        ),
        Command(
            "silencer",
            "[CAMERA] [status | on | off]",
            "hold back alerts that are like tagged false alarms, or not",
            True,
            _silencer,
            events=1,
        ),
        Command("top", "", "the busiest programs of this machine", False, _top),
        Command("initialize", "", _INITIALIZE_HELP, True, _initialize),
        Command("help", "", "this list", False, _help, is_report=True),
    )
}
