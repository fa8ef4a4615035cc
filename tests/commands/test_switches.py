"""The commands that set switches, on a real Redis."""

import pytest
import redis

from app import protocol
from app.commands.context import CommandContext
from app.protocol import ArmedBy, Position, Presence
from tests.commands.conftest import NOW, ask


@pytest.mark.parametrize(
    ("command", "switch", "value"),
    [
        ("pycam_on", "camera_status", "True"),
        ("pycam_off", "camera_status", "False"),
        ("notifications_on", "camera_notifications", "True"),
        ("notifications_off", "camera_notifications", "False"),
        ("auto_detect_on", "auto_detect_status", "True"),
        ("auto_detect_off", "auto_detect_status", "False"),
    ],
)
def test_a_switch_is_set_once_with_who_did_it_and_when(
    context: CommandContext, raw: redis.Redis, command: str, switch: str, value: str
) -> None:
    raw.set(switch, str(value != "True"))
    assert "already" not in ask(context, f"/{command}")
    assert raw.get(switch) == value
    assert context.state.get(protocol.changed_by_key(switch), ArmedBy) == ArmedBy(
        "anna", NOW, "by command"
    )
    again = ask(context, f"/{command}", by="ben")
    assert "already, since 10:15, by anna (by command)" in again
    assert context.state.get(protocol.changed_by_key(switch), ArmedBy) == ArmedBy(
        "anna", NOW, "by command"
    )


def test_a_switch_set_by_hand_has_no_time_and_no_name(
    context: CommandContext,
) -> None:
    assert ask(context, "/pycam_on") == "The house is armed already."


@pytest.mark.parametrize("found", ["perhaps", "true", ""])
def test_a_damaged_switch_is_set_by_its_command(
    context: CommandContext, raw: redis.Redis, found: str
) -> None:
    raw.set("camera_status", found)
    assert ask(context, "/pycam_on").startswith("Armed")
    assert raw.get("camera_status") == "True"


def test_initialize_starts_over(context: CommandContext, raw: redis.Redis) -> None:
    for line in ("/pycam_off", "/notifications_off", "/auto_detect_off", "/snooze 2h"):
        ask(context, line)
    raw.set("home", "True")
    reply = ask(context, "/initialize")
    assert {name: raw.get(name) for name in protocol.SWITCHES} == {
        name: str(value) for name, value in protocol.SWITCHES.items()
    }
    assert context.state.get("camera:front:target", Position) == Position(10, -5)
    assert raw.get("snoozed_until") is None
    assert "front turns to pan 10°, tilt -5°" in reply
    assert context.state.get("armed_by", ArmedBy) == ArmedBy("anna", NOW, "/initialize")


def at_home(context: CommandContext, *people: str) -> None:
    for person in people:
        context.state.put(protocol.presence_key(person), Presence(home=True, since=NOW))


def test_initialize_does_not_arm_beside_somebody_at_home(
    family: CommandContext, raw: redis.Redis
) -> None:
    at_home(family, "anna", "cleo")
    ask(family, "/pycam_off")
    raw.set("home", "True")
    reply = ask(family, "/initialize")
    assert "but not armed, because anna and cleo are home" in reply
    assert "/pycam_on arms it now" in reply
    assert raw.mget("camera_status", "home", "auto_detect_status") == ["False", "True", "True"]


def test_initialize_leaves_a_house_armed_and_says_so(
    family: CommandContext, raw: redis.Redis
) -> None:
    at_home(family, "ben")
    ask(family, "/pycam_on")
    assert "still armed, although ben is home. /pycam_off" in ask(family, "/initialize")
    assert raw.mget("camera_status", "home") == ["True", "True"]


def test_initialize_arms_a_house_in_which_nobody_is(
    family: CommandContext, raw: redis.Redis
) -> None:
    family.state.put(protocol.presence_key("anna"), Presence(home=False, since=NOW))
    ask(family, "/pycam_off")
    assert "armed, and nobody counts as home" in ask(family, "/initialize")
    assert raw.mget("camera_status", "home") == ["True", "False"]
