"""Publishes pictures while somebody looks: the live view, and those of the detector.

They are drawn and encoded in a thread of their own, which begins with the first picture that
somebody wants. A picture that is not drawn yet when the next one comes is left out.
"""

import json
import threading
from collections.abc import Callable
from functools import partial

from app.clock import Clock
from app.daemons.security_system.publisher import Publisher
from app.detector import Detector, Verdict
from app.frames import Frame, jpeg, shrunk
from app.motion.base import Comparison
from app.people.view import PeopleView
from app.worker import LONGEST_WAIT_S, Worker

#: The seconds between two pictures for the live view, and between two of the detector.
LIVE_EVERY_S, DETECTOR_EVERY_S = 0.2, 0.5
#: The largest width of a picture for the live view, and the JPEG quality of both.
LIVE_WIDTH, QUALITY = 960, 70


class ShownPictures:
    """The pictures of one camera, for *publisher*, which has the wishes of those who look.

    Nothing is drawn while nobody looks, or while Redis is away.
    """

    def __init__(self, publisher: Publisher, clock: Clock) -> None:
        self._publisher = publisher
        self._live = _Pace(clock, LIVE_EVERY_S)
        self._detector = _Pace(clock, DETECTOR_EVERY_S)
        #: What is drawn next, by its kind: the newest only.
        self._next: dict[str, Callable[[], None]] = {}
        self._lock = threading.Lock()
        self._worker: Worker | None = None

    def offer(self, frame: Frame) -> None:
        """Show *frame* in the live view, if somebody looks and it is time for a picture."""
        wanted = self._publisher.controls.state.watched and not self._publisher.away
        if wanted and self._live.is_due():
            self._put("live", partial(self._show_live, frame))

    def offer_verdict(
        self,
        frame: Frame,
        verdict: Verdict,
        detector: Detector,
        view: Callable[[], PeopleView | None],
    ) -> None:
        """Show how *detector* has judged *frame*, if somebody looks and it is time for that."""
        wanted = self._publisher.controls.state.detector_watched and not self._publisher.away
        if wanted and self._detector.is_due():
            draw = partial(self._show_detector, frame, verdict, detector.comparison(), view())
            self._put("detector", draw)

    def check(self) -> None:
        """Raise `RuntimeError` when a mistake has ended the thread."""
        if self._worker:
            self._worker.check()

    def close(self) -> None:
        """Draw no further picture."""
        if self._worker:
            self._worker.ask_to_stop()

    def _put(self, kind: str, draw: Callable[[], None]) -> None:
        with self._lock:
            self._next[kind] = draw
        if self._worker is None:
            self._worker = Worker("shown pictures", self._step)
            self._worker.start()
        self._worker.wake()

    def _step(self) -> float:
        with self._lock:
            drawings, self._next = self._next, {}
        for draw in drawings.values():
            draw()
        return LONGEST_WAIT_S

    def _show_live(self, frame: Frame) -> None:
        self._publisher.show_frame(jpeg(shrunk(frame.bgr(), LIVE_WIDTH), QUALITY))

    def _show_detector(
        self,
        frame: Frame,
        verdict: Verdict,
        comparison: Comparison | None,
        people: PeopleView | None,
    ) -> None:
        from app.display.tiles import describe, draw_tiles

        picture = jpeg(draw_tiles(frame, verdict, comparison, people), QUALITY)
        words = describe(frame, verdict, comparison, people)
        at = frame.taken_at.astimezone().isoformat(timespec="milliseconds")
        header = {"at": at, **words}
        self._publisher.show_detector(json.dumps(header).encode() + b"\n" + picture)


class _Pace:
    """Lets something happen once in *every_s* seconds, on average also between the frames."""

    def __init__(self, clock: Clock, every_s: float) -> None:
        self._clock = clock
        self._every_s = every_s
        self._due_s = float("-inf")

    def is_due(self) -> bool:
        """Return whether it is time; it is then not again for a while."""
        now_s = self._clock.monotonic()
        if now_s < self._due_s:
            return False
        self._due_s += self._every_s
        if self._due_s <= now_s:
            self._due_s = now_s + self._every_s
        return True
