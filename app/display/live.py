"""The display of a camera that is watched live: drawn beside the program, never in its way."""

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import Empty, Full, Queue

from app.clock import Clock
from app.detector import Verdict
from app.display.panels import Panels
from app.display.window import Window
from app.frames import Frame, Image
from app.motion.base import Comparison
from app.people.view import PeopleView
from app.worker import Worker

#: The seconds between two pictures.
EVERY_S = 0.2
_IDLE_S = 60.0

_log = logging.getLogger(__name__)


class LiveDisplay:
    """A window that shows what the detector of *camera* sees, until a person closes it.

    Raises `NoDisplay` when no window can be opened.
    """

    def __init__(self, camera: str, clock: Clock) -> None:
        self._clock = clock
        self._panels = Panels(camera, live=True)
        self._window: Window | None = Window(f"Who's There? {camera}")
        self._next_s = 0.0
        #: The picture that is drawn next; one is enough, because the newest is wanted.
        self._drawings: Queue[Callable[[], Image]] = Queue(1)
        self._worker = Worker("display", self._step)
        self._worker.start()

    def offer(
        self,
        frame: Frame,
        verdict: Verdict,
        compare: Callable[[], Comparison | None],
        view: Callable[[], PeopleView | None] = lambda: None,
    ) -> None:
        """Show *frame* with its *verdict*, unless a picture was shown a moment ago."""
        now_s = self._clock.monotonic()
        if self._window is None or now_s < self._next_s or self._drawings.full():
            return
        self._next_s = now_s + EVERY_S
        self._add(partial(self._panels.draw, frame, verdict, compare(), view()))

    def say(self, text: str) -> None:
        """Show *text* in place of pictures, until the next picture comes."""
        with suppress(Empty):
            self._drawings.get_nowait()
        self._add(partial(self._panels.message, text))

    def close(self) -> None:
        """Close the window."""
        window, self._window = self._window, None
        self._worker.ask_to_stop()
        if window:
            window.close()

    def _add(self, draw: Callable[[], Image]) -> None:
        with suppress(Full):
            self._drawings.put_nowait(draw)
        self._worker.wake()

    def _step(self) -> float:
        window = self._window
        if window is None:
            return _IDLE_S
        try:
            window.show(self._drawings.get_nowait()())
        except Empty:
            return _IDLE_S
        if not window.is_open and self._window:
            self._window = None
            window.close()
            _log.info("the window is closed; the program continues without it")
        return 0.0
