"""Times as people read and write them: short, and in the house's own time zone."""

import re
from datetime import UTC, datetime, timedelta

_FOR = re.compile(r"(?:(\d{1,4})\s*h(?:ours?)?)?\s*(?:(\d{1,4})\s*m(?:in(?:ute)?s?)?)?", re.ASCII)
_UNTIL = re.compile(r"until\s+(\d{1,2})(?:[:.](\d{2}))?", re.ASCII)
#: (shortest duration in the unit, length of the unit, its name); the first two in seconds.
_UNITS = ((172_800, 86_400, "days"), (7_200, 3_600, "h"), (120, 60, "min"), (0, 1, "s"))


def utc_time(text: str) -> datetime:
    """Return the time of the ISO 8601 *text*, in UTC when it names no zone.

    Raises `ValueError` when *text* is no time.
    """
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def format_time(at: datetime, now: datetime) -> str:
    """Return *at* in local time: `10:15` today, else with its day."""
    local, today = at.astimezone(), now.astimezone().date()
    days = abs((today - local.date()).days)
    if days == 0:
        return f"{local:%H:%M}"
    return f"{local:%a %H:%M}" if days < 6 else f"{local.day} {local:%b %H:%M}"


def format_duration(seconds: float) -> str:
    """Return *seconds*, 0 or more, in one unit: `42 s`, `3 min`, `2 h` or `4 days`."""
    length_s, unit = next(
        (length_s, unit) for least_s, length_s, unit in _UNITS if seconds >= least_s
    )
    return f"{seconds / length_s:.0f} {unit}"


def parse_end(text: str, now: datetime) -> datetime | None:
    """Return the time that a person means by *text*; None when *text* means none.

    *text* is a duration from *now*, as `30m`, `2h` or `1h30m`, or a local time, as `until 18:00`.
    """
    words = text.strip().lower()
    if until := _UNTIL.fullmatch(words):
        return _next_at(int(until[1]), int(until[2] or 0), now)
    length = _FOR.fullmatch(words)
    if not length or not (length[1] or length[2]):
        return None
    return now + timedelta(hours=int(length[1] or 0), minutes=int(length[2] or 0))


def _next_at(hour: int, minute: int, now: datetime) -> datetime | None:
    """Return the next time that is *hour*:*minute* in local time; None when there is none."""
    if hour > 23 or minute > 59:
        return None
    local = now.astimezone().replace(tzinfo=None)
    at = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
    # A naive time gets the offset of its own date: summer time may begin or end before it.
    return (at if at > local else at + timedelta(days=1)).astimezone(now.tzinfo)
