"""What a way of notifying promises."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal, Protocol

from annotated_types import Ge

from app.protocol import ID

BackendName = Literal["folder", "memory", "slack"]


@dataclass(frozen=True, slots=True)
class NotifySettings:
    """Which ways lead to the owner. `auto` is every way that is configured, and the folder when none is."""

    backends: Literal["auto"] | tuple[BackendName, ...] = "auto"
    folder: str = "alerts"
    digest_after_s: Annotated[float, Ge(1)] = 120.0


@dataclass(frozen=True, slots=True)
class SlackAccess:
    """How to reach the owner by Slack: *api_url* with *token* (which repr leaves out), in *channel*."""

    api_url: str
    token: str = field(repr=False)
    channel: str
    delete_after_tag: bool = True


@dataclass(frozen=True, slots=True)
class Message:
    """Something to tell the owner. *key* names it for ever: delivering the same key again must not show it twice.

    A key is a plain id, so that it can name a file; any other is a ValueError. *picture* is a JPEG or None. *camera*
    is None for what concerns the whole house. *event* is what the owner may tag, and *score* its person score, 0 to 1.
    """

    key: str
    at: datetime
    text: str
    camera: str | None = None
    picture: bytes | None = None
    event: str | None = None
    score: float | None = None

    def __post_init__(self) -> None:
        if not ID.fullmatch(self.key):
            raise ValueError(f"{self.key!r} cannot be a message's key: letters, digits, . _ and - only")


@dataclass(frozen=True, slots=True)
class Digest:
    """What piled up while there was no way to the owner, oldest first. Only the newest have their pictures. *key* is as a message's."""

    key: str
    messages: tuple[Message, ...]


class Progress(Protocol):
    """How far the delivery of one message by one way has come. What is set is there again after a crash."""

    def get(self, stage: str) -> str | None:
        """What was set at *stage*, None when it was not reached."""

    def set(self, stage: str, value: str) -> None:
        """*stage* is reached; *value* is what later stages need of it."""


class Notifier(ABC):
    """One way to reach the owner."""

    #: The name it has in `notify.backends` and in delivery marks.
    name: str
    #: Whether what piled up is to come as one message.
    digests: bool = False
    #: How often something was delivered that may have been delivered before, since that could not be found out.
    repeated: int = 0

    @abstractmethod
    def deliver(self, message: Message, progress: Progress) -> None:
        """Deliver *message*, or raise `DeliveryError`. Called again with the same key after a crash: it must then finish or do nothing.

        A way with several steps notes each in *progress*, and continues where it stopped.

        Nobody else waits meanwhile, but what it holds up comes later: what waits for an answer needs a time limit.
        """

    def deliver_digest(self, digest: Digest, progress: Progress) -> None:
        """Deliver all of *digest* as one message, as `deliver` does. Called only when `digests`."""
        raise NotImplementedError(f"{self.name} makes no digests")

    def close(self) -> None:  # noqa: B027 (few have anything to let go)
        """Let go of connections."""
