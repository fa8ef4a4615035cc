"""Publishes that many pictures of the camera are damaged, and that they are intact again."""

import logging
from collections import deque
from datetime import datetime

from app import protocol
from app.clock import Clock
from app.daemons.security_system.noted_steadiness import NotedSteadiness
from app.daemons.security_system.publisher import Publisher
from app.daemons.security_system.spool import Publication
from app.protocol import Fact
from app.state.steadiness import Notice, Pace
from app.times import format_time

#: The note that keeps what was published for the next run.
NOTE = "damage"
#: The seconds of one sample, and the number of samples that count: ten minutes.
SAMPLE_S, SAMPLES = 10.0, 60
#: The trouble begins when so many seconds of the samples were damaged, and is over when fewer than
#: the second number are: a tenth and a fiftieth of the ten minutes.
BEGINS_S, OVER_S = 60.0, 12.0
_CURE = "check the signal of its Wi-Fi or its cable, or set the camera to a lower bit rate"

_log = logging.getLogger(__name__)


class DamageReports:
    """Follows the share of damaged pictures of *camera*, and publishes through *publisher*."""

    def __init__(self, camera: str, publisher: Publisher, clock: Clock) -> None:
        self._camera = camera
        self._publisher = publisher
        self._clock = clock
        self._steadiness = NotedSteadiness(
            Pace(0.0, 0.0), publisher.notes, NOTE, "damaged pictures"
        )
        #: Pictures and damaged pictures of each sample; times without pictures have none.
        self._samples: deque[tuple[int, int]] = deque(maxlen=SAMPLES)
        self._before = (0, 0)
        self._next_s = clock.monotonic() + SAMPLE_S
        #: The share of damaged pictures in words while there are many; None otherwise.
        self.trouble: str | None = None

    def open(self) -> None:
        """Take over what an earlier run has published."""
        self._steadiness.open()

    def step(self, pictures: int, damaged: int) -> None:
        """Publish what is to be published now.

        So far there were *pictures*, and *damaged* of them were damaged.
        """
        now_s = self._clock.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + SAMPLE_S
        sample = (pictures - self._before[0], damaged - self._before[1])
        self._before = (pictures, damaged)
        if sample[0] <= 0:
            self._steadiness.pause()
            return
        self._samples.append(sample)
        self._follow(now_s)

    def _follow(self, now_s: float) -> None:
        damaged_s = sum(SAMPLE_S * damaged / pictures for pictures, damaged in self._samples)
        known = self._steadiness.record.is_down
        is_down = damaged_s >= (OVER_S if known else BEGINS_S)
        self.trouble = f"{self._share()}: {_CURE}" if is_down else None
        if known and len(self._samples) < SAMPLES:
            # A new run does not know yet whether the trouble of the last one is over.
            is_down = True
        now = self._clock.now()
        notice = self._steadiness.observe(is_down, now, now_s)
        if notice:
            self._publish(notice, now)

    def _share(self) -> str:
        pictures, damaged = (sum(one) for one in zip(*self._samples, strict=True))
        minutes = max(round(len(self._samples) * SAMPLE_S / 60), 1)
        span = "minute" if minutes == 1 else f"{minutes} minutes"
        return f"{damaged / pictures:.0%} of the pictures of the last {span} were damaged"

    def _publish(self, notice: Notice, now: datetime) -> None:
        text = self._text(notice, now)
        _log.warning("%s", text)
        kind: protocol.FactKind = "pictures_damaged" if notice.is_bad else "pictures_intact"
        fact = Fact(protocol.new_fact_id(now, self._camera), kind, now, text, self._camera)
        self._publisher.publish(Publication(fact, note=self._steadiness.note()))

    def _text(self, notice: Notice, now: datetime) -> str:
        if not notice.is_bad:
            since = format_time(notice.since, now)
            return f"The pictures of camera {self._camera} are intact again, since {since}."
        often = " This comes and goes." if notice.kind == "unsteady" else ""
        return (
            f"Camera {self._camera}: {self._share()} on their way, so motion may be missed.{often} "
            f"Please {_CURE}."
        )
