"""Everything that goes through Redis, declared once: keys, streams, and the records in them.

The programs of the suite share nothing but this. The four switches of the house are the plain
strings `True` and `False`, so that a person can read and set them with `redis-cli`; all else is
JSON or JPEG bytes, checked when it is written and when it is read. `KEYS` is the table of it all;
the functions below it make the names.
"""

import json
import re
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Literal, TypeVar

from annotated_types import Interval
from pydantic import AwareDatetime, StringConstraints, TypeAdapter, ValidationError

from app.errors import ProtocolError

DAY_S = 86_400
EVENT_LIFE_S = 30 * DAY_S
SNAPSHOT_LIFE_S = 7 * DAY_S
LATEST_LIFE_S = DAY_S
HEARTBEAT_LIFE_S = 30
WATCHED_LIFE_S = 5
PUBLISHED_LIFE_S = DAY_S
DELIVERY_LIFE_S = 7 * DAY_S
#: Slack lets nobody use a signature that is older than five minutes, nor one that is five minutes
#: ahead.
SIGNATURE_LIFE_S = 660
#: For as long as this an envelope that Slack sends again is known.
ENVELOPE_LIFE_S = 3_600
EVENTS_KEPT = 10_000
REQUESTS_KEPT = 1_000

CAMERA_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
EVENT_ID = re.compile(rf"(?P<moment>\d{{8}}T\d{{6}}\.\d{{3}})Z-(?P<camera>{CAMERA_NAME.pattern})")
#: What ids are made of, so that one can be a file's name and part of a key, and leads nowhere else.
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")

#: The switches of the house, and what each is taken for until somebody has set it.
SWITCHES: dict[str, bool] = {
    "camera_status": True,
    "camera_notifications": True,
    "auto_detect_status": True,
    "home": False,
}

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
class Key:
    """One line of the table: what a key or stream holds, who writes and who reads it, and how long
    it lives (None: for ever).
    """

    name: str
    holds: str
    written_by: str
    read_by: str
    life_s: int | None = None


KEYS = (
    Key(
        "camera_status",
        "True or False: armed?",
        "commands, who is home, a person",
        "security system",
    ),
    Key("camera_notifications", "True or False: may alerts go out?", "commands", "notifier"),
    Key(
        "auto_detect_status",
        "True or False: does presence arm and disarm?",
        "commands",
        "who is home",
    ),
    Key("home", "True or False: is somebody home?", "who is home", "everyone"),
    Key(
        "armed_by",
        "ArmedBy of the last change of camera_status",
        "whoever changed it",
        "/status, dashboard",
    ),
    Key(
        "{switch}_by",
        "ArmedBy of the last change of another switch",
        "whoever changed it",
        "commands",
    ),
    Key("snoozed_until", "UTC time, ISO 8601", "/snooze", "notifier", None),
    Key("camera:{name}:target", "Position asked for", "commands", "security system"),
    Key("camera:{name}:position", "Position reached", "security system", "commands"),
    Key(
        "camera:{name}:latest",
        "hash: jpeg (bytes), taken_at (UTC time)",
        "security system",
        "notifier, dashboard",
        LATEST_LIFE_S,
    ),
    Key(
        "camera:{name}:clip",
        "ClipAsked: the newest clip that somebody asked for",
        "security system",
        "notifier",
        LATEST_LIFE_S,
    ),
    Key(
        "camera:{name}:watched",
        "1: somebody looks at the live view",
        "dashboard",
        "security system",
        WATCHED_LIFE_S,
    ),
    Key(
        "camera:{name}:frames",
        "channel: JPEG bytes while watched",
        "security system",
        "dashboard",
        0,
    ),
    Key(
        "event:{id}",
        "hash: EventRecord's fields, and marks of delivery and upload",
        "all but the dashboard",
        "everyone",
        EVENT_LIFE_S,
    ),
    Key(
        "event:{id}:snapshot",
        "JPEG bytes with box and time drawn in",
        "security system",
        "notifier, dashboard",
        SNAPSHOT_LIFE_S,
    ),
    Key(
        "heartbeat:{program}:{host}[:{camera}]",
        "Heartbeat",
        "every program",
        "/status, dashboard, notifier",
        HEARTBEAT_LIFE_S,
    ),
    Key(
        "heartbeats",
        "set: the keys of the heartbeats there are or were",
        "every program",
        "/status, dashboard, notifier",
    ),
    Key("presence:{person}", "Presence", "who is home", "who is home, /who, dashboard"),
    Key(
        "presence:{person}:habits",
        "Habits: how long that person's phones sleep",
        "who is home",
        "who is home",
    ),
    Key("router", "RouterHealth", "who is home", "who is home, /who, /status, dashboard"),
    Key(
        "signature:{digest}",
        "1: this signed request was accepted",
        "Slack server",
        "Slack server",
        SIGNATURE_LIFE_S,
    ),
    Key(
        "envelope:{digest}",
        "1: this envelope was taken",
        "Slack socket",
        "Slack socket",
        ENVELOPE_LIFE_S,
    ),
    Key(
        "hearts",
        "hash: of each heartbeat there was, whether it beats or since when it is silent",
        "notifier",
        "notifier",
    ),
    Key(
        "delivery:{id}",
        "hash: delivery marks of a fact that opens no event, a digest or an answer; what a "
        "program has told of lasting troubles",
        "notifier, uploader",
        "notifier, uploader",
        DELIVERY_LIFE_S,
    ),
    Key(
        "published:{fact}",
        "1: this fact is on the stream",
        "whoever publishes it",
        "whoever publishes it",
        PUBLISHED_LIFE_S,
    ),
    Key(
        "events",
        f"stream of Fact, about {EVENTS_KEPT} kept",
        "every program",
        "notifier (group), uploader (a group a machine), dashboard",
    ),
    Key(
        "requests",
        f"stream of Request, about {REQUESTS_KEPT} kept",
        "commands",
        "notifier (group), security system",
    ),
)


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
    counters: dict[str, int | float | str | bool | None]
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

_adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)
_BARE_EVENT_FIELDS = ("camera", "started_at", "ended_at", "label", "label_by", "label_at")
_EVENT_FIELDS = tuple(field.name for field in fields(EventRecord))


def encode(record: Record) -> str:
    """*record* as JSON; `ProtocolError` when a value is not as declared."""
    text: str = _adapter(type(record)).dump_json(record, warnings=False).decode()
    decode(type(record), text)
    return text


def decode(kind: type[AnyRecord], text: str | bytes) -> AnyRecord:
    """The record of type *kind* in *text*; `ProtocolError` when there is none."""
    try:
        record: AnyRecord = _adapter(kind).validate_json(text)
    except ValidationError as error:
        raise ProtocolError(f"not a {kind.__name__}: {reasons(error)}") from None
    return record


def plain_event(record: EventRecord) -> dict[str, Any]:
    """*record* as what JSON can hold, for `event.json`; what is not known is left out."""
    plain: dict[str, Any] = _adapter(EventRecord).dump_python(record, mode="json")
    return {name: value for name, value in plain.items() if value is not None}


def event_from_plain(plain: dict[str, Any]) -> EventRecord:
    """The event in what `plain_event` made; other keys are passed over. `ProtocolError` when there
    is none.
    """
    try:
        record: EventRecord = _adapter(EventRecord).validate_python(
            {name: plain[name] for name in _EVENT_FIELDS if name in plain}
        )
    except ValidationError as error:
        raise ProtocolError(f"not an event: {reasons(error)}") from None
    return record


def encode_event(record: EventRecord) -> dict[str, str]:
    """*record* as the fields of its hash: words and times bare, all else JSON, unknown ones left
    out.
    """
    return {
        name: value if name in _BARE_EVENT_FIELDS else json.dumps(value)
        for name, value in plain_event(record).items()
    }


def decode_event(stored: dict[str, str]) -> EventRecord:
    """The event in a hash's fields; delivery marks are passed over. `ProtocolError` when there is
    none.
    """
    try:
        return event_from_plain(
            {
                name: value if name in _BARE_EVENT_FIELDS else json.loads(value)
                for name, value in stored.items()
                if name in _EVENT_FIELDS
            }
        )
    except json.JSONDecodeError as error:
        raise ProtocolError(f"not an event: {error}") from None


def event_id(started_at: datetime, camera: str) -> str:
    """The id of the event that *camera* opened at *started_at*: sorts by time, as
    `20261120T101500.123Z-front`.
    """
    moment = started_at.astimezone(UTC)
    return f"{moment:%Y%m%dT%H%M%S}.{moment.microsecond // 1000:03d}Z-{camera}"


def event_camera(event: str) -> str:
    """The camera that opened *event*."""
    return _event_parts(event)[1]


def event_started_at(event: str) -> datetime:
    """When *event* was opened, UTC, to the millisecond."""
    try:
        return datetime.strptime(_event_parts(event)[0], "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC)
    except ValueError as error:
        raise ProtocolError(f"{event!r} is no event's id: {error}") from None


def _event_parts(event: str) -> tuple[str, str]:
    parts = EVENT_ID.fullmatch(event)
    if not parts:
        raise ProtocolError(
            f"{event!r} is no event's id; one looks like 20261120T101500.123Z-front"
        )
    return parts["moment"], parts["camera"]


def new_fact_id(at: datetime, camera: str | None = None) -> str:
    """An id for a fact that belongs to no event."""
    return f"{event_id(at, camera or 'house')}-{secrets.token_hex(4)}"


def opened_event(fact: Fact) -> str | None:
    """The event that *fact* opens; None when it opens none."""
    return fact.event if fact.kind == "motion_started" else None


def event_key(event: str) -> str:
    return f"event:{event}"


def snapshot_key(event: str) -> str:
    return f"event:{event}:snapshot"


def delivery_key(fact: str) -> str:
    return f"delivery:{fact}"


def changed_by_key(switch: str) -> str:
    """Where it says who changed *switch* last."""
    return "armed_by" if switch == "camera_status" else f"{switch}_by"


def presence_key(person: str) -> str:
    return f"presence:{person}"


def habits_key(person: str) -> str:
    return f"presence:{person}:habits"


def unseen_counter(person: str) -> str:
    """The counter in the heartbeat of who is home that says for how many seconds *person* has not
    been seen.
    """
    return f"{person}_unseen_s"


def trouble_counter(store: str) -> str:
    """The counter in the heartbeat of the uploader that says what is wrong with *store*; None when
    nothing is.
    """
    return f"{store}_trouble"


def published_key(fact: str) -> str:
    return f"published:{fact}"


def signature_key(digest: str) -> str:
    return f"signature:{digest}"


def envelope_key(digest: str) -> str:
    return f"envelope:{digest}"


def camera_key(
    camera: str, what: Literal["target", "position", "latest", "clip", "watched", "frames"]
) -> str:
    return f"camera:{camera}:{what}"


def heartbeat_key(program: str, host: str, camera: str | None = None) -> str:
    return ":".join(part for part in ("heartbeat", program, host, camera) if part)


def host_name() -> str:
    """This machine's name as it stands in keys."""
    return socket.gethostname().split(".")[0].replace(":", "-") or "localhost"


def reasons(error: ValidationError) -> str:
    """What is wrong, without what was found: that may be a secret."""
    found = error.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, one['loc'])) or 'it'}: {one['msg']}" for one in found)
