"""Every command once: its name, its usage, what it does to the house, and what it answers.

The Slack server, Socket Mode, the dashboard and the app manifest all read them from here. `run_command` answers whatever
it is given: with Redis away, or for a command that there is not, it is a sentence that says so.
"""

from collections.abc import Callable
from dataclasses import dataclass

from app.house import Asked, House, Reply


@dataclass(frozen=True, slots=True)
class Command:
    """One command. *usage* is what may follow its name, *help* one line on what it does, *changes* whether it changes anything."""

    name: str
    usage: str
    help: str
    changes: bool
    run: Callable[[Asked, House], Reply]


def run_command(name: str, asked: Asked, house: House) -> Reply:
    """Do the command *name* (with or without its slash), and return what to say to who asked."""
    command = COMMANDS.get(name.removeprefix("/"))
    if command is None:
        return Reply("There is no such command. /help lists them all.")
    return command.run(asked, house)


def _to_come(_asked: Asked, _house: House) -> Reply:
    return Reply("This command is not built yet.")


#: Every command by its name, in the order in which /help lists them.
COMMANDS: dict[str, Command] = {
    command.name: command
    for command in (
        Command("status", "", "How the house is: armed or not, alerts, who is home, cameras, programs.", False, _to_come),
        Command("pycam_on", "", "Arm: watch, and alert.", True, _to_come),
        Command("pycam_off", "", "Disarm: look at nothing.", True, _to_come),
        Command("notifications_on", "", "Send alerts.", True, _to_come),
        Command("notifications_off", "", "Keep events and pictures, but send no alerts.", True, _to_come),
        Command("auto_detect_on", "", "Arm and disarm by who is home.", True, _to_come),
        Command("auto_detect_off", "", "Arm and disarm by command only.", True, _to_come),
        Command("snooze", "30m | 2h | until 18:00 | off", "Hold back alerts for a while.", True, _to_come),
        Command("last_image", "[CAMERA]", "Bring a picture taken now.", False, _to_come),
        Command("clip", "[CAMERA]", "Bring a short film.", False, _to_come),
        Command("events", "", "List the newest events.", False, _to_come),
        Command("who", "", "Who is home.", False, _to_come),
        Command("rotate", "[CAMERA] PAN TILT", "Turn a camera, in whole degrees from -90 to 90.", True, _to_come),
        Command("current_position", "[CAMERA]", "Where a camera points.", False, _to_come),
        Command("top", "", "What keeps the machine busy.", False, _to_come),
        Command("initialize", "", "Start over: cameras to their home position, all switches as at the first start.", True, _to_come),
        Command("help", "", "List all commands.", False, _to_come),
    )
}
