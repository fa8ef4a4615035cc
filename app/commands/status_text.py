"""The state of the house in Slack's mrkdwn, in lines that are short enough for a phone."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from app import protocol
from app.alert_text import with_article
from app.commands.machine import Vitals
from app.commands.status import CameraLoss, HouseStatus, ProgramStatus, SwitchState
from app.mrkdwn import one_line
from app.programs import step_age_s, why_stuck
from app.protocol import (
    ArmedBy,
    Decision,
    EventRecord,
    Heartbeat,
    Position,
    Presence,
    RouterHealth,
    shown_score,
)
from app.times import format_duration, format_time

#: The words for an event whose alert was not sent.
_FATES: Mapping[Decision | None, str] = {
    "waiting": "not sent yet",
    "held": "not sent",
    "silenced": "silenced",
}


def status(house: HouseStatus, vitals: Vitals, cameras: list[str]) -> str:
    """Return the whole state of the *house*, of its *cameras*, and of this machine."""
    now = house.now
    last_event = _event(house.last_event, now) if house.last_event else "none yet"
    auto_detect = "on" if house.auto_detect.on else "off"
    lines = [
        f"{'*Armed*' if house.armed.on else '*Disarmed*'}{since(house.armed.changed, now)}",
        f"*Alerts:* {_alerts(house)}",
        *(f":warning: {one_line(trouble)}" for trouble in _notifier_troubles(house)),
        f"*Home:* {_home(house)}{_unknown(house.silence, now)}",
        f"*Arming by who is home:* {auto_detect}{since(house.auto_detect.changed, now)}",
        f"*Cameras:* {', '.join(_camera(name, house) for name in cameras)}",
        f"*Machine:* {_machine(vitals)}",
        f"*Last event:* {last_event}",
        *_decisions(house.decisions),
        "*Programs:*",
        *(f"• {_program(program, now)}" for program in house.programs),
    ]
    return "\n".join(lines)


def who(house: HouseStatus) -> str:
    """Return who is home and who is not."""
    home, now = _home(house), house.now
    lines = [f"{home[0].upper()}{home[1:]}."]
    if not house.has_router:
        return lines[0]
    if unknown := _unknown(house.silence, now):
        lines.append(f":warning: {unknown.removeprefix('; ')}.")
    if house.unseen_s is None:
        lines.append(":warning: who_is_home is silent, so this is its last report.")
    unseen_s = house.unseen_s or {}
    lines += [
        f"• {one_line(name)}: {_person(presence, unseen_s.get(name), now)}"
        for name, presence in house.people.items()
    ]
    lines.append(f"Arming by who is home is {_position_of(house.auto_detect, now)}.")
    return "\n".join(lines)


def events(known: Mapping[str, EventRecord], now: datetime) -> str:
    """Return a line for each of the events *known*, in their order."""
    if not known:
        return "Nothing has happened yet."
    return "\n".join(f"• {_event(record, now)}" for record in known.values())


def since(changed: ArmedBy | None, now: datetime) -> str:
    """Return `, since 10:15, by anna (by command)`; "" when nobody has *changed* it."""
    if changed is None:
        return ""
    by, why = one_line(changed.by), one_line(changed.why)
    return f", since {format_time(changed.at, now)}, by {by} ({why})"


def _since_time(changed: ArmedBy | None, now: datetime) -> str:
    return f" since {format_time(changed.at, now)}" if changed else ""


def direction(position: Position) -> str:
    """Return *position* in words."""
    return f"pan {position.pan_deg}°, tilt {position.tilt_deg}°"


def _position_of(switch: SwitchState, now: datetime) -> str:
    return f"{'on' if switch.on else 'off'}{since(switch.changed, now)}"


def _alerts(house: HouseStatus) -> str:
    if house.alerts.on and house.snoozed_until:
        return f"snoozed until {format_time(house.snoozed_until, house.now)}"
    return _position_of(house.alerts, house.now)


def _notifier_troubles(house: HouseStatus) -> Iterator[str]:
    if house.dropped:
        yield f"Too many events waited for delivery, and {house.dropped} messages were dropped."
    for status in house.programs:
        if status.program.kind == "notifier" and status.heartbeat and status.heartbeat.last_error:
            yield status.heartbeat.last_error.what


def _home(house: HouseStatus) -> str:
    by = since(house.home.changed, house.now)
    if house.has_router:
        return f"{'somebody' if house.home.on else 'nobody'} is home{by}"
    return (
        "no router is configured, so presence is not watched; the house counts as "
        f"{'home' if house.home.on else 'away'}{by}"
    )


def _unknown(silence: RouterHealth | None, now: datetime) -> str:
    """Return `; not known since 10:15, …` while the router is silent, else ""."""
    if silence is None:
        return ""
    return (
        f"; not known since {format_time(silence.since, now)}, because the router does not answer: "
        f"{one_line(silence.why or '')}"
    )


def _person(presence: Presence | None, unseen_s: float | None, now: datetime) -> str:
    """Return a person's presence: home or away, since when, last seen, and the wait until gone.

    *unseen_s* is the time since the person was last seen, None when it is not known.
    """
    if presence is None:
        return "not known yet"
    words = "home" if presence.home else "away"
    if presence.since:
        words += f" since {format_time(presence.since, now)}"
    if not presence.home:
        seen = presence.last_seen
        return f"{words}, last seen {format_time(seen, now)}" if seen else words
    if unseen_s is not None:
        words += f", seen {format_duration(unseen_s)} ago"
    if presence.wait_s is not None:
        words += f"; counts as gone when not seen for {_wait(presence.wait_s, presence)}"
    return words


def _wait(wait_s: float, presence: Presence) -> str:
    longest = presence.longest_wait
    if longest is None or longest[1] <= wait_s:
        return format_duration(wait_s)
    hour, longest_s = longest
    return f"{format_duration(wait_s)} (up to {format_duration(longest_s)} at {hour}:00)"


def lost(loss: CameraLoss, now: datetime) -> str:
    """Return `lost since 10:15: …`."""
    since_then = f" since {format_time(loss.since, now)}" if loss.since else ""
    return f"lost{since_then}: {one_line(loss.why)}"


def _camera(name: str, house: HouseStatus) -> str:
    words = ["fixed"]
    if name in house.positions:
        position = house.positions[name]
        words = [direction(position) if position else "not turned yet"]
    if name in house.closed and not house.armed.on:
        words.append(f"closed{_since_time(house.armed.changed, house.now)}")
    elif name in house.losses:
        words.append(f"*{lost(house.losses[name], house.now)}*")
    return f"{name} ({'; '.join(words)})"


def _machine(vitals: Vitals) -> str:
    words = []
    if vitals.temperature_c is not None:
        words.append(f"{vitals.temperature_c:.0f} °C")
    if vitals.throttled is not None:
        words.append(vitals.throttled or "not throttled")
    return ", ".join([*words, f"{vitals.free_gb:.1f} GB free"])


def _event(record: EventRecord, now: datetime) -> str:
    words = [format_time(record.started_at, now), one_line(record.camera)]
    if record.ended_at is None:
        words.append("going on")
    else:
        words.append(format_duration(max((record.ended_at - record.started_at).total_seconds(), 0)))
    if record.seen:
        words.append(one_line(with_article(record.seen)))
    elif score := shown_score(record):
        words.append(f"person {score:.0%}")
    if record.decision in _FATES:
        words.append(f"{_FATES[record.decision]}{_likeness(record, now)}")
    if record.label:
        words.append(f"{record.label}, said {one_line(record.label_by or 'somebody')}")
    return " · ".join(words)


def _likeness(record: EventRecord, now: datetime) -> str:
    """Return ", like 10:15 and 11:02, which were tagged as unoccupied" of a silenced event."""
    if record.decision != "silenced" or not record.like:
        return ""
    times = [format_time(protocol.event_started_at(event), now) for event in record.like]
    named = " and ".join(filter(None, (", ".join(times[:-1]), times[-1])))
    return f", like {named}, which {'were' if times[1:] else 'was'} tagged as unoccupied"


def _decisions(counts: Mapping[str, int]) -> Iterator[str]:
    """Yield a line on the alerts of the last day, if some were held back."""
    held, silenced = counts.get("held", 0), counts.get("silenced", 0)
    if held or silenced:
        sent = counts.get("sent", 0)
        words = [f"{sent} alert{'s' * (sent != 1)} sent"]
        words += [f"{held} held back, because no person was seen"] * (held > 0)
        words += [f"{silenced} silenced"] * (silenced > 0)
        yield f"*Last 24 hours:* {'; '.join(words)}"


def _program(status: ProgramStatus, now: datetime) -> str:
    """Return a program and its last step; on another machine with that machine's name."""
    if status.heartbeat is None:
        return f"{status.program.name}: {'not known yet' if status.is_unknown else 'silent'}"
    where = "" if status.host == protocol.host_name() else f"@{status.host}"
    return f"{one_line(status.program.name + where)}: {_last_step(status.heartbeat, now)}"


def _last_step(heartbeat: Heartbeat, now: datetime) -> str:
    words = f"{format_duration(step_age_s(heartbeat, now))} ago"
    if reason := why_stuck(heartbeat, now):
        words = f"stuck, {one_line(reason)}"
    if heartbeat.last_error:
        words += f"; {one_line(heartbeat.last_error.what)}"
    return words
