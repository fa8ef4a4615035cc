"""The state of the house as data: switches, people, cameras, events and programs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app import protocol
from app.commands.context import CommandContext
from app.commands.snooze import snoozed_until
from app.config import Config
from app.errors import ProtocolError
from app.programs import SECURITY_SYSTEM, Program, expected_programs, program_of
from app.protocol import (
    AnyRecord,
    ArmedBy,
    EventRecord,
    Heartbeat,
    Position,
    Presence,
    RouterHealth,
)
from app.state import Survey

_CHANGES = tuple(protocol.changed_by_key(switch) for switch in protocol.SWITCHES)


@dataclass(frozen=True, slots=True)
class SwitchState:
    """The value of a switch, and its last change, None when nobody has changed it."""

    on: bool
    changed: ArmedBy | None


@dataclass(frozen=True, slots=True)
class ProgramStatus:
    """A program on the machine *host*, which has sent *heartbeat*.

    One without a heartbeat is silent; but if *is_unknown*, Redis has just been started, and may get
    one soon.
    """

    program: Program
    host: str
    heartbeat: Heartbeat | None
    is_unknown: bool = False


@dataclass(frozen=True, slots=True)
class CameraLoss:
    """The reason why a camera gives no pictures, and since when, None when that is not known."""

    why: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class HouseStatus:
    """The state of the house at the time *now*.

    *snoozed_until* is None when alerts are not snoozed. *silence* is the health of a router that
    does not answer, None while it answers or none is configured. *people* are all configured
    people, with None for a person without a record. *unseen_s* has the seconds since each person
    was seen, and is None when who_is_home is silent. *positions* has each camera with a mount, with
    None for a mount that has not turned yet. *losses* has the cameras that are lost, and *closed*
    those that are closed, because the house is disarmed. *dropped* is the number of facts that were
    dropped undelivered in the last day, and *decisions* says how often alerts had each decision in
    that time.
    """

    now: datetime
    armed: SwitchState
    alerts: SwitchState
    home: SwitchState
    auto_detect: SwitchState
    snoozed_until: datetime | None
    has_router: bool
    silence: RouterHealth | None
    people: dict[str, Presence | None]
    unseen_s: dict[str, float] | None
    positions: dict[str, Position | None]
    losses: dict[str, CameraLoss]
    closed: frozenset[str]
    last_event: EventRecord | None
    programs: list[ProgramStatus]
    dropped: int
    decisions: Mapping[str, int]


def names(config: Config) -> list[str]:
    """Return the names of the plain strings in Redis that commands read."""
    positions = [protocol.camera_key(camera, "position") for camera in config.cameras]
    people = [protocol.presence_key(person) for person in config.presence.people]
    return [
        *protocol.SWITCHES,
        *_CHANGES,
        "snoozed_until",
        "router",
        "dropped",
        *positions,
        *people,
    ]


def read_status(context: CommandContext, survey: Survey, now: datetime) -> HouseStatus:
    """Return the state of the house, from a *survey* of `names`."""
    strings, heartbeats, config = survey.strings, survey.heartbeats(), context.config
    presence = config.presence
    has_router = presence.router.backend != "none"
    return HouseStatus(
        now,
        armed=read_switch("camera_status", context, survey),
        alerts=read_switch("camera_notifications", context, survey),
        home=read_switch("home", context, survey),
        auto_detect=read_switch("auto_detect_status", context, survey),
        snoozed_until=snoozed_until(strings["snoozed_until"], now),
        has_router=has_router,
        silence=_silence(strings["router"]) if has_router else None,
        people={
            name: _decoded(Presence, strings[protocol.presence_key(name)])
            for name in presence.people
        },
        unseen_s=_unseen_s(config, heartbeats),
        positions={
            name: _decoded(Position, strings[protocol.camera_key(name, "position")])
            for name, camera in config.cameras.items()
            if camera.pantilt.backend != "none"
        },
        losses={name: loss for name in config.cameras if (loss := camera_loss(name, survey))},
        closed=frozenset(name for name in config.cameras if _is_closed(name, heartbeats)),
        last_event=next(iter(survey.events().values()), None),
        programs=_programs(config, survey),
        dropped=protocol.dropped_in(strings["dropped"]),
        decisions=survey.decisions,
    )


def _beats_of(camera: str, heartbeats: Mapping[str, Heartbeat]) -> list[Heartbeat]:
    """Return the heartbeats of *camera*: of each machine on which its program runs."""
    program = Program(SECURITY_SYSTEM, camera)
    return [beat for key, beat in heartbeats.items() if program_of(key)[0] == program]


def _is_closed(camera: str, heartbeats: Mapping[str, Heartbeat]) -> bool:
    beats = _beats_of(camera, heartbeats)
    return bool(beats) and all(beat.counters.get("camera") == "closed" for beat in beats)


def camera_loss(camera: str, survey: Survey) -> CameraLoss | None:
    """Return the loss of *camera* that its program reports, or that the program is silent."""
    beats = _beats_of(camera, survey.heartbeats())
    if not beats:
        return CameraLoss("its program is silent") if survey.has_all_heartbeats else None
    lost = [beat for beat in beats if beat.counters.get("camera") == "lost"]
    if len(lost) < len(beats):
        return None
    trouble = lost[0].last_error
    return CameraLoss(trouble.what, trouble.at) if trouble else CameraLoss("it gives no reason")


def read_switch(name: str, context: CommandContext, survey: Survey) -> SwitchState:
    """Return the value of the switch *name* and its last change, from a *survey* of `names`."""
    on = context.switches.read(name, survey.strings[name])
    return SwitchState(on, last_change(name, survey))


def last_change(name: str, survey: Survey) -> ArmedBy | None:
    """Return the last change of the switch *name*; None when nobody has changed it."""
    return _decoded(ArmedBy, survey.strings[protocol.changed_by_key(name)])


def _silence(stored: str | None) -> RouterHealth | None:
    health = _decoded(RouterHealth, stored)
    return None if health is None or health.answering else health


def _unseen_s(config: Config, heartbeats: Mapping[str, Heartbeat]) -> dict[str, float] | None:
    by_kind = {program_of(key)[0].kind: heartbeat for key, heartbeat in heartbeats.items()}
    if "who_is_home" not in by_kind:
        return None
    unseen_s = protocol.by_label(by_kind["who_is_home"].counters, "person_unseen_s")
    counted = {name: unseen_s.get(name) for name in config.presence.people}
    return {
        name: max(float(seconds), 0.0)
        for name, seconds in counted.items()
        if isinstance(seconds, int | float)
    }


def _programs(config: Config, survey: Survey) -> list[ProgramStatus]:
    """Return all programs that run or should run, on every machine."""
    here = protocol.host_name()
    found: dict[Program, list[ProgramStatus]] = {
        program: [] for program in expected_programs(config)
    }
    for key, heartbeat in survey.heartbeats().items():
        program, host = program_of(key)
        found.setdefault(program, []).append(ProgramStatus(program, host, heartbeat))
    return [
        status
        for program, running in found.items()
        for status in running
        or [ProgramStatus(program, here, None, is_unknown=not survey.has_all_heartbeats)]
    ]


def _decoded(kind: type[AnyRecord], stored: str | None) -> AnyRecord | None:
    """Return the *stored* record; None when there is none, or it is damaged."""
    try:
        return protocol.decode(kind, stored or "")
    except ProtocolError:
        return None
