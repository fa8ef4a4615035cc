"""The snooze, which holds alerts back for a while: `/snooze`, and the button of the same name.

It concerns everybody, so the alerts channel gets a message: who has snoozed, and until when.
"""

from datetime import UTC, datetime, timedelta
from math import ceil

from app.commands.context import CommandContext, Invocation
from app.errors import Refused
from app.mrkdwn import one_line
from app.protocol import SNOOZE_MOST_S, Request
from app.times import format_duration, format_time, parse_duration, parse_until, utc_time

SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(hours=24)
_MOST = timedelta(seconds=SNOOZE_MOST_S)
_USAGE = (
    "Say for how long, from one minute to 24 hours: /snooze 30m, /snooze 2h, /snooze until 18:00, "
    "or /snooze off"
)


def snooze(invocation: Invocation, context: CommandContext, stored: str | None) -> str:
    """Hold alerts back for the time in the words of *invocation*, and return the reply.

    Without words, nothing changes. The reply then says until when alerts are held back, by
    *stored*, the value of `snoozed_until` in Redis.
    """
    words = invocation.text.strip().lower()
    if not words:
        until = snoozed_until(stored, invocation.at)
        if until is None:
            return f"Alerts are not snoozed. {_USAGE}"
        return (
            f"Alerts are snoozed until {format_time(until, invocation.at)}. /snooze off ends that."
        )
    if words == "off":
        is_snoozed = snoozed_until(stored, invocation.at) is not None
        ended = _announcement(invocation, "ended the snooze. Alerts come again.")
        context.state.end_snooze(ended if is_snoozed else None)
        return "Alerts are no longer snoozed."
    return _hold_back(_end(words, invocation.at), invocation, context)


def snooze_for(length: timedelta, invocation: Invocation, context: CommandContext) -> str | None:
    """Hold alerts back for *length*; a longer snooze stays as it is, and the reply says so.

    Without a reply, the message in the alerts channel says everything.
    """
    until = snoozed_until(context.state.read_strings("snoozed_until")[0], invocation.at)
    if until and until > invocation.at + length:
        end = format_time(until, invocation.at)
        return f"Alerts are already snoozed until {end}. /snooze off ends that."
    _hold_back(invocation.at + length, invocation, context)
    return None


def snoozed_until(stored: str | None, now: datetime) -> datetime | None:
    """Return the time in *stored*, the value of `snoozed_until` in Redis.

    None when that time has passed, when *stored* is no time, or when a clock that was ahead has
    written it.
    """
    try:
        until = utc_time(stored or "")
    except ValueError:
        return None
    return until if timedelta(0) < until - now <= _MOST else None


def _end(words: str, now: datetime) -> datetime:
    """Return the end of the snooze that *words* ask for; a time of day may be seconds away."""
    length, until = parse_duration(words), parse_until(words, now)
    if length is not None and SHORTEST <= length <= LONGEST:
        until = now + length
    if until is None:
        raise Refused(_USAGE)
    return until


def _hold_back(until: datetime, invocation: Invocation, context: CommandContext) -> str:
    length_s = ceil((until - invocation.at).total_seconds())
    when = f"until {format_time(until, invocation.at)} ({format_duration(length_s)})"
    announcement = _announcement(invocation, f"snoozed alerts {when}. /snooze off ends that.")
    context.state.snooze(until.astimezone(UTC), length_s, announcement)
    return f"Alerts are snoozed {when}. /snooze off ends that."


def _announcement(invocation: Invocation, what: str) -> Request:
    """Return the request to post in the alerts channel that this person did *what*."""
    return Request(
        "say",
        invocation.at,
        invocation.by,
        user=invocation.user,
        text=f"{one_line(invocation.by)} {what}",
    )
