"""Decides which silences of the router and which changes of the house are announced.

What presence arms and disarms does not depend on it.
"""

from dataclasses import replace
from datetime import datetime

from app import protocol
from app.presence.arming import Transition
from app.protocol import Fact, RouterHealth, SteadinessRecord
from app.state.steadiness import Notice, Pace, Steadiness
from app.times import format_duration, format_time

#: The key of the record about the house.
HOME_CHANGES = "home_changes"
#: The seconds that the router must answer before that is announced.
ROUTER_BACK_AFTER_S = 60.0
#: Each change of the house is announced at once. A family may leave often; only within an hour of
#: the last return does that count as coming and going.
_HOUSE = Pace(down_after_s=0.0, up_after_s=0.0, forget_s=3600.0)


class RouterAnnouncements:
    """Announces that the router is silent for *silent_alert_s*, or answers again.

    *known* is the record of an earlier run.
    """

    def __init__(self, silent_alert_s: float, known: RouterHealth | None) -> None:
        pace = Pace(silent_alert_s, ROUTER_BACK_AFTER_S)
        self._steadiness = Steadiness(pace, _router_record(known))

    def observe(
        self, health: RouterHealth | None, now: datetime, now_s: float
    ) -> tuple[RouterHealth | None, Fact | None]:
        """Return *health* with the steadiness to store, and the fact to publish, if any."""
        if health is None:
            return None, None
        losses = self._steadiness.record.losses
        notice = self._steadiness.observe(not health.answering, now, now_s, health.since)
        record = self._steadiness.record
        if notice or record.losses != losses:
            is_told = record.announced == "down"
            health = replace(health, steadiness=replace(record), told=is_told)
        if notice is None:
            return health, None
        kind: protocol.FactKind = "router_silent" if notice.is_bad else "router_back"
        text = _router_text(notice, health.why)
        return health, Fact(protocol.new_fact_id(now), kind, now, text)


class HouseAnnouncements:
    """Announces that everyone has left, or somebody came, but rarely when that happens too often.

    *known* is the record of an earlier run; *is_home* is its conclusion.
    """

    def __init__(self, known: SteadinessRecord | None, *, is_home: bool) -> None:
        fresh = SteadinessRecord("up" if is_home else "down", is_down=not is_home)
        self._steadiness = Steadiness(_HOUSE, replace(known or fresh))
        #: The record to store; None until something has changed.
        self.record = known

    def pause(self) -> None:
        """Let no time count while the router is silent."""
        self._steadiness.pause()

    def observe(self, is_home: bool, now: datetime, now_s: float) -> Notice | None:
        """Record whether somebody is home; returns the notice that follows, if any."""
        losses = self._steadiness.record.losses
        notice = self._steadiness.observe(not is_home, now, now_s)
        if notice or self._steadiness.record.losses != losses:
            self.record = replace(self._steadiness.record)
        return notice


def announced(transition: Transition, notice: Notice | None) -> Transition:
    """Return *transition* of the house as *notice* says: with an alert or without."""
    if notice is None:
        return replace(transition, alert=False)
    return replace(transition, remark=_remark(notice) if notice.kind == "unsteady" else "")


def house_fact(notice: Notice) -> Fact:
    """Return the fact about *notice* of the house when nothing has changed just now."""
    since = format_time(notice.since, notice.at)
    texts = {
        "down": f"Everyone has been away since {since}.",
        "up": f"Somebody has been home since {since}.",
        "steady": f"Somebody has been home without a break since {since}.",
        "unsteady": _remark(notice),
    }
    fact_id = protocol.new_fact_id(notice.at)
    return Fact(fact_id, "presence_changed", notice.at, texts[notice.kind])


def _remark(notice: Notice) -> str:
    return (
        f"The phones come and go: {notice.frequency('everyone left', 'somebody was home')}. The "
        "house is still armed and disarmed each time; you get a summary now and then, not every "
        "change."
    )


def _router_text(notice: Notice, why: str | None) -> str:
    since = format_time(notice.since, notice.at)
    match notice.kind:
        case "down":
            return (
                f"The router has not answered since {since}: {why}. Until it does, presence arms "
                "and disarms nothing."
            )
        case "up":
            outage = format_duration(notice.outage_s)
            return f"The router answers again, after {outage}. It is known again who is home."
        case "unsteady":
            present = "" if notice.is_down else " It answers now."
            return (
                f"The router comes and goes: {notice.frequency('silent', 'answering')}.{present} "
                "While it is silent, presence arms and disarms nothing. You get a summary now and "
                "then, not every change."
            )
        case "steady":
            return f"The router answers steadily again, since {since}."


def _router_record(known: RouterHealth | None) -> SteadinessRecord:
    if known is None:
        return SteadinessRecord()
    if known.steadiness:
        return replace(known.steadiness)
    if known.told:
        return SteadinessRecord("down", True, known.since, losses=1, began=known.since)
    return SteadinessRecord()
