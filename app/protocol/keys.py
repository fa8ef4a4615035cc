"""The keys and streams in Redis: one row each in `KEYS`, and the functions that make their names."""

from dataclasses import dataclass
from typing import Literal

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
#: The switches of the house, and what each is taken for until somebody has set it.
SWITCHES: dict[str, bool] = {
    "camera_status": True,
    "camera_notifications": True,
    "auto_detect_status": True,
    "home": False,
}


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
