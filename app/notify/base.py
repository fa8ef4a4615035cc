"""The interface of a channel to the owner, and the messages that it delivers."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol, get_args

from app.errors import DeliveryError
from app.protocol import ID, FactKind, Stage

Topic = Literal["alert", "clip", "left_open", "camera", "program", "presence", "disk", "store"]
TOPICS: tuple[Topic, ...] = get_args(Topic)

#: The topic of each kind of fact. The end of motion is never delivered.
TOPIC_OF: dict[FactKind, Topic | None] = {
    "motion_started": "alert",
    "motion_confirmed": "alert",
    "motion_corrected": "alert",
    "motion_reconfirmed": "alert",
    "motion_ended": None,
    "clip_ready": "clip",
    "left_open": "left_open",
    "camera_lost": "camera",
    "camera_back": "camera",
    "pictures_damaged": "camera",
    "pictures_intact": "camera",
    "camera_fault": "camera",
    "camera_fault_over": "camera",
    "process_silent": "program",
    "process_back": "program",
    "presence_changed": "presence",
    "router_silent": "presence",
    "router_back": "presence",
    "disk_low": "disk",
    "disk_ok": "disk",
    "store_refused": "store",
    "store_back": "store",
    "redis_trouble": "program",
    "redis_ok": "program",
    "machine_strained": "program",
    "machine_relieved": "program",
    "clock_stepped": "program",
    "model_refused": "camera",
    "model_back": "camera",
    "silencer_report": "camera",
    "silencer_asks": "camera",
    "silencer_stopped": "camera",
}

_USUAL_PAUSE_S = 30.0
_SHORTEST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 3600.0


class NoAnswer(DeliveryError):
    """No answer arrived, or an answer that cannot be the service's.

    *sent* says whether the service may have carried out the request anyway.
    """

    def __init__(self, what: str, *, sent: bool) -> None:
        super().__init__(what)
        self.sent = sent


class MessageRefused(DeliveryError):
    """The service does not accept this message or file; it may accept other messages.

    *code* is the service's name for the reason. A service that refuses every message until
    somebody acts is a `DeliveryRefused`.
    """

    code: str

    def __init__(self, what: str, code: str) -> None:
        super().__init__(what, code=code)


@dataclass(frozen=True, slots=True)
class Message:
    """A message to the owner.

    *key* identifies it and never changes: a second delivery with the same key must not show it
    twice. A key is a plain id, so that it can name a file; any other is a ValueError. *camera* is
    None for a message about the whole house. *picture* is a JPEG or None. *event* is the event
    that the owner may tag, and *score* its person score, 0 to 1. *correction* says what caused the
    alert, if that is known to be nobody; only a channel that can edit its messages shows it.

    A clip of *lasted_s* seconds is in the file *clip* on this machine or, for an hour, at the URL
    *clip_link*. *picture_link* is the picture's URL, for channels that take only links. *remark*
    says why there is no clip, or where it is. *parent* is the value that the same channel stored
    as `posted` for the message that this one belongs to.
    """

    key: str
    at: datetime
    text: str
    camera: str | None = None
    picture: bytes | None = None
    event: str | None = None
    score: float | None = None
    correction: str | None = None
    topic: Topic = "alert"
    clip: Path | None = None
    clip_link: str | None = None
    picture_link: str | None = None
    lasted_s: float | None = None
    remark: str | None = None
    parent: str | None = None

    def __post_init__(self) -> None:
        if not ID.fullmatch(self.key):
            raise ValueError(
                f"{self.key!r} cannot be a message's key: letters, digits, . _ and - only"
            )


@dataclass(frozen=True, slots=True)
class Digest:
    """Messages that waited while a channel failed, oldest first, for one delivery.

    Only the newest have their pictures. *key* is as a message's.
    """

    key: str
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class PostedPlace:
    """The mark `posted` of a message that a service shows; *digest* is the digest that shows it."""

    posted: str
    digest: str | None = None


class Progress(Protocol):
    """The stages that one channel has reached in one delivery. They survive a crash."""

    def get(self, stage: Stage, of: str = "") -> str | None:
        """Return the value stored for *stage*, None when the stage was not reached.

        *of* is the key of a message in a digest; "" is the delivery itself.
        """

    def set(self, stage: Stage, value: str, of: str = "") -> None:
        """Store that *stage* is reached; later stages need *value*."""


class Notifier(ABC):
    """One service or place to which messages to the owner are delivered.

    Two threads use it: one for alerts with their pictures, one for clips, so that no alert waits
    for a clip.
    """

    #: The name it has in delivery marks.
    name: str
    #: The topics that it delivers.
    when: frozenset[Topic] = frozenset(TOPICS)
    #: Whether messages that waited are delivered as one digest.
    makes_digests: bool = False
    #: Whether a clip is posted below an earlier message. A message that has a clip is then
    #: delivered before its clip is ready.
    clips_in_threads: bool = False
    #: Whether it accepts pictures and clips only as links. The text of an alert does not wait long
    #: for a link.
    links_only: bool = False
    #: Whether an alert's picture and clip are removed there after somebody has tagged the alert.
    removes_tagged: bool = False
    #: The most messages that one call of `deliver_group` accepts; 1 where there is no such call.
    group_size: int = 1
    #: The size of the largest clip that it accepts, in bytes; None for any.
    max_clip_bytes: int | None = None

    @property
    def possible_repeats(self) -> int:
        """The number of deliveries that may be repeats, since the service could not be asked."""
        return 0

    @abstractmethod
    def deliver(self, message: Message, progress: Progress) -> None:
        """Deliver *message*, or raise `DeliveryError`.

        After a crash it is called again with the same key, and must then finish or do nothing. A
        delivery in several steps stores each in *progress*, and continues where it stopped.

        Other channels do not wait meanwhile, but later messages of this channel wait: every wait
        for an answer needs a time limit.
        """

    def deliver_group(self, messages: Sequence[Message]) -> None:
        """Deliver *messages*, in their order, with the rules of `deliver`.

        Only if `group_size` is more than 1. After an error some of them may be delivered.
        """
        raise NotImplementedError(f"{self.name} delivers one message after another")

    def deliver_digest(self, digest: Digest, progress: Progress) -> None:
        """Deliver *digest* as one message, with the rules of `deliver`; only if `makes_digests`."""
        raise NotImplementedError(f"{self.name} makes no digests")

    def find_posted(
        self,
        messages: Sequence[Message],  # noqa: ARG002 (few services can be asked)
        begun: datetime | None,  # noqa: ARG002
    ) -> Mapping[str, PostedPlace] | None:
        """Return the places, by key, of those of *messages* that the service shows already.

        The last call that may have shown one began at *begun*; None when that was long ago, or is
        not known. Returns None where the service cannot be asked, and raises `DeliveryError` to be
        asked again.
        """
        return None

    def skip_reason(self, message: Message) -> str | None:  # noqa: ARG002 (some skip messages)
        """Return the reason not to deliver *message* here, in a few words; None without one."""
        return None

    def close(self) -> None:  # noqa: B027 (few have a connection)
        """Close connections."""


def retry_after_s(header: str | None) -> float:
    """Return the pause that a service demands in its header `Retry-After`, in seconds.

    It is at least 1 and at most 3600, and 30 when *header* gives no number of seconds.
    """
    if not header or not header.isdecimal():
        return _USUAL_PAUSE_S
    return min(max(float(header), _SHORTEST_PAUSE_S), _LONGEST_PAUSE_S)


def megabytes_to_bytes(megabytes: float) -> int:
    """Return *megabytes*, of 10^6 bytes each, in bytes."""
    return int(megabytes * 1e6)
