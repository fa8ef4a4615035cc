"""The pictures of a replay: each judged frame, in a video or in a window."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

from app.detector import Verdict
from app.display.panels import Panels
from app.display.video import AddPicture, display_video
from app.display.window import Window
from app.frames import Frame, Image
from app.motion.base import Comparison
from app.people.view import PeopleView

_LONGEST_WAIT_S = 2.0

Compare = Callable[[], Comparison | None]
View = Callable[[], PeopleView | None]


class ShowFrame(Protocol):
    """Shows a frame with its verdict, and what a person model saw."""

    def __call__(
        self, frame: Frame, verdict: Verdict, compare: Compare, view: View = ...
    ) -> None: ...


@contextmanager
def replay_display(name: str, video: Path | None, *, window: bool) -> Iterator[ShowFrame]:
    """Yield a function that draws a frame of *name* into a *video* and a *window*, where wanted."""
    with ExitStack() as stack:
        add = stack.enter_context(display_video(video)) if video else None
        playback = Playback(stack.enter_context(Window(f"Who's There? {name}"))) if window else None
        panels = Panels(name)

        def show(
            frame: Frame, verdict: Verdict, compare: Compare, view: View = lambda: None
        ) -> None:
            sinks = _sinks(add, playback)
            if sinks:
                picture = panels.draw(frame, verdict, compare(), view())
                for sink in sinks:
                    sink(picture, frame.at_s)

        yield show


class Playback:
    """Shows pictures in *window* at the pace of their source, until a person closes it."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._zero_s: float | None = None

    @property
    def is_open(self) -> bool:
        return self._window.is_open

    def show(self, picture: Image, at_s: float) -> None:
        """Show *picture*, taken at *at_s* by its source's clock, when its time has come.

        After a late picture the next ones do not hurry, and a long gap is shortened.
        """
        now_s = time.monotonic()
        due_s = 0.0 if self._zero_s is None else self._zero_s + at_s - now_s
        wait_s = min(max(due_s, 0.0), _LONGEST_WAIT_S)
        if self._zero_s is None or wait_s != due_s:
            self._zero_s = now_s + wait_s - at_s
        time.sleep(wait_s)
        self._window.show(picture)


def _sinks(add: AddPicture | None, playback: Playback | None) -> list[AddPicture]:
    sinks = [add] if add else []
    return [*sinks, playback.show] if playback and playback.is_open else sinks
