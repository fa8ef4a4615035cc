"""The progress of a delivery in memory, and deliveries that are killed or repeated."""

from app.clock import FakeClock
from app.errors import DeliveryError
from app.notify import Message, Notifier
from app.protocol import Stage


class MemoryProgress:
    """A `Progress` in memory; *stages* is what was set.

    A second delivery with the same object continues where the first one stopped.
    """

    def __init__(self) -> None:
        self.stages: dict[str, str] = {}

    def get(self, stage: Stage, of: str = "") -> str | None:
        return self.stages.get(f"{stage}:{of}" if of else stage)

    def set(self, stage: Stage, value: str, of: str = "") -> None:
        self.stages[f"{stage}:{of}" if of else stage] = value


class Killed(Exception):
    """The delivery has ended as a kill ends it."""


class KilledAfter(MemoryProgress):
    """Ends the delivery as soon as *stage* is set."""

    def __init__(self, stage: str) -> None:
        super().__init__()
        self._stage = stage

    def set(self, stage: Stage, value: str, of: str = "") -> None:
        super().set(stage, value, of)
        if value and self._stage in (stage, f"{stage}:{of}"):
            raise Killed

    def afterwards(self) -> MemoryProgress:
        """Return the progress that the next process finds."""
        found = MemoryProgress()
        found.stages = self.stages
        return found


def deliver_until_done(
    notifier: Notifier,
    message: Message,
    progress: MemoryProgress,
    clock: FakeClock,
    tries: int = 40,
) -> int:
    """Deliver as a channel does, with pauses on *clock*; returns the number of failures."""
    for failures in range(tries):
        try:
            notifier.deliver(message, progress)
        except DeliveryError as error:
            clock.advance(1.0 if error.retry_after_s is None else error.retry_after_s)
        else:
            return failures
    raise AssertionError("it was not delivered")
