"""Times as people read and write them: in the house's own time zone, and short."""

import re
from datetime import UTC, datetime, timedelta

_FOR = re.compile(r"(?:(\d{1,4})\s*h)?\s*(?:(\d{1,4})\s*m(?:in)?)?", re.ASCII)
_UNTIL = re.compile(r"until\s+(\d{1,2})(?:[:.](\d{2}))?", re.ASCII)
#: From how many seconds on a length is told in a unit, the unit's length in seconds, and its name.
_UNITS = ((172_800, 86_400, "days"), (7_200, 3_600, "h"), (120, 60, "min"), (0, 1, "s"))


def utc_time(text: str) -> datetime:
    """Return the time that the ISO 8601 *text* means, in UTC when it names no zone.

    Raises `ValueError` when *text* is no time.
    """
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def format_time(at: datetime, now: datetime) -> str:
    """*at* as the house's clocks show it: `10:15` today, else with its day."""
    there, here = at.astimezone(), now.astimezone()
    days = abs((here.date() - there.date()).days)
    if days == 0:
        return f"{there:%H:%M}"
    return f"{there:%a %H:%M}" if days < 6 else f"{there.day} {there:%b %H:%M}"


def format_duration(seconds: float) -> str:
    """*seconds*, 0 or more, in one unit: `42 s`, `3 min`, `2 h` or `4 days`."""
    length_s, unit = next(
        (length_s, unit) for least_s, length_s, unit in _UNITS if seconds >= least_s
    )
    return f"{seconds / length_s:.0f} {unit}"


def parse_end(text: str, now: datetime) -> datetime | None:
    """The moment that *text* means: `30m`, `2h`, `1h30m` from *now*, or `until 18:00` by the
    house's clocks; None when it means none.
    """
    words = text.strip().lower()
    if until := _UNTIL.fullmatch(words):
        return _next_at(int(until[1]), int(until[2] or 0), now)
    length = _FOR.fullmatch(words)
    if not length or not (length[1] or length[2]):
        return None
    return now + timedelta(hours=int(length[1] or 0), minutes=int(length[2] or 0))


def _next_at(hour: int, minute: int, now: datetime) -> datetime | None:
    """When the house's clocks next show *hour*:*minute*; None when they never do."""
    if hour > 23 or minute > 59:
        return None
    here = now.astimezone().replace(tzinfo=None)
    at = here.replace(hour=hour, minute=minute, second=0, microsecond=0)
    # The offset is that of the moment meant, which may be on the other side of a change of summer
    # time.
    return (at if at > here else at + timedelta(days=1)).astimezone(now.tzinfo)
