"""The marks that deliveries, uploads and announcements leave on hashes in Redis.

A delivery goes through stages, each marked before or after a call to the service, so that a restart
continues where the last run stopped. A `Stage` is kept as `{channel}:{stage}`: on the event's hash
when the fact opens an event, else on `delivery:{id}`. An empty value withdraws a mark.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic_core import from_json

from app.times import utc_time

_PLACE = re.compile(r"\{\w+\}")

Holder = Literal["event", "delivery", "hearts"]


class Stage(StrEnum):
    """A stage of one delivery by one channel."""

    #: UTC time at which the call that shows the message began; a later run asks the service whether
    #: it arrived. "yes" where the service cannot be asked.
    POSTING = "posting"
    #: The message is shown: the data that later calls need to change it or to post below it.
    POSTED = "posted"
    #: The id of an uploaded file, or "none" and why there is none.
    FILE = "file"
    #: "yes": the service now accepts messages with the uploaded file.
    READY = "ready"
    #: "yes": the service has accepted the request to show an uploaded clip.
    TAKEN = "taken"
    #: The number of times that showing a clip was begun again.
    TRIES = "tries"
    #: Why a clip is not shown.
    GIVEN_UP = "given up"
    #: "yes": this message belongs below another, which is gone, so it is posted by itself.
    ALONE = "alone"
    #: UTC time at which the service first refused a picture.
    REFUSED = "refused"
    #: The number of times that the service certainly did not accept the message.
    FAILURES = "failures"
    #: "none": the text is sent without its picture.
    MEDIA = "media"
    #: The service's id of a text message.
    SID = "sid"
    #: The id of the digest that contains this fact.
    DIGEST = "digest"
    #: "yes": the digest shows this fact's picture.
    SHOWN = "shown"
    #: The ids of the facts in a digest at its last call; a fact that comes later is not in it.
    MEMBERS = "members"
    #: The blocks of a digest as it was posted, as JSON. A tag changes some of them.
    BLOCKS = "blocks"
    #: Why the channel does not deliver this fact.
    SKIPPED = "skipped"
    #: The caption of a picture that somebody asked for.
    CAPTION = "caption"
    #: The id of the picture or clip that was deleted after somebody tagged the event.
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Mark:
    """A field of a hash in Redis. *name* has its variable parts in braces."""

    name: str
    holds: str
    written_by: str

    def of(self, *parts: str) -> str:
        """Return the name with *parts* in place of the braces."""
        given = iter(parts)
        return _PLACE.sub(lambda _: next(given), self.name)

    def matches(self, field: str) -> bool:
        """Return whether *field* is one of this mark's."""
        return re.fullmatch(_PLACE.sub("[^:]+", self.name), field) is not None


DELIVERED = Mark("delivered:{channel}", "UTC time of the delivery by that channel", "notifier")
HELD = Mark("held", "UTC time, and why no channel delivers it: muted or snoozed", "notifier")
UNTOLD = Mark("untold", "why an event that was never an alert is not delivered", "notifier")
CORRECTION = Mark("correction", "UTC time, and what caused the alert, in a sentence", "notifier")
UPLOADED = Mark("s3:{file}", "the key in S3 of that file of the event", "uploader")
STORE_TROUBLE = Mark("store {store}", "SteadinessRecord, or what is being published", "uploader")
DISK_TROUBLE = Mark("disk", "SteadinessRecord, or what is being published", "uploader")
MACHINE_TROUBLE = Mark(
    "machine {figure}", "SteadinessRecord, or what is being published", "notifier"
)
REDIS_LOG = Mark("appendonly", "no: Redis keeps no log while the disk accepts none", "uploader")
REDIS_DUMPS = Mark("stop-writes-on-bgsave-error", "no: as for appendonly", "uploader")
HEARTBEAT_MARK = Mark(
    "heartbeat:{program}:{host}", "SteadinessRecord, or what is being published", "notifier"
)
CAMERA_HEARTBEAT_MARK = Mark(
    "heartbeat:{program}:{host}:{camera}", "as for other programs", "notifier"
)
STAGES = (
    *(Mark(f"{{channel}}:{stage}", "see Stage", "notifier") for stage in Stage),
    *(
        Mark(f"{{channel}}:{stage}:{{message}}", "of that message in a digest", "notifier")
        for stage in (Stage.FILE, Stage.READY)
    ),
)


def stage_mark(channel: str, stage: Stage, of: str = "") -> str:
    """Return the mark of *stage* in a delivery by *channel*; *of* is a message of a digest."""
    return ":".join(filter(None, (channel, stage, of)))


def correction_marks(marks: Mapping[str, str], at: datetime, text: str) -> dict[str, str]:
    """Return the marks that add the correction *text* of *at* to an event with *marks*.

    There are none if the event has a newer one.
    """
    known_at = _correction(marks)[0]
    if known_at and known_at > at:
        return {}
    return {CORRECTION.name: f"{at.isoformat()} {text}"}


def correction_in(marks: Mapping[str, str]) -> str | None:
    """Return the correction of the alert of an event with *marks*; None when it has none."""
    return _correction(marks)[1]


def _correction(marks: Mapping[str, str]) -> tuple[datetime, str] | tuple[None, None]:
    at, _, text = marks.get(CORRECTION.name, "").partition(" ")
    try:
        return utc_time(at), text
    except ValueError:
        return None, None


#: The stages whose marks are a number.
_NUMBERS = (Stage.TRIES, Stage.FAILURES)


def is_readable(field: str, value: str) -> bool:
    """Return whether *value* has the form of the mark *field*; any other field is readable.

    So is `posting`: whatever its value, the message may have been shown.
    """
    stage = field.partition(":")[2].partition(":")[0]
    if stage in _NUMBERS:
        return re.fullmatch(r"[0-9]{0,9}", value) is not None
    if stage == Stage.REFUSED and value:
        return _is_time(value)
    if stage == Stage.FILE and " " in value and not value.startswith("none "):
        return _is_time(value.partition(" ")[2])
    return stage != Stage.POSTED or not value.startswith("{") or _is_object(value)


def _is_time(value: str) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _is_object(value: str) -> bool:
    try:
        return isinstance(from_json(value), dict)
    except ValueError:
        return False


#: The marks of each hash that has some.
MARKS: dict[Holder, tuple[Mark, ...]] = {
    "event": (DELIVERED, HELD, UNTOLD, CORRECTION, UPLOADED, *STAGES),
    "delivery": (
        *(DELIVERED, HELD, STORE_TROUBLE, DISK_TROUBLE, MACHINE_TROUBLE, REDIS_LOG, REDIS_DUMPS),
        *STAGES,
    ),
    "hearts": (HEARTBEAT_MARK, CAMERA_HEARTBEAT_MARK),
}
