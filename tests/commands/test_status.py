"""The state of the house as data, on a real Redis."""

import json
from datetime import timedelta

import redis

from app import protocol
from app.commands.context import CommandContext
from app.commands.status import HouseStatus, ProgramStatus, SwitchState, names, read_status
from app.programs import Program
from app.protocol import (
    ArmedBy,
    EventRecord,
    Fact,
    Figure,
    Heartbeat,
    Position,
    Presence,
    RouterHealth,
)
from tests.commands.conftest import NOW

HOST = protocol.host_name()


def status(context: CommandContext) -> HouseStatus:
    survey = context.state.survey(*names(context.config), events=1)
    return read_status(context, survey, NOW)


def heartbeat(context: CommandContext, kind: str, **counters: int | dict[str, Figure]) -> Heartbeat:
    sent = Heartbeat(1, NOW, NOW, dict(counters))
    context.state.send_heartbeat(protocol.heartbeat_key(kind, HOST), sent)
    return sent


def test_a_new_house_has_its_first_values(context: CommandContext) -> None:
    house = status(context)
    assert (house.armed, house.alerts, house.auto_detect) == (SwitchState(True, None),) * 3
    assert house.home == SwitchState(False, None)
    assert (house.snoozed_until, house.silence, house.unseen_s, house.last_event) == (None,) * 4
    assert (house.has_router, house.people) == (False, {})
    assert house.positions == {"front": None}
    assert {program.heartbeat for program in house.programs} == {None}


def test_a_switch_has_its_last_change(context: CommandContext) -> None:
    change = ArmedBy("anna", NOW, "by command")
    context.state.set_switch("camera_status", False, change)
    assert status(context).armed == SwitchState(False, change)


def test_only_cameras_with_a_mount_have_a_position(two_cameras: CommandContext) -> None:
    two_cameras.state.put("camera:front:position", Position(1, 2))
    assert status(two_cameras).positions == {"front": Position(1, 2)}


def test_people_are_those_of_the_configuration(family: CommandContext) -> None:
    presence = Presence(True, NOW, "aa:aa:aa:aa:aa:aa", NOW, 180.0)
    family.state.put(protocol.presence_key("anna"), presence)
    heartbeat(family, "who_is_home", person_unseen_s={"anna": 12, "ben": -3, "dora": 4})
    house = status(family)
    assert house.people == {"anna": presence, "ben": None, "cleo": None}
    assert house.unseen_s == {"anna": 12.0, "ben": 0.0}


def test_a_router_that_answers_is_no_silence(family: CommandContext) -> None:
    silent = RouterHealth(False, NOW, why="it does not answer")
    family.state.put("router", silent)
    assert status(family).silence == silent
    family.state.put("router", RouterHealth(True, NOW))
    assert status(family).silence is None


def test_a_snooze_ends_by_itself(context: CommandContext) -> None:
    context.state.snooze(NOW + timedelta(hours=1), 100)
    assert status(context).snoozed_until == NOW + timedelta(hours=1)
    context.state.snooze(NOW - timedelta(hours=1), 100)
    assert status(context).snoozed_until is None


def test_the_last_event_is_the_newest_one(context: CommandContext) -> None:
    for minutes in (2, 1):
        at = NOW - timedelta(minutes=minutes)
        event = protocol.event_id(at, "front")
        fact = Fact(event, "motion_started", at, "Motion.", "front", event)
        context.state.publish(fact, EventRecord("front", at))
    last = status(context).last_event
    assert last
    assert last.started_at == NOW - timedelta(minutes=1)


def test_programs_are_all_that_run_or_should_run(context: CommandContext) -> None:
    sent = heartbeat(context, "notifier")
    context.state.send_heartbeat(protocol.heartbeat_key("security_system", "pi2", "barn"), sent)
    assert status(context).programs == [
        ProgramStatus(Program("security_system", "front"), HOST, None),
        ProgramStatus(Program("notifier"), HOST, sent),
        ProgramStatus(Program("who_is_home"), HOST, None),
        ProgramStatus(Program("uploader"), HOST, None),
        ProgramStatus(Program("dashboard"), HOST, None),
        ProgramStatus(Program("security_system", "barn"), "pi2", sent),
    ]


def test_damaged_values_count_as_missing(family: CommandContext, raw: redis.Redis) -> None:
    before = status(family)
    for name in (*names(family.config), "armed_by", "heartbeat:notifier:pi"):
        if name not in protocol.SWITCHES:
            raw.set(name, json.dumps({"nonsense": 1}))
    raw.sadd("heartbeats", "heartbeat:notifier:pi")
    assert status(family) == before
