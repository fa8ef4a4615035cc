"""A way that leads nowhere: it remembers what it was given. For tests, and for trying a set-up
without being disturbed.
"""

from app.errors import DeliveryError
from app.notify.base import Message, Notifier, Progress


class MemoryNotifier(Notifier):
    """Keeps the messages in *messages*, each key once, in the order they came. *closed* tells
    whether it was let go.
    """

    name = "memory"

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.closed = False
        self._failures_left = 0
        self._reason = ""

    def __str__(self) -> str:
        return "this program's memory"

    def fail_next(self, times: int, reason: str = "told to fail") -> None:
        """Let the next *times* deliveries fail, as a real way fails."""
        self._failures_left = times
        self._reason = reason

    def deliver(self, message: Message, progress: Progress) -> None:  # noqa: ARG002 (one step, noted by what it leaves)
        if self._failures_left > 0:
            self._failures_left -= 1
            raise DeliveryError(self._reason)
        if all(known.key != message.key for known in self.messages):
            self.messages.append(message)

    def close(self) -> None:
        self.closed = True
