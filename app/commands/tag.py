"""/tag: gives an event of `/events` a label; an event that was held back has no buttons."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from app.commands.context import CommandContext, Invocation
from app.commands.tagging import explanation, tag_event
from app.errors import Refused
from app.mrkdwn import one_line
from app.protocol import EventRecord, Label
from app.times import format_time

#: The newest events among which one is sought.
MOST_EVENTS = 100
#: A time without its day, read before midnight, means the same event until noon.
_SHOWN_FOR = timedelta(hours=12)

_LABELS: dict[str, Label | None] = {
    "occupied": "occupied",
    "unoccupied": "unoccupied",
    "undo": None,
}
_USAGE = (
    "Which event was what? Write its time as /events shows it, then occupied, unoccupied or undo, "
    "as in /tag 10:15 unoccupied or /tag Wed 10:15 occupied"
)


def tag(invocation: Invocation, context: CommandContext, known: Mapping[str, EventRecord]) -> str:
    """Label the event among those *known* that the words of *invocation* mean; return the reply."""
    words = invocation.text.lower().split()
    if not words or words[-1] not in _LABELS:
        raise Refused(_USAGE)
    label, words = _LABELS[words[-1]], words[:-1]
    cameras = list(context.config.cameras)
    if words and words[0] in cameras:
        cameras = [words.pop(0)]
        known = {event: record for event, record in known.items() if record.camera in cameras}
    when = " ".join(words)
    found = _named(when, known, invocation.at) or _named(when, known, invocation.at - _SHOWN_FOR)
    if not found:
        of = ", ".join(cameras)
        time = f"“{one_line(when[:40])}”" if when else "no time"
        raise Refused(f"Of the newest {MOST_EVENTS} events none of {of} is of {time}. {_USAGE}")
    if len(found) > 1:
        raise Refused(f"Several events are of that time: {_listed(found)}. Name one so.")
    ((event, record),) = found.items()
    outcome = tag_event(event, label, invocation, context)
    said = explanation(outcome, invocation)
    at = format_time(record.started_at, invocation.at)
    result = f"is {label}" if label else "is not tagged any more"
    done = f"The event of camera {record.camera} at {at} {result}." if outcome.changed else ""
    return f"{done} {one_line(said) if said else ''}".strip()


def _named(when: str, known: Mapping[str, EventRecord], now: datetime) -> dict[str, EventRecord]:
    """Return the events among those *known* whose time is *when* in a text that is shown *now*."""
    return {
        event: record
        for event, record in known.items()
        if when in _names_of(record.started_at, now)
    }


def _names_of(started_at: datetime, now: datetime) -> tuple[str, str]:
    """Return how a person may write the time: with minutes, or with seconds."""
    name = format_time(started_at, now).lower()
    return name, f"{name}:{started_at.astimezone():%S}"


def _listed(found: Mapping[str, EventRecord]) -> str:
    return ", ".join(
        f"{record.camera} {record.started_at.astimezone():%H:%M:%S}" for record in found.values()
    )
