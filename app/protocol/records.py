"""The records that go through Redis as JSON."""

from dataclasses import dataclass, fields
from typing import Annotated, Literal, TypeVar

from annotated_types import Interval
from pydantic import AwareDatetime, StringConstraints

from app.protocol.counters import Counters
from app.protocol.ids import ID

FactKind = Literal[
    "motion_started",
    "motion_ended",
    "camera_lost",
    "camera_back",
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
]
RequestKind = Literal["last_image", "clip", "tag", "say"]
Label = Literal["occupied", "unoccupied"]
Id = Annotated[str, StringConstraints(pattern=f"^{ID.pattern}$")]
Degrees = Annotated[int, Interval(ge=-90, le=90)]
BoxPx = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class ArmedBy:
    """Who changed a switch last, when and why."""

    by: str
    at: AwareDatetime
    why: str


@dataclass(frozen=True, slots=True)
class Position:
    """Where a camera points, in whole degrees; 0, 0 is straight ahead."""

    pan_deg: Degrees
    tilt_deg: Degrees


@dataclass(frozen=True, slots=True)
class Presence:
    """One person of the house: *home* or away, since when, and which *device* was seen last, and
    when.

    *wait_s* is how long somebody at home may be unseen now, and *longest_wait* the hour of the day
    at which it is longest, and for how many seconds.
    """

    home: bool
    since: AwareDatetime | None = None
    device: str | None = None
    last_seen: AwareDatetime | None = None
    wait_s: Annotated[float, Interval(ge=0)] | None = None
    longest_wait: tuple[Annotated[int, Interval(ge=0, le=23)], float] | None = None


@dataclass(frozen=True, slots=True)
class Habits:
    """How long somebody's phones sleep: of each device, for each hour of the day, (day, longest gap
    in s) of the newest days.

    A day is its number since the year 1 (`date.toordinal`), in the house's own time zone, as the
    hours are.
    """

    gaps_s: dict[str, tuple[tuple[tuple[int, float], ...], ...]]


@dataclass(frozen=True, slots=True)
class RouterHealth:
    """Whether the router is *answering*, since when, and whether the owner was *told* that it is
    not.
    """

    answering: bool
    since: AwareDatetime
    told: bool = False
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps a program from its work, since when."""

    at: AwareDatetime
    what: str


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A program's pulse. *step_at* is when it last finished a step, *counters* show its progress,
    *last_error* what is wrong now.
    """

    pid: int
    started_at: AwareDatetime
    step_at: AwareDatetime
    counters: Counters
    last_error: Trouble | None = None


@dataclass(frozen=True, slots=True)
class EventRecord:
    """What is known of an event.

    *score* is the person score, 0 to 1; *boxes* are x, y, width, height in the picture's pixels;
    *label_by* and *label_at* say who gave it its label, and when.
    """

    camera: str
    started_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    score: float | None = None
    person: bool | None = None
    boxes: tuple[BoxPx, ...] | None = None
    peak_area_px: float | None = None
    label: Label | None = None
    label_by: str | None = None
    label_at: AwareDatetime | None = None


#: The fields of an event's hash that are no marks.
EVENT_FIELDS = tuple(field.name for field in fields(EventRecord))


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened. *id* is its own for ever: publishing it twice puts it on the stream
    once.

    *alert* is False for what need not be told at once, such as an event too soon after the last.
    *text* is a sentence for a person. *file* is the name of a file in the event's folder that
    *text* is about, such as `clip.mp4`, *lasted_s* how many seconds of it there are, and *host* the
    machine on whose disk it is.
    """

    id: Id
    kind: FactKind
    at: AwareDatetime
    text: str
    camera: str | None = None
    event: Id | None = None
    alert: bool = True
    file: Id | None = None
    lasted_s: Annotated[float, Interval(ge=0)] | None = None
    host: str | None = None


@dataclass(frozen=True, slots=True)
class ClipAsked:
    """A clip that somebody asked for at *asked_at*: *file* in the folder of *event* on the disk of
    *host*.

    There is no *file* when there could be none, and then it says *why*.
    """

    asked_at: AwareDatetime
    event: Id | None = None
    file: Id | None = None
    why: str | None = None
    host: str | None = None


@dataclass(frozen=True, slots=True)
class ReplyTo:
    """Where an answer goes: *response_url*, which takes a few answers for some minutes and is a
    secret, or else *channel*.
    """

    response_url: str | None = None
    channel: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """Something that somebody asked for.

    *by* is who, as others are told, and *user* that person's id where the request came from. A tag
    puts *label* on *event*, and takes the label away when it is None. *reply_to* is where the
    answer is expected; "say" asks for nothing but that *text*, in Slack's mrkdwn, is said there.
    """

    kind: RequestKind
    at: AwareDatetime
    by: str
    camera: str | None = None
    user: str | None = None
    event: Id | None = None
    label: Label | None = None
    reply_to: ReplyTo | None = None
    text: str | None = None


Record = (
    ArmedBy | Position | ClipAsked | Presence | Habits | RouterHealth | Heartbeat | Fact | Request
)
AnyRecord = TypeVar("AnyRecord", bound=Record)


def opened_event(fact: Fact) -> str | None:
    """The event that *fact* opens; None when it opens none."""
    return fact.event if fact.kind == "motion_started" else None
