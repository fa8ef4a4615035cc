"""What a way of notifying promises."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from annotated_types import Ge

from app.protocol import ID

BackendName = Literal["folder", "memory"]


@dataclass(frozen=True, slots=True)
class NotifySettings:
    """Which ways lead to the owner. `auto` is every way that is configured, and the folder when none is."""

    backends: Literal["auto"] | tuple[BackendName, ...] = "auto"
    folder: str = "alerts"
    digest_after_s: Annotated[float, Ge(1)] = 120.0


@dataclass(frozen=True, slots=True)
class Message:
    """Something to tell the owner. *key* names it for ever: delivering the same key again must not show it twice.

    A key is a plain id, so that it can name a file; any other is a ValueError. *picture* is a JPEG or None. *camera*
    is None for what concerns the whole house.
    """

    key: str
    at: datetime
    text: str
    camera: str | None = None
    picture: bytes | None = None

    def __post_init__(self) -> None:
        if not ID.fullmatch(self.key):
            raise ValueError(f"{self.key!r} cannot be a message's key: letters, digits, . _ and - only")


class Notifier(ABC):
    """One way to reach the owner."""

    #: The name it has in `notify.backends` and in delivery marks.
    name: str

    @abstractmethod
    def deliver(self, message: Message) -> None:
        """Deliver *message*, or raise `DeliveryError`. Called again with the same key after a crash: it must then finish or do nothing.

        What waits for an answer needs a time limit of its own: the other ways are not served meanwhile.
        """

    def close(self) -> None:  # noqa: B027 (few have anything to let go)
        """Let go of connections."""
