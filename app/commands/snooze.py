"""Holding alerts back for a while: `/snooze`, and the button that does the same."""

from datetime import UTC, datetime, timedelta

from app.commands.context import CommandContext, Invocation
from app.errors import Refused
from app.times import format_duration, format_time, parse_end, utc_time

SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(hours=24)
_HOW = (
    "Say for how long, from one minute to 24 hours: /snooze 30m, /snooze 2h, /snooze until 18:00, "
    "or /snooze off"
)


def snooze(asked: Invocation, house: CommandContext, found: str | None) -> str:
    """Hold alerts back as the words in *asked* say; without words, tell until when they are held
    back, by what was *found*.
    """
    words = asked.text.strip().lower()
    if not words:
        until = snoozed_until(found, asked.at)
        return (
            f"Alerts are snoozed until {format_time(until, asked.at)}. /snooze off ends that."
            if until
            else f"Alerts are not snoozed. {_HOW}"
        )
    if words == "off":
        house.state.end_snooze()
        return "Alerts are not snoozed any more."
    until = parse_end(words, asked.at)
    if until is None or not SHORTEST <= until - asked.at <= LONGEST:
        raise Refused(_HOW)
    return _hold_back(until, asked, house)


def snooze_for(length: timedelta, asked: Invocation, house: CommandContext) -> str:
    """Hold alerts back for *length*, unless they are held back for longer already."""
    until = snoozed_until(house.state.read_strings("snoozed_until")[0], asked.at)
    if until and until > asked.at + length:
        return f"Alerts are snoozed until {format_time(until, asked.at)} already. /snooze off ends that."
    return _hold_back(asked.at + length, asked, house)


def snoozed_until(found: str | None, now: datetime) -> datetime | None:
    """The time in *found*, which Redis has under `snoozed_until`; None when it has passed or is
    none.
    """
    try:
        until = utc_time(found or "")
    except ValueError:
        return None
    return until if until > now else None


def _hold_back(until: datetime, asked: Invocation, house: CommandContext) -> str:
    length_s = (until - asked.at).total_seconds()
    house.state.snooze(until.astimezone(UTC), round(length_s))
    return (
        f"Alerts are snoozed until {format_time(until, asked.at)} ({format_duration(length_s)}). /snooze off "
        "ends that."
    )
