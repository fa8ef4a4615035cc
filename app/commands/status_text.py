"""What is known of the house, in lines for a phone."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from app import protocol
from app.commands.context import CommandContext, plain
from app.commands.snooze import snoozed_until
from app.config import Config
from app.errors import ProtocolError
from app.programs import Program, expected_programs, program_of
from app.protocol import ArmedBy, EventRecord, Heartbeat, Position, Presence, RouterHealth
from app.state import Survey
from app.times import format_duration, format_time

#: A program whose last step is older than this does not do its work.
FRESH_S = 45.0
_RECORDS = tuple(protocol.changed_by_key(switch) for switch in protocol.SWITCHES)


def names(config: Config) -> list[str]:
    """The plain strings that commands are told of."""
    positions = [protocol.camera_key(camera, "position") for camera in config.cameras]
    people = [protocol.presence_key(person) for person in config.presence.people]
    return [*protocol.SWITCHES, *_RECORDS, "snoozed_until", "router", *positions, *people]


def status(house: CommandContext, survey: Survey, now: datetime) -> str:
    """How the house is, by what *survey* found under `names`."""
    found, heartbeats = survey.strings, survey.heartbeats()
    switches = {name: house.switches.read(name, found[name]) for name in protocol.SWITCHES}
    by = {name: since(found[protocol.changed_by_key(name)], now) for name in switches}
    armed = "*Armed*" if switches["camera_status"] else "*Disarmed*"
    lines = [
        f"{armed}{by['camera_status']}",
        f"*Alerts:* {_alerts(switches['camera_notifications'], by['camera_notifications'], found['snoozed_until'], now)}",
        *(f":warning: {plain(trouble)}" for trouble in _notifier_troubles(heartbeats)),
        f"*Home:* {_home(house.config, switches['home'], by['home'])}{_unknown(house.config, found['router'], now)}",
        "*Arming by who is home:* "
        f"{'on' if switches['auto_detect_status'] else 'off'}{by['auto_detect_status']}",
        f"*Cameras:* {', '.join(_cameras(house.config, found))}",
        f"*Machine:* {_machine(house)}",
        f"*Last event:* {_last_event(survey.events(), now)}",
        "*Programs:*",
        *_programs(house.config, heartbeats, now),
    ]
    return "\n".join(lines)


def since(record: str | None, now: datetime) -> str:
    """`, since 10:15, by anna (by command)`, from an `ArmedBy` in *record*; nothing when there is
    none.
    """
    try:
        changed = protocol.decode(ArmedBy, record or "")
    except ProtocolError:
        return ""
    return f", since {format_time(changed.at, now)}, by {plain(changed.by)} ({plain(changed.why)})"


def who(house: CommandContext, survey: Survey, now: datetime) -> str:
    """Who is home and who is not, by what *survey* found under `names`."""
    found, config = survey.strings, house.config
    home = house.switches.read("home", found["home"])
    said = _home(config, home, since(found[protocol.changed_by_key("home")], now))
    lines = [f"{said[0].upper()}{said[1:]}."]
    if config.presence.router.backend == "none":
        return lines[0]
    if unknown := _unknown(config, found["router"], now):
        lines.append(f":warning: {unknown.removeprefix('; ')}.")
    auto = house.switches.read("auto_detect_status", found["auto_detect_status"])
    unseen = _counters(survey.heartbeats())
    if unseen is None:
        lines.append(":warning: who_is_home is silent, so this is how it was when it last looked.")
    lines += [
        _person(name, found[protocol.presence_key(name)], unseen or {}, now)
        for name in config.presence.people
    ]
    lines.append(
        f"Arming by who is home is {'on' if auto else 'off'}{since(found[protocol.changed_by_key('auto_detect_status')], now)}."
    )
    return "\n".join(lines)


def events(known: Mapping[str, EventRecord], now: datetime) -> str:
    """A line for each of the events *known*, the newest first."""
    if not known:
        return "Nothing has happened yet."
    return "\n".join(f"• {_event(record, now)}" for record in known.values())


def direction(position: Position) -> str:
    """*position* in words."""
    return f"pan {position.pan_deg}°, tilt {position.tilt_deg}°"


def _alerts(on: bool, by: str, snoozed: str | None, now: datetime) -> str:
    if not on:
        return f"off{by}"
    until = snoozed_until(snoozed, now)
    return f"snoozed until {format_time(until, now)}" if until else f"on{by}"


def _notifier_troubles(heartbeats: Mapping[str, Heartbeat]) -> Iterator[str]:
    for key, beat in heartbeats.items():
        if beat.last_error and program_of(key)[0].kind == "notifier":
            yield beat.last_error.what


def _home(config: Config, home: bool, by: str) -> str:
    if config.presence.router.backend == "none":
        return (
            f"no router is configured, so nobody looks; taken for {'home' if home else 'away'}{by}"
        )
    return f"{'somebody is home' if home else 'nobody is home'}{by}"


def _unknown(config: Config, router: str | None, now: datetime) -> str:
    """`; not known since 10:15, …` while the *router* does not answer; nothing while it does, or is
    asked no more.
    """
    try:
        health = protocol.decode(RouterHealth, router or "")
    except ProtocolError:
        return ""
    if health.answering or config.presence.router.backend == "none":
        return ""
    return (
        f"; not known since {format_time(health.since, now)}, for the router does not answer: "
        f"{plain(health.why or '')}"
    )


def _person(name: str, record: str | None, unseen: Mapping[str, object], now: datetime) -> str:
    """A line on one person: home or away, since when, seen when, and how long a sleeping phone is
    waited for.
    """
    try:
        presence = protocol.decode(Presence, record or "")
    except ProtocolError:
        return f"• {plain(name)}: not known yet"
    began = f" since {format_time(presence.since, now)}" if presence.since else ""
    line = f"• {plain(name)}: {'home' if presence.home else 'away'}{began}"
    unseen_s = unseen.get(protocol.unseen_counter(name))
    if presence.home and isinstance(unseen_s, int | float):
        line += f", seen {format_duration(max(unseen_s, 0.0))} ago"
    if presence.home and presence.wait_s is not None:
        line += f"; counts as gone when not seen for {_waits(presence)}"
    if not presence.home and presence.last_seen:
        line += f", last seen {format_time(presence.last_seen, now)}"
    return line


def _waits(presence: Presence) -> str:
    longest = presence.longest_wait
    more = (
        f" (up to {format_duration(longest[1])} at {longest[0]}:00)"
        if longest and longest[1] > (presence.wait_s or 0.0)
        else ""
    )
    return f"{format_duration(presence.wait_s or 0.0)}{more}"


def _counters(heartbeats: Mapping[str, Heartbeat]) -> Mapping[str, object] | None:
    """The counters of who is home; None when it is silent."""
    return next(
        (
            beat.counters
            for key, beat in heartbeats.items()
            if program_of(key)[0].kind == "who_is_home"
        ),
        None,
    )


def _cameras(config: Config, found: Mapping[str, str | None]) -> Iterator[str]:
    for name, camera in config.cameras.items():
        if camera.pantilt.backend == "none":
            yield f"{name} (fixed)"
        else:
            yield f"{name} ({_position(found[protocol.camera_key(name, 'position')])})"


def _position(found: str | None) -> str:
    try:
        return direction(protocol.decode(Position, found or ""))
    except ProtocolError:
        return "not turned yet"


def _machine(house: CommandContext) -> str:
    vitals = house.machine.vitals(house.config.data_dir)
    known = [f"{vitals.temperature_c:.0f} °C"] if vitals.temperature_c is not None else []
    if vitals.throttled is not None:
        known.append(vitals.throttled or "not throttled")
    return ", ".join([*known, f"{vitals.free_gb:.1f} GB free"])


def _last_event(known: Mapping[str, EventRecord], now: datetime) -> str:
    return next((_event(record, now) for record in known.values()), "none yet")


def _event(record: EventRecord, now: datetime) -> str:
    words = [format_time(record.started_at, now), plain(record.camera)]
    words.append(
        "going on"
        if record.ended_at is None
        else format_duration(max((record.ended_at - record.started_at).total_seconds(), 0))
    )
    if record.score is not None:
        words.append(f"person {record.score:.0%}")
    if record.label:
        words.append(f"{record.label}, said {plain(record.label_by or 'somebody')}")
    return " · ".join(words)


def _programs(config: Config, heartbeats: Mapping[str, Heartbeat], now: datetime) -> Iterator[str]:
    """A line for each program that there is or should be; one on another machine has that one's
    name.
    """
    here = protocol.host_name()
    places: dict[Program, list[tuple[str, Heartbeat]]] = {
        program: [] for program in expected_programs(config)
    }
    for key, beat in heartbeats.items():
        program, host = program_of(key)
        places.setdefault(program, []).append((host, beat))
    for program, beats in places.items():
        if not beats:
            yield f"• {program.name}: silent"
        for host, beat in beats:
            where = "" if host == here else f"@{host}"
            yield f"• {plain(program.name + where)}: {_pulse(beat, now)}"


def _pulse(beat: Heartbeat, now: datetime) -> str:
    age_s = max((now - beat.step_at).total_seconds(), 0.0)
    wrong = f"; {plain(beat.last_error.what)}" if beat.last_error else ""
    return f"{'' if age_s < FRESH_S else 'stuck, last step '}{format_duration(age_s)} ago{wrong}"
