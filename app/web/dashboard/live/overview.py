"""The state of the house as the pages show it: plain values and sentences, ready for JSON.

Times in sentences are times of day, not ages, so that the overview changes only with the house.
"""

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from app import protocol
from app.alert_text import with_article
from app.commands.context import CommandContext
from app.commands.status import HouseStatus, SwitchState, names, read_status
from app.errors import ProtocolError, StateUnavailable
from app.programs import SECURITY_SYSTEM, program_of, why_stuck
from app.protocol import ArmedBy, EventRecord, Heartbeat, Presence
from app.state import Changes, Survey
from app.times import format_duration, format_time

Overview = dict[str, Any]

#: The overview while Redis is away has only this.
AWAY = "Redis is not reachable just now, so the state of the house is not known."

_log = logging.getLogger(__name__)


def read_overview(context: CommandContext) -> Overview:
    """Return the overview of the present state.

    That takes one round trip to Redis, and one more for each camera that shows nothing.
    """
    try:
        survey = context.state.survey(*names(context.config), events=1)
        found = overview(context, survey, context.clock.now())
        for name, camera in found["cameras"].items():
            if camera["state"] != "open":
                camera["words"] += _newest_picture(name, context)
    except (StateUnavailable, ProtocolError) as error:
        _log.debug("the overview cannot be read: %s", error)
        return {"away": AWAY}
    return found


def overview_changes(context: CommandContext) -> Changes:
    """Return the changes of what `read_overview` reads."""
    pictures = (protocol.camera_key(name, "latest") for name in context.config.cameras)
    return context.state.changes(
        *names(context.config), *pictures, "heartbeat", "events", protocol.event_key("")
    )


def overview(context: CommandContext, survey: Survey, now: datetime) -> Overview:
    """Return the overview of the state in *survey*, at the time *now*."""
    house = read_status(context, survey, now)
    return {
        "away": None,
        "armed": _switch(house.armed, now),
        "alerts": _switch(house.alerts, now),
        "auto_detect": _switch(house.auto_detect, now),
        "home": _switch(house.home, now),
        "snoozed": format_time(house.snoozed_until, now) if house.snoozed_until else None,
        "who": _who(house),
        "people": [_person(name, presence, now) for name, presence in house.people.items()],
        "router": _router(house),
        "cameras": _cameras(house, survey.heartbeats()),
        "troubles": list(_troubles(house)),
        "event": _event(survey, now),
    }


def since(changed: ArmedBy | None, now: datetime) -> str:
    """Return `since 10:15, by anna (by command)`; "" when nobody has *changed* it."""
    if changed is None:
        return ""
    return f"since {format_time(changed.at, now)}, by {changed.by} ({changed.why})"


def _switch(switch: SwitchState, now: datetime) -> Overview:
    return {"on": switch.on, "since": since(switch.changed, now)}


def _who(house: HouseStatus) -> str:
    """Return who is home, in one sentence."""
    if not house.has_router:
        state = "home" if house.home.on else "away"
        return f"No router is configured, so presence is not watched. The house counts as {state}."
    home = [name for name, presence in house.people.items() if presence and presence.home]
    if home:
        return f"{' and '.join(home)} {'is' if len(home) == 1 else 'are'} home."
    return f"{'Somebody' if house.home.on else 'Nobody'} is home."


def _person(name: str, presence: Presence | None, now: datetime) -> str:
    if presence is None:
        return f"{name}: not known yet"
    words = f"{name}: {'home' if presence.home else 'away'}"
    return f"{words} since {format_time(presence.since, now)}" if presence.since else words


def _router(house: HouseStatus) -> str | None:
    if house.silence:
        began = format_time(house.silence.since, house.now)
        why = house.silence.why or "it gives no reason"
        return f"Who is home is not known since {began}: the router does not answer ({why})."
    if house.has_router and house.unseen_s is None:
        return "The program who_is_home is silent, so this is its last report."
    return None


def _cameras(house: HouseStatus, heartbeats: Mapping[str, Heartbeat]) -> Overview:
    """Return each camera by its name; those in no configuration run on other machines."""
    beats = {
        program.camera: beat
        for key, beat in heartbeats.items()
        if (program := program_of(key)[0]).kind == SECURITY_SYSTEM and program.camera
    }
    known = [status.program.camera for status in house.programs if status.program.camera]
    return {name: _camera(name, house, beats.get(name)) for name in dict.fromkeys(known)}


def _camera(name: str, house: HouseStatus, beat: Heartbeat | None) -> Overview:
    position = house.positions.get(name)
    state, words = _camera_state(name, house, beat)
    return {
        "state": state,
        "words": words,
        "pan": position.pan_deg if position else None,
        "tilt": position.tilt_deg if position else None,
        "direction": f"Pan {position.pan_deg}°, tilt {position.tilt_deg}°" if position else "",
        "model": str(beat.counters.get("people_model") or "") if beat else "",
    }


def _newest_picture(name: str, context: CommandContext) -> str:
    taken_at = context.state.latest_taken_at(name)
    if taken_at is None:
        return ""
    return f" Its newest picture is of {format_time(taken_at, context.clock.now())}."


def _camera_state(name: str, house: HouseStatus, beat: Heartbeat | None) -> tuple[str, str]:
    """Return the state of a camera, and a sentence on it unless it is open."""
    now = house.now
    if not house.armed.on:
        by = since(house.armed.changed, now)
        return "disarmed", f"Off: the house is disarmed{f' {by}' if by else ''}."
    if loss := house.losses.get(name):
        began = f" since {format_time(loss.since, now)}" if loss.since else ""
        return "lost", f"Lost{began}: {loss.why.removesuffix('.')}."
    if beat is None or beat.counters.get("camera") != "open":
        return "opening", "The camera is starting …"
    return "open", ""


def _troubles(house: HouseStatus) -> Iterator[str]:
    """Yield a sentence on each program that is silent, stuck or in trouble."""
    if house.dropped:
        yield f"Too many events waited for delivery, and {house.dropped} messages were dropped."
    for status in house.programs:
        host = "" if status.host == protocol.host_name() else f" on {status.host}"
        name = f"{status.program.name}{host}"
        if status.heartbeat is None:
            if not status.is_unknown:
                yield f"{name} is silent."
        elif reason := why_stuck(status.heartbeat, house.now):
            yield f"{name} is stuck: {reason}."
        elif status.heartbeat.last_error:
            yield f"{name}: {status.heartbeat.last_error.what}"


def _event(survey: Survey, now: datetime) -> Overview | None:
    """Return the newest event: its id, and a line on it."""
    for event, record in survey.events().items():
        return {"id": event, "line": _line(record, now)}
    return None


def _line(record: EventRecord, now: datetime) -> str:
    words = [format_time(record.started_at, now), record.camera]
    if record.ended_at is None:
        words.append("going on")
    else:
        words.append(format_duration(max((record.ended_at - record.started_at).total_seconds(), 0)))
    if record.seen:
        words.append(with_article(record.seen))
    if record.label:
        words.append(record.label)
    return " · ".join(words)
