"""Work that waits for Slack, such as replies. Each piece of work is tried again by itself."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from app.backoff import Backoff
from app.clock import Clock
from app.daemons.notifier.progress import DeliveryProgress
from app.errors import DeliveryError, ProtocolError
from app.protocol import Request

RETRY_MAX_S = 60.0
#: The shortest rest that a service can demand.
RETRY_LEAST_S = 0.1

_log = logging.getLogger(__name__)


class Pending(Protocol):
    """Something that is tried until it succeeds; the next try is at *due_s*.

    That is by the monotonic clock. *entry* is its id on its stream. *replied* is True as soon as it
    has succeeded, even if the entry is not acknowledged yet.
    """

    entry: str
    replied: bool
    due_s: float
    backoff: Backoff

    @property
    def name(self) -> str:
        """A name for the log."""

    @property
    def missing(self) -> str:
        """The words for the log on what is missing while it fails."""


@dataclass(slots=True)
class PendingRequest:
    """A request that waits for its reply.

    *is_shown* is True when Slack shows a tag, and its picture and clip are removed later.
    """

    entry: str
    request: Request
    replied: bool = False
    is_shown: bool = False
    progress: DeliveryProgress | None = None
    due_s: float = 0.0
    backoff: Backoff = field(default_factory=lambda: Backoff(RETRY_MAX_S))

    @property
    def name(self) -> str:
        return f"{self.request.kind} of {self.request.by}"

    @property
    def missing(self) -> str:
        return "has no reply yet"


AnyPending = TypeVar("AnyPending", bound=Pending)


class RetryQueue(Generic[AnyPending]):
    """Tries each until *reply* returns 0, then passes it to *finish*.

    Any other number that *reply* returns is the seconds until the next try.
    """

    def __init__(
        self,
        clock: Clock,
        reply: Callable[[AnyPending], float],
        finish: Callable[[AnyPending], None],
    ) -> None:
        self._clock = clock
        self._reply = reply
        self._finish = finish
        self._pending: dict[str, AnyPending] = {}

    def enqueue(self, pending: AnyPending) -> None:
        """Add *pending*, unless it is here already."""
        self._pending.setdefault(pending.entry, pending)

    def reply_to_due(self) -> None:
        """Try each once that is due."""
        for pending in list(self._pending.values()):
            if pending.due_s <= self._clock.monotonic():
                self._try(pending)

    def wait_s(self) -> float:
        """Return the seconds until one is due; infinite when there is none."""
        soonest_s = min((pending.due_s for pending in self._pending.values()), default=float("inf"))
        return max(soonest_s - self._clock.monotonic(), 0.0)

    def _try(self, pending: AnyPending) -> None:
        try:
            wait_s = 0.0 if pending.replied else self._reply(pending)
        except DeliveryError as error:
            if not pending.backoff.failures:
                _log.warning("%s %s: %s", pending.name, pending.missing, error)
            wait_s = pending.backoff.failed()
            if error.retry_after_s is not None:
                wait_s = max(error.retry_after_s, RETRY_LEAST_S)
        except ProtocolError as error:
            _log.warning("%s is dropped: %s", pending.name, error)
            wait_s = 0.0
        if wait_s:
            pending.due_s = self._clock.monotonic() + wait_s
        else:
            pending.replied = True
            self._finish(pending)
            del self._pending[pending.entry]


def answer_key(entry: str) -> str:
    """Return the key of the reply to the request that is the stream's *entry*."""
    return f"answer-{entry}"
