"""Every command, on a real Redis."""

import json

import pytest
import redis

from app import protocol
from app.commands.context import REDIS_AWAY, CommandContext, Invocation
from app.commands.registry import COMMANDS, run_command, survey_for, survey_once_for
from tests.commands.conftest import NOW, ask
from tests.servers.redis_server import RedisServer

HOST = protocol.host_name()


def test_a_switch_of_the_house_is_not_for_one_camera(
    context: CommandContext, raw: redis.Redis
) -> None:
    for command in ("pycam_off", "notifications_off", "auto_detect_off", "initialize"):
        assert "is for the whole house" in ask(context, f"/{command} front")
    assert [raw.get(switch) for switch in protocol.SWITCHES] == ["True", "True", "True", "False"]
    assert ask(context, "/pycam_off “”.").startswith("Disarmed")


@pytest.mark.parametrize("command", ["status", "who", "top"])
def test_a_report_of_the_house_is_not_of_one_camera(context: CommandContext, command: str) -> None:
    assert "is for the whole house" in ask(context, f"/{command} front")


def test_top_shows_load_memory_and_the_busiest_programs(context: CommandContext) -> None:
    reply = ask(context, "/top")
    assert reply.startswith(f"*{HOST}*\n```\nload ")
    assert reply.endswith("\n```")
    assert " MB" in reply
    assert len(reply.splitlines()) > 6


def test_help_lists_every_command_with_its_usage(context: CommandContext) -> None:
    reply = ask(context, "/help")
    assert "`/rotate [CAMERA] PAN TILT`: turn a camera" in reply
    assert "`/house_status`: the state of the house" in reply
    assert len(reply.splitlines()) == len(COMMANDS) + 1


@pytest.mark.parametrize("name", ["", "/", "nonsense", "/status extra", "__class__", "STATUS"])
def test_an_unknown_command_leads_to_help(context: CommandContext, name: str) -> None:
    assert (
        run_command(name, Invocation("", "U1", "anna", NOW), context).text
        == "There is no such command. /help lists them all."
    )


def test_with_redis_away_every_command_says_so(
    context: CommandContext, dead_redis: RedisServer
) -> None:
    replies = {
        name: ask(context, f"{name} 1 2" if command.usage else name)
        for name, command in COMMANDS.items()
    }
    assert replies == dict.fromkeys(COMMANDS, REDIS_AWAY)


@pytest.mark.parametrize("name", COMMANDS)
def test_damaged_values_in_redis_stop_no_command(
    context: CommandContext, raw: redis.Redis, name: str
) -> None:
    for key in (
        "armed_by",
        "camera_notifications_by",
        "home_by",
        "snoozed_until",
        "camera:front:position",
        "camera_status",
    ):
        raw.set(key, "{nonsense")
    raw.xadd("events", {"fact": "{nonsense"})
    raw.xadd("events", {"other": "x"})
    raw.sadd("heartbeats", "heartbeat:x:y", "nonsense")
    raw.set("heartbeat:x:y", "{nonsense")
    raw.set("nonsense", json.dumps({"pid": 1}))
    assert ask(context, "rotate 1 2" if name == "rotate" else name)


@pytest.mark.parametrize("name", ["status", "events"])
def test_keys_of_another_type_count_as_missing(
    context: CommandContext, raw: redis.Redis, name: str
) -> None:
    for key in ("heartbeats", "events", "camera_status", "router", "armed_by"):
        raw.delete(key)
        raw.lpush(key, "x")
    answer = ask(context, name)
    assert "Armed" in answer or "Nothing has happened yet" in answer


def test_a_survey_saves_the_command_a_look(context: CommandContext, raw: redis.Redis) -> None:
    survey = survey_for(COMMANDS["pycam_off"], context)
    raw.set("camera_status", "False")
    invocation = Invocation("", "U1", "anna", NOW)
    assert "Disarmed" in run_command("pycam_off", invocation, context, survey).text


def test_a_survey_with_a_claim_is_made_once(context: CommandContext) -> None:
    command = COMMANDS["status"]
    first = survey_once_for(command, context, "signature:ab", 60)
    assert first
    assert first.strings == survey_for(command, context).strings
    assert survey_once_for(command, context, "signature:ab", 60) is None
