"""The records that go through Redis as JSON."""

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Annotated, Literal, TypeVar

from annotated_types import Interval
from pydantic import AwareDatetime, StringConstraints

from app.protocol.counters import Counters
from app.protocol.ids import ID

FactKind = Literal[
    "motion_started",
    "motion_confirmed",
    "motion_corrected",
    "motion_reconfirmed",
    "motion_ended",
    "camera_lost",
    "camera_back",
    "pictures_damaged",
    "pictures_intact",
    "camera_fault",
    "camera_fault_over",
    "process_silent",
    "process_back",
    "presence_changed",
    "router_silent",
    "router_back",
    "clip_ready",
    "left_open",
    "disk_low",
    "disk_ok",
    "store_refused",
    "store_back",
    "redis_trouble",
    "redis_ok",
    "machine_strained",
    "machine_relieved",
    "clock_stepped",
    "silencer_report",
    "silencer_asks",
    "silencer_stopped",
    "model_refused",
    "model_back",
]
#: The kinds of facts that announce an event: one of them is the event's alert.
OPENING_KINDS: tuple[FactKind, ...] = ("motion_started", "motion_confirmed")
#: The kinds of facts that may say that somebody is there.
MOTION_ALERTS: tuple[FactKind, ...] = (*OPENING_KINDS, "motion_reconfirmed")
#: What became of an event's alert.
Decision = Literal["waiting", "sent", "held", "silenced"]
#: The decisions about alerts that are not delivered.
HELD_BACK: tuple[Decision, ...] = ("held", "silenced")
RequestKind = Literal["last_image", "clip", "tag", "say", "silencer_on", "silencer_off", "focus"]
SILENCER_KINDS: tuple[RequestKind, ...] = ("silencer_on", "silencer_off")
#: The requests that a camera's program does without a reply.
CAMERA_KINDS: tuple[RequestKind, ...] = (*SILENCER_KINDS, "focus")
Label = Literal["occupied", "unoccupied"]
Id = Annotated[str, StringConstraints(pattern=f"^{ID.pattern}$")]
Degrees = Annotated[int, Interval(ge=-90, le=90)]
BoxPx = tuple[int, int, int, int]
#: Times outside cannot be shown in every time zone; a machine without a clock starts in 1970.
_FIRST, _LAST = datetime(1969, 1, 1, tzinfo=UTC), datetime(9998, 1, 1, tzinfo=UTC)
Moment = Annotated[AwareDatetime, Interval(ge=_FIRST, le=_LAST)]


@dataclass(frozen=True, slots=True)
class ArmedBy:
    """The last change of a switch: the person or program, the time and the reason."""

    by: str
    at: Moment
    why: str


@dataclass(frozen=True, slots=True)
class Position:
    """The direction of a camera, in whole degrees; 0, 0 is straight ahead."""

    pan_deg: Degrees
    tilt_deg: Degrees


@dataclass(frozen=True, slots=True)
class Presence:
    """One person of the house: *home* or away, and since when.

    *device* was seen last, at *last_seen*. *wait_s* is how long a person at home may be unseen now;
    *longest_wait* is the hour of the day with the longest wait, and its seconds.
    """

    home: bool
    since: Moment | None = None
    device: str | None = None
    last_seen: Moment | None = None
    wait_s: Annotated[float, Interval(ge=0)] | None = None
    longest_wait: tuple[Annotated[int, Interval(ge=0, le=23)], float] | None = None


@dataclass(frozen=True, slots=True)
class Habits:
    """The sleep of somebody's phones: for each device, the longest gaps in each hour of the day.

    A gap is (day, seconds). A day is its number since the year 1 (`date.toordinal`). Days and hours
    are in the house's own time zone.
    """

    gaps_s: dict[str, tuple[tuple[tuple[int, float], ...], ...]]


@dataclass(slots=True)
class SteadinessRecord:
    """The steadiness of a subject, and what the owner knows of it (*announced*).

    The present state, since *since*, has been seen for *lasted_s*. An episode of *losses* began at
    *began* and has been seen for *episode_s*; *down_s* of it the subject was lost. The last loss
    took *outage_s*, the longest *longest_s*. *steady_s* is how long the subject was steady before
    it counted as steady again the last time. `app.state.steadiness` uses it.
    """

    announced: Literal["up", "down", "unsteady"] = "up"
    is_down: bool = False
    since: AwareDatetime | None = None
    lasted_s: float = 0.0
    losses: int = 0
    losses_announced: int = 0
    began: AwareDatetime | None = None
    episode_s: float = 0.0
    down_s: float = 0.0
    outage_s: float = 0.0
    longest_s: float = 0.0
    summary_at_s: float = 0.0
    steady_s: float = 0.0
    unsteady: bool = False
    had_notice: bool = False


@dataclass(frozen=True, slots=True)
class RouterHealth:
    """The health of the router: *answering* or not, and since when.

    *steadiness* says what the owner knows of it. *told* is from earlier versions: whether an alert
    about its silence was published.
    """

    answering: bool
    since: Moment
    told: bool = False
    why: str | None = None
    steadiness: SteadinessRecord | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """The present trouble of a program, and since when."""

    at: Moment
    what: str


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The sign of life of a program.

    *step_at* is the last time at which its loop was between two steps. *counters* show its
    progress, *last_error* its trouble.
    """

    pid: Annotated[int, Interval(ge=0, lt=2**31)]
    started_at: Moment
    step_at: Moment
    counters: Counters
    last_error: Trouble | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """The reasons why something that moved is somebody.

    *box* is around it, in the picture's pixels. *size* is its share of the picture, *height* its
    share of the picture's height. It was followed for *lasted_s* seconds and went *travelled*, a
    share of the picture's width. It hides the share *hidden* of the texture behind it (None where
    there is none), and its darkest parts are darker than what is behind them by the share *darker*.
    *entered* is the edge at which it was first seen, None in the middle. *zone* is the name of the
    zone in which it stands.
    """

    box: BoxPx
    size: float
    height: float
    lasted_s: float
    travelled: float
    hidden: float | None
    darker: float
    entered: Literal["left", "right", "below"] | None = None
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class EventRecord:
    """The record of an event.

    *score* is the best person score, 0 to 1, and *person* whether that is a person; both None while
    no model has looked. *seen* is the class of what the model found, as in "person" or "cat", with
    the score *seen_score*. *decision* says what became of the alert: it waits for the model, it was
    sent, or it was held back because the model saw nobody or the silencer knows it as false; None
    where there was no alert to decide about. *would_silence* is whether the silencer takes it for
    false, because it is *like* three tagged events; None where it does not know. *boxes* are x, y,
    width, height in the picture's pixels. *evidence* says why the event opened, where the motion
    method knows it. *label_by* and *label_at* say who gave the label, and when.
    """

    camera: str
    started_at: Moment
    ended_at: Moment | None = None
    score: float | None = None
    person: bool | None = None
    seen: str | None = None
    seen_score: float | None = None
    decision: Decision | None = None
    would_silence: bool | None = None
    like: tuple[Id, ...] | None = None
    boxes: tuple[BoxPx, ...] | None = None
    peak_area_px: float | None = None
    evidence: Evidence | None = None
    label: Label | None = None
    label_by: str | None = None
    label_at: Moment | None = None


#: The fields of an event's hash that are not marks.
EVENT_FIELDS = tuple(field.name for field in fields(EventRecord))


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened; a fact that is published twice is on the stream once, by its *id*.

    *alert* is False for a fact that is not delivered by itself, such as an event too soon after the
    last. *text* is a sentence for a person. *file* is a file in the event's folder, as in
    `clip.mp4`; it lasts *lasted_s* seconds and is on the disk of *host*.
    """

    id: Id
    kind: FactKind
    at: Moment
    text: str
    camera: str | None = None
    event: Id | None = None
    alert: bool = True
    file: Id | None = None
    lasted_s: Annotated[float, Interval(ge=0)] | None = None
    host: str | None = None


@dataclass(frozen=True, slots=True)
class ClipAsked:
    """A clip that somebody asked for at *asked_at*.

    It is *file* in the folder of *event* on the disk of *host*. Without *file* there is no clip,
    and *why* is the reason.
    """

    asked_at: Moment
    event: Id | None = None
    file: Id | None = None
    why: str | None = None
    host: str | None = None


@dataclass(frozen=True, slots=True)
class ReplyTo:
    """The address of a reply: *response_url*, or else *channel*.

    A response URL is a secret; it accepts a few replies within some minutes. With *page*, somebody
    at the dashboard asked: the page shows the result by itself, so no reply is sent.
    """

    response_url: str | None = None
    channel: str | None = None
    page: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """Something that somebody asked for.

    *by* is the person's name for others, and *user* is the person's id in Slack. A tag puts *label*
    on *event*, or removes the label when it is None. The reply goes to *reply_to*. A "say" asks
    only for *text*, in Slack's mrkdwn, to be sent there. A "silencer_on" and a "silencer_off" ask
    that the silencer of *camera* holds back alerts, or not, and a "focus" that its lens looks for
    the sharpest picture.
    """

    kind: RequestKind
    at: Moment
    by: str
    camera: str | None = None
    user: str | None = None
    event: Id | None = None
    label: Label | None = None
    reply_to: ReplyTo | None = None
    text: str | None = None


Record = (
    ArmedBy
    | Position
    | ClipAsked
    | Presence
    | Habits
    | RouterHealth
    | SteadinessRecord
    | Heartbeat
    | Fact
    | Request
)
AnyRecord = TypeVar("AnyRecord", bound=Record)


def opened_event(fact: Fact) -> str | None:
    """Return the event that *fact* announces; None when it announces none.

    That is its opening, or the confirmation that an alert is necessary.
    """
    return fact.event if fact.kind in OPENING_KINDS else None


def pictured_event(fact: Fact) -> str | None:
    """Return the event whose picture *fact* brings; None when it brings none."""
    return fact.event if fact.kind in (*MOTION_ALERTS, "camera_fault") else None


def shown_score(record: EventRecord) -> float | None:
    """Return the person score of *record*; None where there is none, or the class says enough."""
    return None if record.seen else record.score or None


def is_moment(at: datetime) -> bool:
    """Return whether a record may have the aware time *at*."""
    return _FIRST <= at <= _LAST
