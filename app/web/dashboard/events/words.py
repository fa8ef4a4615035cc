"""An event in words for the pages: what it was, and what became of its alert."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from app.alert_text import with_article
from app.protocol import Decision, event_started_at, host_name
from app.times import format_duration, format_time
from app.web.dashboard.events.row import AlertDelivery, EventRow

#: An event without an end after this time has lost it.
_LONGEST_S = 6 * 3600.0
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@dataclass(frozen=True, slots=True)
class Fate:
    """The outcome of an event's alert: in a word, in a sentence, and as a colour of Bootstrap."""

    word: str
    sentence: str
    colour: str


FATES: Final[Mapping[Decision | None, Fate]] = {
    "sent": Fate("sent", "The alert was sent.", "primary"),
    "waiting": Fate("waiting", "The alert waits until the person model has looked.", "info"),
    "held": Fate("held back", "The alert was held back, because the model saw no person.", "dark"),
    "silenced": Fate(
        "silenced", "The alert was silenced: the event is like others that are false.", "dark"
    ),
}
_DELIVERIES: Final[Mapping[AlertDelivery | None, Fate | None]] = {
    "delivered": FATES["sent"],
    "muted": Fate("muted", "The alert was not sent, because alerts were muted.", "dark"),
    "no alert": Fate("no alert", "No alert was sent, so soon after the one before.", "dark"),
    None: None,
}
_ASKED = Fate("asked for", "Somebody asked for this clip, so there was no alert.", "dark")


def what_was(row: EventRow) -> str:
    """Return what the event was, as in "A cat, 71 %" or "Motion, person score 4 %"."""
    if row.asked:
        return "A clip that somebody asked for"
    if row.seen:
        what = with_article(row.seen)
        score = "" if row.score is None else f", {row.score:.0%}"
        return f"{what[0].upper()}{what[1:]}{score}"
    return f"Motion, person score {row.score:.0%}" if row.score else "Motion"


def fate_of(row: EventRow) -> Fate | None:
    """Return what became of the alert of the event; None where that is not known."""
    if row.asked:
        return _ASKED
    if row.decision in (None, "sent"):
        return _DELIVERIES[row.delivery] or FATES.get(row.decision)
    return FATES.get(row.decision)


def length_of(row: EventRow, now: datetime) -> str:
    """Return how long the event took, or that it goes on."""
    if row.lasted_s is not None:
        return format_duration(row.lasted_s)
    is_recent = 0 <= (now - row.started_at).total_seconds() < _LONGEST_S
    return "going on" if is_recent else "end not known"


def like_words(row: EventRow, now: datetime) -> str:
    """Return "like 10:15 and 11:02" of a silenced event; else nothing."""
    times = [format_time(event_started_at(event), now) for event in row.like]
    named = " and ".join(filter(None, (", ".join(times[:-1]), *times[-1:])))
    return f"like {named}" if named else ""


def place_of(row: EventRow) -> str | None:
    """Return where the recording of the event is; None when it is on this machine."""
    if row.is_here:
        return None
    if row.host == host_name():
        return "deleted"
    return f"on {row.host}" if row.host else "not on this machine"


def day_words(day: date, today: date) -> str:
    """Return a heading for *day*: "Today, Friday 20 November", with the year if it is another."""
    year = f" {day.year}" if day.year != today.year else ""
    name = f"{_DAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]}{year}"
    near = {0: "Today, ", 1: "Yesterday, "}.get((today - day).days, "")
    return near + name
