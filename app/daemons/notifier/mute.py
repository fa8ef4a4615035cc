"""Why nothing may be told just now.

`camera_notifications` False holds everything back; a snooze holds back motion and its films only,
so that a camera that is lost or a program that is silent is told all the same.
"""

import logging
from datetime import UTC, datetime

from app.protocol import Fact
from app.state.switches import Switches

#: What `reason` is to be given of Redis, in this order.
READS = ("camera_notifications", "snoozed_until")

#: What a snooze holds back.
SNOOZED = ("motion_started", "clip_ready")

_log = logging.getLogger(__name__)


class Silence:
    """Judges facts by what Redis says; what cannot be read there is reported once."""

    def __init__(self) -> None:
        self._switches = Switches()
        self._reported: str | None = None

    def reason(
        self, fact: Fact, now: datetime, notifications: str | None, snoozed_until: str | None
    ) -> str | None:
        """A few words, or None when *fact* may be told."""
        if not self._switches.read("camera_notifications", notifications):
            return "camera_notifications is False"
        until = self._time(snoozed_until)
        return (
            f"snoozed until {until.isoformat()}"
            if until and until > now and fact.kind in SNOOZED
            else None
        )

    def _time(self, found: str | None) -> datetime | None:
        """The time in *found*, taken for UTC when it does not say."""
        if found is None:
            return None
        try:
            at = datetime.fromisoformat(found)
        except ValueError:
            if found != self._reported:
                _log.warning(
                    "snoozed_until is %r in Redis; it must be a UTC time as 2026-11-20T10:15:00Z. "
                    "It is ignored.",
                    found[:40],
                )
            self._reported = found
            return None
        return at if at.tzinfo else at.replace(tzinfo=UTC)
