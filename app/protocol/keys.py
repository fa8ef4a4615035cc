"""The keys and streams in Redis: one row each, and the functions that make their names.

`KEYS` is everything that the programs exchange. A test runs a suite and compares every key that
Redis then holds with these rows.
"""

import re
from dataclasses import dataclass
from typing import Literal

from app.protocol.deliveries import MARKS, Mark
from app.protocol.records import EVENT_FIELDS

DAY_S = 86_400
EVENT_LIFE_S = 30 * DAY_S
SNAPSHOT_LIFE_S = 7 * DAY_S
LATEST_LIFE_S = DAY_S
HEARTBEAT_LIFE_S = 30
WATCHED_LIFE_S = 5
#: A camera without Redis for days hands the same fact over again.
PUBLISHED_LIFE_S = 7 * DAY_S
DELIVERY_LIFE_S = 7 * DAY_S
SET_ASIDE_LIFE_S = 7 * DAY_S
#: A snooze that ends later was made by a clock that was ahead: the longest lasts 24 hours, and 25
#: when summer time ends.
SNOOZE_MOST_S = 26 * 3_600
#: The wrong passwords that one address may send in this time.
LOGIN_FAILURES_MOST = 5
LOGIN_FAILURES_LIFE_S = 300
#: Slack accepts a signature that is up to five minutes old or five minutes ahead.
SIGNATURE_LIFE_S = 660
#: Slack sends an envelope again within this time.
ENVELOPE_LIFE_S = 3_600
#: Entries that a stream keeps although everybody has read them.
EVENTS_KEPT = 10_000
REQUESTS_KEPT = 1_000
#: The size up to which a stream keeps everything that somebody has not read: about 35,000 facts, so
#: some 12,000 events. A Pi has 512 MB, of which Redis may use 128. Redis gives memory back only by
#: 100 entries, so what is left after many were dropped may take three times as much.
EVENTS_BYTES = 16 * 2**20
REQUESTS_BYTES = 2 * 2**20
#: The size of all pictures of events, for some 500 events. Then the oldest go: they are on the
#: camera's disk too, and the newest alerts need theirs.
SNAPSHOT_BYTES = 48 * 2**20
DROPPED_LIFE_S = DAY_S

#: The switches of the house, and the value of each until somebody has set it.
SWITCHES: dict[str, bool] = {
    "camera_status": True,
    "camera_notifications": True,
    "auto_detect_status": True,
    "home": False,
}

KeyType = Literal["string", "hash", "list", "set", "stream", "channel", "any"]
_PLACE = re.compile(r"\{\w+\}")


@dataclass(frozen=True, slots=True)
class Key:
    """A key, a stream or a channel in Redis.

    *name* has its variable parts in braces; a part contains no colon. *fields* are those of a hash
    or of a stream's entries, *marks* the fields that deliveries add to a hash. Redis drops the key
    *life_s* seconds after it was written; None is no limit. A stream keeps about *length* entries
    that everybody has read.
    """

    name: str
    type: KeyType
    holds: str
    written_by: str
    read_by: str
    life_s: int | None = None
    fields: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()
    length: int | None = None

    def of(self, *parts: str) -> str:
        """Return the name with *parts* in place of the braces."""
        given = iter(parts)
        return _PLACE.sub(lambda _: next(given), self.name)

    def matches(self, name: str) -> bool:
        """Return whether *name* is one of this row's."""
        return re.fullmatch(_PLACE.sub("[^:]+", self.name), name) is not None


CAMERA_STATUS = Key(
    "camera_status",
    "string",
    "True or False: armed?",
    "commands, who is home, a person",
    "security system",
)
CAMERA_NOTIFICATIONS = Key(
    "camera_notifications", "string", "True or False: are alerts delivered?", "commands", "notifier"
)
AUTO_DETECT_STATUS = Key(
    "auto_detect_status",
    "string",
    "True or False: does presence arm and disarm?",
    "commands",
    "who is home",
)
HOME = Key("home", "string", "True or False: is somebody home?", "who is home", "everyone")
ARMED_BY = Key(
    "armed_by",
    "string",
    "ArmedBy of the last change of camera_status",
    "the program that changed it",
    "/status, dashboard",
)
NOTIFICATIONS_BY = Key(
    "camera_notifications_by",
    "string",
    "ArmedBy of the last change of camera_notifications",
    "commands",
    "commands",
)
AUTO_DETECT_BY = Key(
    "auto_detect_status_by",
    "string",
    "ArmedBy of the last change of auto_detect_status",
    "commands",
    "commands",
)
HOME_BY = Key(
    "home_by", "string", "ArmedBy of the last change of home", "commands, who is home", "commands"
)
SNOOZED_UNTIL = Key(
    "snoozed_until", "string", "UTC time, ISO 8601; Redis drops it then", "/snooze", "notifier"
)
CAMERA_TARGET = Key(
    "camera:{camera}:target", "string", "Position asked for", "commands", "security system"
)
CAMERA_POSITION = Key(
    "camera:{camera}:position", "string", "Position reached", "security system", "commands"
)
CAMERA_LATEST = Key(
    "camera:{camera}:latest",
    "hash",
    "the newest picture: JPEG bytes, UTC time",
    "security system",
    "notifier, dashboard",
    LATEST_LIFE_S,
    fields=("jpeg", "taken_at"),
)
CAMERA_CLIP = Key(
    "camera:{camera}:clip",
    "string",
    "ClipAsked: the newest clip that somebody asked for",
    "security system",
    "notifier",
    LATEST_LIFE_S,
)
CAMERA_WATCHED = Key(
    "camera:{camera}:watched",
    "string",
    "1: somebody looks at the live view",
    "dashboard",
    "security system",
    WATCHED_LIFE_S,
)
CAMERA_DETECTOR_WATCHED = Key(
    "camera:{camera}:detector_watched",
    "string",
    "1: somebody looks at the pictures of the detector",
    "dashboard",
    "security system",
    WATCHED_LIFE_S,
)
CAMERA_FRAMES = Key(
    "camera:{camera}:frames",
    "channel",
    "JPEG bytes while watched",
    "security system",
    "dashboard",
)
CAMERA_DETECTOR = Key(
    "camera:{camera}:detector",
    "channel",
    "while detector_watched: a line of JSON with the verdict, then JPEG bytes of the detector's "
    "pictures",
    "security system",
    "dashboard",
)
EVENT = Key(
    "event:{event}",
    "hash",
    "EventRecord, and the marks of its deliveries and uploads",
    "security system, notifier, uploader, commands",
    "everyone",
    EVENT_LIFE_S,
    fields=EVENT_FIELDS,
    marks=MARKS["event"],
)
EVENT_SNAPSHOT = Key(
    "event:{event}:snapshot",
    "string",
    "JPEG bytes with box and time drawn in",
    "security system",
    "notifier, dashboard",
    SNAPSHOT_LIFE_S,
)
HEARTBEAT = Key(
    "heartbeat:{program}:{host}",
    "string",
    "Heartbeat of a program that serves the whole house",
    "every program",
    "/status, dashboard, notifier",
    HEARTBEAT_LIFE_S,
)
CAMERA_HEARTBEAT = Key(
    "heartbeat:{program}:{host}:{camera}",
    "string",
    "Heartbeat of a program that serves one camera",
    "security system",
    "/status, dashboard, notifier",
    HEARTBEAT_LIFE_S,
)
HEARTBEATS = Key(
    "heartbeats",
    "set",
    "the keys of all present and past heartbeats",
    "every program",
    "/status, dashboard, notifier",
)
HEARTBEATS_SINCE = Key(
    "heartbeats_since",
    "string",
    "since when Redis has got heartbeats without a pause, by its own clock in s since 1970",
    "every program",
    "/status, dashboard, notifier",
    HEARTBEAT_LIFE_S,
)
PRESENCE = Key(
    "presence:{person}", "string", "Presence", "who is home", "who is home, /who, dashboard"
)
HABITS = Key(
    "presence:{person}:habits",
    "string",
    "Habits: how long that person's phones sleep",
    "who is home",
    "who is home",
)
HOME_CHANGES = Key(
    "home_changes",
    "string",
    "SteadinessRecord: how often the house was left, and what was announced",
    "who is home",
    "who is home",
)
ROUTER = Key(
    "router", "string", "RouterHealth", "who is home", "who is home, /who, /status, dashboard"
)
SIGNATURE = Key(
    "signature:{digest}",
    "string",
    "1: this signed request was accepted",
    "Slack server",
    "Slack server",
    SIGNATURE_LIFE_S,
)
ENVELOPE = Key(
    "envelope:{digest}",
    "string",
    "1: this envelope was accepted",
    "Slack socket",
    "Slack socket",
    ENVELOPE_LIFE_S,
)
LOGIN_FAILURES = Key(
    "login_failures:{address}",
    "string",
    "the number of wrong passwords from this address",
    "dashboard",
    "dashboard",
    LOGIN_FAILURES_LIFE_S,
)
HEARTBEAT_MARKS = Key(
    "hearts",
    "hash",
    "for each heartbeat key: SteadinessRecord, or what is being published",
    "notifier",
    "notifier",
    marks=MARKS["hearts"],
)
DELIVERY = Key(
    "delivery:{id}",
    "hash",
    "marks of a delivery that opens no event (other facts, digests, replies), and of the lasting "
    "troubles that a program has published",
    "notifier, uploader",
    "notifier, uploader",
    DELIVERY_LIFE_S,
    marks=MARKS["delivery"],
)
PUBLISHED = Key(
    "published:{fact}",
    "string",
    "1: this fact is on the stream",
    "whoever publishes it",
    "whoever publishes it",
    PUBLISHED_LIFE_S,
)
EVENTS = Key(
    "events",
    "stream",
    "Fact",
    "every program",
    "notifier (group), uploader (a group a machine), dashboard",
    fields=("fact",),
    length=EVENTS_KEPT,
)
REQUESTS = Key(
    "requests",
    "stream",
    "Request",
    "commands",
    "notifier (group), security system",
    fields=("request",),
    length=REQUESTS_KEPT,
)
SNAPSHOTS = Key(
    "snapshots",
    "list",
    "size and key of each picture of an event, the oldest first",
    "security system",
    "security system",
)
SNAPSHOT_TOTAL = Key(
    "snapshot_bytes",
    "string",
    "the sum of these sizes",
    "security system",
    "security system",
)
DROPPED = Key(
    "dropped",
    "string",
    "the number of facts and requests that were dropped before the notifier had read them",
    "whoever publishes",
    "status.sh, /status",
    DROPPED_LIFE_S,
)
SET_ASIDE = Key(
    "set-aside:{key}",
    "any",
    "a value of another type that was under this key, where : is written as -",
    "whoever found it",
    "a person",
    SET_ASIDE_LIFE_S,
)

#: Every row, in the best order for a new reader.
KEYS = (
    CAMERA_STATUS,
    CAMERA_NOTIFICATIONS,
    AUTO_DETECT_STATUS,
    HOME,
    ARMED_BY,
    NOTIFICATIONS_BY,
    AUTO_DETECT_BY,
    HOME_BY,
    SNOOZED_UNTIL,
    CAMERA_TARGET,
    CAMERA_POSITION,
    CAMERA_LATEST,
    CAMERA_CLIP,
    CAMERA_WATCHED,
    CAMERA_FRAMES,
    CAMERA_DETECTOR_WATCHED,
    CAMERA_DETECTOR,
    EVENT,
    EVENT_SNAPSHOT,
    HEARTBEAT,
    CAMERA_HEARTBEAT,
    HEARTBEATS,
    HEARTBEATS_SINCE,
    PRESENCE,
    HABITS,
    HOME_CHANGES,
    ROUTER,
    SIGNATURE,
    ENVELOPE,
    LOGIN_FAILURES,
    HEARTBEAT_MARKS,
    DELIVERY,
    PUBLISHED,
    EVENTS,
    REQUESTS,
    SNAPSHOTS,
    SNAPSHOT_TOTAL,
    DROPPED,
    SET_ASIDE,
)

CameraKey = Literal[
    "target", "position", "latest", "clip", "watched", "frames", "detector_watched", "detector"
]
_CAMERA_KEYS: dict[CameraKey, Key] = {
    "target": CAMERA_TARGET,
    "position": CAMERA_POSITION,
    "latest": CAMERA_LATEST,
    "clip": CAMERA_CLIP,
    "watched": CAMERA_WATCHED,
    "frames": CAMERA_FRAMES,
    "detector_watched": CAMERA_DETECTOR_WATCHED,
    "detector": CAMERA_DETECTOR,
}
_CHANGED_BY = {
    "camera_status": ARMED_BY,
    "camera_notifications": NOTIFICATIONS_BY,
    "auto_detect_status": AUTO_DETECT_BY,
    "home": HOME_BY,
}


def camera_key(camera: str, what: CameraKey) -> str:
    return _CAMERA_KEYS[what].of(camera)


def changed_by_key(switch: str) -> str:
    """Return the key of the last change of *switch*."""
    return _CHANGED_BY[switch].name


def event_key(event: str) -> str:
    return EVENT.of(event)


def snapshot_key(event: str) -> str:
    return EVENT_SNAPSHOT.of(event)


def delivery_key(delivered: str) -> str:
    """Return the key of the marks of *delivered*, the id of a fact, digest, reply or program."""
    return DELIVERY.of(delivered)


def presence_key(person: str) -> str:
    return PRESENCE.of(person)


def habits_key(person: str) -> str:
    return HABITS.of(person)


def published_key(fact: str) -> str:
    return PUBLISHED.of(fact)


def set_aside_key(key: str) -> str:
    """Return the key to which a foreign value of *key* is moved."""
    return SET_ASIDE.of(key.replace(":", "-"))


def signature_key(digest: str) -> str:
    return SIGNATURE.of(digest)


def envelope_key(digest: str) -> str:
    return ENVELOPE.of(digest)


def login_failures_key(address: str) -> str:
    return LOGIN_FAILURES.of(address.replace(":", "-"))


def heartbeat_key(program: str, host: str, camera: str | None = None) -> str:
    return CAMERA_HEARTBEAT.of(program, host, camera) if camera else HEARTBEAT.of(program, host)


def is_heartbeat_key(key: str) -> bool:
    return HEARTBEAT.matches(key) or CAMERA_HEARTBEAT.matches(key)


def dropped_in(stored: str | None) -> int:
    """Return the number in *stored*, the value of `dropped`; 0 when there is none."""
    return int(stored) if stored and re.fullmatch(r"[0-9]{1,15}", stored) else 0
