"""Requests that are to be answered, each waiting and tried again by itself."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from app.clock import Clock
from app.daemons.notifier.progress import Marks
from app.errors import DeliveryError, ProtocolError
from app.protocol import Request

RETRY_MAX_S = 60.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Job:
    """A request that is to be answered, from *due_s* on."""

    entry: str
    request: Request
    marks: Marks | None = None
    due_s: float = 0.0
    failures: int = 0


class Jobs:
    """What is to be answered by *answer*, which returns 0 when that is done, else the seconds until
    it should be tried again.

    What is over is given to *done*.
    """

    def __init__(
        self, clock: Clock, answer: Callable[[Job], float], done: Callable[[Job], None]
    ) -> None:
        self._clock = clock
        self._answer = answer
        self._done = done
        self._jobs: dict[str, Job] = {}

    def add(self, job: Job) -> None:
        """Answer *job* too."""
        self._jobs.setdefault(job.entry, job)

    def serve(self) -> None:
        """Answer what is due."""
        for job in list(self._jobs.values()):
            if job.due_s <= self._clock.monotonic():
                self._serve(job)

    def wait_s(self) -> float:
        """The seconds until something is due."""
        soonest_s = min((job.due_s for job in self._jobs.values()), default=float("inf"))
        return max(soonest_s - self._clock.monotonic(), 0.0)

    def _serve(self, job: Job) -> None:
        try:
            wait_s = self._answer(job)
        except DeliveryError as error:
            if not job.failures:
                _log.warning(
                    "%s of %s is not answered yet: %s", job.request.kind, job.request.by, error
                )
            wait_s = (
                min(2.0 ** min(job.failures, 10), RETRY_MAX_S)
                if error.retry_after_s is None
                else max(error.retry_after_s, 0.1)
            )
            job.failures += 1
        except ProtocolError as error:
            _log.warning("%s of %s is dropped: %s", job.request.kind, job.request.by, error)
            wait_s = 0.0
        if wait_s:
            job.due_s = self._clock.monotonic() + wait_s
        else:
            self._done(job)
            del self._jobs[job.entry]
