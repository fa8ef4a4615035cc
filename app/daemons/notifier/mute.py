"""Reasons to hold alerts back: notifications are switched off, or alerts are snoozed.

`camera_notifications` False holds back everything. A snooze holds back only motion and its clips; a
lost camera or a silent program is announced during a snooze too.
"""

import logging
from datetime import datetime

from app.protocol import MOTION_ALERTS, SNOOZE_MOST_S, Fact
from app.state.switches import Switches
from app.times import utc_time

#: The keys in Redis whose values `Mute.reason` needs, in this order.
READS = ("camera_notifications", "snoozed_until")

#: The kinds of facts that a snooze holds back.
SNOOZED = (*MOTION_ALERTS, "clip_ready")

_log = logging.getLogger(__name__)


class Mute:
    """Decides by values from Redis whether to hold a fact back; logs an unreadable value once."""

    def __init__(self) -> None:
        self._switches = Switches()
        self._reported: str | None = None

    def reason(
        self, fact: Fact, now: datetime, notifications: str | None, snoozed_until: str | None
    ) -> str | None:
        """Return the reason to hold *fact* back, in a few words; None when there is none."""
        if not self._switches.read("camera_notifications", notifications):
            return "camera_notifications is False"
        until = self._time(snoozed_until, now)
        if until and until > now and fact.kind in SNOOZED:
            return f"snoozed until {until.isoformat()}"
        return None

    def _time(self, found: str | None, now: datetime) -> datetime | None:
        """Return the time in *found*; None for no time, and for one that no snooze can have."""
        if found is None:
            return None
        try:
            until = utc_time(found)
            if (until - now).total_seconds() <= SNOOZE_MOST_S:
                return until
        except ValueError:
            pass
        if found != self._reported:
            _log.warning(
                "snoozed_until is %r in Redis; it must be a UTC time of the next 24 hours, as "
                "2026-11-20T10:15:00Z. It is ignored.",
                found[:40],
            )
        self._reported = found
        return None
