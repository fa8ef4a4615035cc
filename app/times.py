"""Times as people read and write them: short, and in the house's own time zone."""

import re
from datetime import UTC, datetime, time, timedelta

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


def format_time_s(at: datetime, now: datetime) -> str:
    """Return *at* in local time with seconds: `10:15:30` today, else with its day."""
    day = format_time(at, now).rpartition(" ")[0]
    return f"{day} {at.astimezone():%H:%M:%S}".strip()


def format_duration(seconds: float) -> str:
    """Return *seconds*, 0 or more, in one unit: `42 s`, `3 min`, `2 h` or `4 days`."""
    length_s, unit = next(
        (length_s, unit) for least_s, length_s, unit in _UNITS if seconds >= least_s
    )
    return f"{seconds / length_s:.0f} {unit}"


def parse_duration(text: str) -> timedelta | None:
    """Return the duration that a person means by *text*, as `30m`, `2h` or `1h30m`, or None."""
    length = _FOR.fullmatch(text.strip().lower())
    if not length or not (length[1] or length[2]):
        return None
    return timedelta(hours=int(length[1] or 0), minutes=int(length[2] or 0))


def parse_until(text: str, now: datetime) -> datetime | None:
    """Return the time that a person means by *text*, as `until 18:00`, or None.

    It is the next one after *now*: perhaps in less than a second, or, when summer time ends before
    it, in up to 25 hours.
    """
    until = _UNTIL.fullmatch(text.strip().lower())
    if not until or int(until[1]) > 23 or int(until[2] or 0) > 59:
        return None
    return _next_at(time(int(until[1]), int(until[2] or 0)), now)


def _next_at(at: time, now: datetime) -> datetime:
    """Return the next time that is *at* in local time; a time that is skipped comes an hour later.

    An hour that comes twice, when summer time ends, is fold 0 and then fold 1.
    """
    today = now.astimezone().date()
    # Of a naive time that is skipped, `astimezone` would return a time before it.
    comes_s = (
        datetime.combine(today + timedelta(days=days), at.replace(fold=fold)).timestamp()
        for days in (0, 1)
        for fold in (0, 1)
    )
    return datetime.fromtimestamp(next(one for one in comes_s if one > now.timestamp()), now.tzinfo)
