"""Every command: its name, its usage, its action, and its reply.

The Slack server, Socket Mode, the dashboard and the app manifest all read the commands from here.
`run_command` always returns a reply: when Redis is away, or there is no command of that name, the
reply says so.
"""

import logging
from dataclasses import dataclass, replace

from app import protocol
from app.commands import status_text
from app.commands.cameras import clip, current_position, focus, last_image, named_camera, rotate
from app.commands.context import REDIS_AWAY, CommandContext, Invocation, Reply, Run
from app.commands.machine import busy
from app.commands.pasted import plain
from app.commands.silencer import ACTIONS, silencer
from app.commands.slack_names import slack_name
from app.commands.snooze import snooze
from app.commands.status import names, read_status
from app.commands.switches import (
    ALERTS,
    ARMED,
    AUTO,
    DISARMED,
    NO_ALERTS,
    NO_AUTO,
    initialize,
    set_switch,
)
from app.commands.tag import MOST_EVENTS, tag
from app.errors import ProtocolError, Refused, StateUnavailable
from app.mrkdwn import harmless
from app.state import Survey, within

#: The longest wait for Redis in one command. Slack waits 3 s for a reply.
PATIENCE_S = 2.0

#: The events that /events shows.
_SHOWN_EVENTS = 10

_log = logging.getLogger(__name__)


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


def _silencer(invocation: Invocation, context: CommandContext, survey: Survey) -> str:
    words = invocation.text.lower().split()
    has_action = len(words) > 1 or (bool(words) and words[0] in ACTIONS)
    camera, words = named_camera(invocation, context, follow=int(has_action))
    action = " ".join(words).lower() or "status"
    return silencer(action, camera, invocation, context, survey)


def _snooze(invocation: Invocation, context: CommandContext, survey: Survey) -> str:
    return snooze(invocation, context, survey.strings["snoozed_until"])


def _events(invocation: Invocation, context: CommandContext, survey: Survey) -> str:
    if not invocation.text:
        return status_text.events(survey.events(), invocation.at)
    camera, _ = named_camera(invocation, context)
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
        Command("pycam_on", "", "arm: watch, and send alerts", True, set_switch(ARMED)),
        Command("pycam_off", "", "disarm: do not watch", True, set_switch(DISARMED)),
        Command("last_image", "[CAMERA]", "send a picture taken now", False, last_image, events=1),
        Command("clip", "[CAMERA]", "send a clip of the last seconds and the next", False, clip, 1),
        Command("focus", "[CAMERA]", "have a lens look for the sharpest picture", False, focus),
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
        Command("notifications_on", "", "send alerts", True, set_switch(ALERTS)),
        Command("notifications_off", "", _NO_ALERTS_HELP, True, set_switch(NO_ALERTS)),
        Command("auto_detect_on", "", "arm and disarm by who is home", True, set_switch(AUTO)),
        Command("auto_detect_off", "", "arm and disarm by command only", True, set_switch(NO_AUTO)),
        Command(
            "rotate",
            "[CAMERA] PAN TILT",
            "turn a camera, in whole degrees from -90 to 90",
            True,
            rotate,
        ),
        Command(
            "current_position", "[CAMERA]", "the direction of a camera", False, current_position
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
        Command("initialize", "", _INITIALIZE_HELP, True, initialize),
        Command("help", "", "this list", False, _help, is_report=True),
    )
}
