"""The commands that set the switches of the house: one switch each, and /initialize all of them."""

from dataclasses import dataclass

from app import protocol
from app.commands import status_text
from app.commands.context import CommandContext, Invocation, Run
from app.commands.status import last_change, read_status
from app.protocol import Position
from app.state import Survey


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


ARMED = SwitchSetting(
    "camera_status", True, "The house is armed", "Armed. The cameras watch from now on."
)
DISARMED = SwitchSetting(
    "camera_status",
    False,
    "The house is disarmed",
    "Disarmed. The cameras do not watch until somebody arms the house.",
)
ALERTS = SwitchSetting("camera_notifications", True, "Alerts are on", "Alerts are on from now on.")
NO_ALERTS = SwitchSetting(
    "camera_notifications",
    False,
    "Alerts are off",
    "Alerts are off. Events and pictures are still kept.",
)
AUTO = SwitchSetting(
    "auto_detect_status",
    True,
    "Arming by who is home is on",
    "From now on the house arms when the last person leaves.",
)
NO_AUTO = SwitchSetting(
    "auto_detect_status",
    False,
    "Arming by who is home is off",
    "From now on only commands arm and disarm.",
)


def set_switch(setting: SwitchSetting) -> Run:
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


def initialize(invocation: Invocation, context: CommandContext, survey: Survey) -> str:
    """Set all switches as on a new house, end the snooze, and turn the cameras home."""
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
