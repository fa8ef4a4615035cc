"""Notices that Redis is away for so long that the owner must know."""

import re
from datetime import datetime, timedelta

from app.clock import Clock
from app.config import Config
from app.emergency.reporter import EmergencyReporter
from app.protocol import host_name
from app.protocol.address import is_here

#: The time for which Redis must be away. It doubles with each report, up to the longest, until
#: Redis has been steady for a day.
LONGEST_AFTER_S = 3600.0
STEADY_S = 86_400.0
_SUBJECT = "redis"
_TAIL_BYTES = 4096
_LONGEST_WORDS = 300
#: What Redis puts before each line: its process, its role, the time, and the level.
_PREFIX = re.compile(r"^\d+:[A-Z] .*?\d\d:\d\d:\d\d\.\d{3} [.\-*#] ")
_WARNING = re.compile(r"^\d+:[A-Z] .*?\d\d:\d\d:\d\d\.\d{3} # ")


class RedisWatch:
    """Reports by *reporter* when Redis has been away for *after_s* seconds, and when it is back.

    A program calls `away` after each failure, and `back` after each success.
    """

    def __init__(
        self, config: Config, clock: Clock, reporter: EmergencyReporter, after_s: float
    ) -> None:
        self._config = config
        self._clock = clock
        self._reporter = reporter
        self._first_after_s = self._after_s = after_s
        self._away_since_s: float | None = None
        self._reported = False
        self._back_at_s: float | None = None

    def away(self, error: OSError) -> None:
        """Take into account that Redis does not answer, because of *error*."""
        now_s = self._clock.monotonic()
        if self._away_since_s is None:
            self._away_since_s = now_s
        away_s = now_s - self._away_since_s
        if away_s >= self._after_s and not self._reported:
            self._reported = True
            self._after_s = min(2 * self._after_s, LONGEST_AFTER_S)
            since = self._clock.now() - timedelta(seconds=away_s)
            self._reporter.begin(_SUBJECT, self._text(error, since), since)

    def back(self) -> None:
        """Take into account that Redis answers."""
        now_s = self._clock.monotonic()
        if self._away_since_s is not None or self._back_at_s is None:
            # Another program, or an earlier run, may have reported it.
            self._reporter.end(
                _SUBJECT, "Redis is back after {lasted}. The alerts from that time follow."
            )
            self._away_since_s, self._reported = None, False
            self._back_at_s = now_s
        elif now_s - self._back_at_s > STEADY_S:
            self._after_s = self._first_after_s

    def _text(self, error: OSError, since: datetime) -> str:
        words = self._last_words()
        seen_by = "" if is_here(self._config.redis.url) else f" (as {host_name()} sees it)"
        return (
            f"Redis has been away since {since.astimezone():%H:%M:%S}{seen_by}, and no alerts can "
            f"be delivered: {str(error).rstrip('.')}. "
            + (f"The end of its log: “{words}”. " if words else "")
            + f"Look at scripts/status.sh{self._where()}. The cameras keep what happens, and the "
            "alerts follow when Redis is back."
        )

    def _where(self) -> str:
        log = self._config.logs_dir / "redis.log"
        if is_here(self._config.redis.url):
            return f" and at {log}" if log.exists() else " and at the log of your Redis"
        return " and at the machine of your Redis"

    def _last_words(self) -> str | None:
        """Return what Redis or its starter said last, on one line; None when that is unknown."""
        if not is_here(self._config.redis.url):
            return None
        try:
            with (self._config.logs_dir / "redis.log").open("rb") as file:
                file.seek(0, 2)
                file.seek(max(file.tell() - _TAIL_BYTES, 0))
                lines = file.read().decode(errors="replace").splitlines()
        except OSError:
            return None
        said = [line for line in lines if line.strip()][-8:]
        warnings = [line for line in said if _WARNING.match(line)]
        last = (warnings or said or [""])[-1]
        return " ".join(_PREFIX.sub("", last).split())[:_LONGEST_WORDS] or None
