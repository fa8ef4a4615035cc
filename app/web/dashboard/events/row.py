"""An event as the timeline has it in memory, and the filters that select events."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from sys import intern
from typing import Literal, cast

from app.errors import ProtocolError
from app.protocol import (
    Decision,
    EventRecord,
    Label,
    event_camera,
    event_started_at,
    is_moment,
    shown_score,
)
from app.protocol.deliveries import DELIVERED, HELD, UNTOLD, Stage, stage_mark

AlertDelivery = Literal["delivered", "muted", "no alert"]
_LABELS = ("occupied", "unoccupied")


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event of the timeline.

    It took *lasted_s* seconds, None while it goes on or when its end is not known. *seen* is the
    class of what a model saw, with the score *score*; without a class, *score* is the person score.
    *delivery* is what the notifier has done, where Redis knows it: a channel has delivered the
    alert, alerts were muted, or it was no alert. *like* are the tagged events for which the
    silencer takes it for false. *is_here* says that its folder is on this machine; *host* is the
    machine that made its clip, where that is known. *asked* says that somebody asked for the clip,
    so nothing need have moved.
    """

    id: str
    camera: str
    started_s: float
    lasted_s: float | None = None
    seen: str | None = None
    score: float | None = None
    decision: Decision | None = None
    delivery: AlertDelivery | None = None
    like: tuple[str, ...] = ()
    label: Label | None = None
    label_by: str | None = None
    host: str | None = None
    is_here: bool = False
    has_clip: bool = False
    has_snapshot: bool = False
    asked: bool = False

    @property
    def started_at(self) -> datetime:
        return datetime.fromtimestamp(self.started_s, UTC)

    @property
    def ended_at(self) -> datetime | None:
        if self.lasted_s is None:
            return None
        return datetime.fromtimestamp(self.started_s + self.lasted_s, UTC)

    @property
    def day(self) -> date:
        """The day on which it began, in the house's own time zone."""
        return self.started_at.astimezone().date()

    def of_record(self, record: EventRecord) -> "EventRow":
        """Return this row with what *record* says."""
        started_at, ended_at = record.started_at, record.ended_at
        lasted_s = (ended_at - started_at).total_seconds() if ended_at else None
        score = record.seen_score if record.seen else shown_score(record)
        return replace(
            self,
            lasted_s=None if lasted_s is None else max(lasted_s, 0.0),
            seen=intern(record.seen) if record.seen else None,
            score=score,
            decision=record.decision,
            like=record.like or () if record.decision == "silenced" else (),
            label=record.label,
            label_by=intern(record.label_by) if record.label_by else None,
        )

    def tagged(self, label: Label | None, by: str | None) -> "EventRow":
        """Return this row with the *label* that *by* has given it."""
        if label == self.label and (label is None or by == self.label_by):
            return self
        return replace(self, label=label, label_by=intern(by) if label and by else None)


def delivery_in(marks: Mapping[str, str]) -> AlertDelivery | None:
    """Return what the notifier has done about the alert of an event with *marks*."""
    if any(DELIVERED.matches(name) and not _was_skipped(name, marks) for name in marks):
        return "delivered"
    if HELD.name in marks:
        return "muted"
    return "no alert" if UNTOLD.name in marks else None


def _was_skipped(delivered: str, marks: Mapping[str, str]) -> bool:
    channel = delivered.partition(":")[2]
    return bool(marks.get(stage_mark(channel, Stage.SKIPPED)))


def day_of(event: str) -> str:
    """Return the day in UTC of an event's id, as in 2026-11-20."""
    return f"{event[:4]}-{event[4:6]}-{event[6:8]}"


def new_row(event: str) -> EventRow:
    """Return the row of *event*, of which only the id is known; a bad id is a `ProtocolError`."""
    started_at = event_started_at(event)
    if not is_moment(started_at):
        raise ProtocolError(f"no event happened at {started_at}")
    return EventRow(event, intern(event_camera(event)), started_at.timestamp())


def label_of(plain: Mapping[str, object] | None) -> tuple[Label | None, str | None]:
    """Return the label in the content of a `label.json`, and who gave it."""
    label = plain.get("label") if plain else None
    if plain is None or label not in _LABELS:
        return None, None
    user = plain.get("user")
    return cast(Label, label), user if isinstance(user, str) else None


LabelFilter = Literal["occupied", "unoccupied", "untagged"]


@dataclass(frozen=True, slots=True)
class EventFilter:
    """The events to show: those of *camera*, with *label*, of *day*; None shows all.

    *what* is a decision, or a class that a model saw; "asked" are clips that somebody asked for.
    Events before *since_s*, in seconds since 1970, are left out; *asked* is whether only such clips
    are shown, or none of them.
    """

    camera: str | None = None
    label: LabelFilter | None = None
    what: str | None = None
    day: date | None = None
    since_s: float | None = None
    asked: bool | None = None

    def accepts(self, row: EventRow) -> bool:
        """Return whether *row* is shown, whatever its day."""
        if self.camera and row.camera != self.camera:
            return False
        if self.label and (row.label or "untagged") != self.label:
            return False
        if self.since_s is not None and row.started_s < self.since_s:
            return False
        if self.asked is not None and row.asked != self.asked:
            return False
        if self.what == "asked":
            return row.asked
        return not self.what or self.what in (row.seen, row.decision)


EVERY_EVENT = EventFilter()
