"""Keeps messages in memory: for tests, and to try a set-up without real messages."""

from app.errors import DeliveryError
from app.notify.base import Message, Notifier, Progress


class MemoryNotifier(Notifier):
    """Keeps each message once in *messages*, in the order of arrival; `close` sets *closed*."""

    name = "memory"

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.closed = False
        self._failures_left = 0
        self._reason = ""

    def __str__(self) -> str:
        return "this program's memory"

    def fail_next(self, times: int, reason: str = "asked to fail") -> None:
        """Make the next *times* deliveries fail, as a real service may."""
        self._failures_left = times
        self._reason = reason

    def deliver(self, message: Message, progress: Progress) -> None:  # noqa: ARG002 (one step)
        if self._failures_left > 0:
            self._failures_left -= 1
            raise DeliveryError(self._reason)
        if all(known.key != message.key for known in self.messages):
            self.messages.append(message)

    def close(self) -> None:
        self.closed = True
