"""Sentences that come with a film, and that the owner is to hear even if the film does not come."""

import math
import threading
from collections import deque
from collections.abc import Callable

from app.link import News

#: How long a film is waited for.
PATIENCE_S = 30.0


class Owed:
    """What is owed to the owner is told by *tell*, without a film, when its film has failed or takes too long.

    `paid` and `failed` may come from any thread, and before it is owed.
    """

    def __init__(self, tell: Callable[[News], None]) -> None:
        self._tell = tell
        self._waiting: dict[str, tuple[float, News]] = {}
        self._early: deque[tuple[str, float | None]] = deque(maxlen=20)
        self._lock = threading.Lock()

    def owe(self, event: str, news: News, now_s: float, patience_s: float = PATIENCE_S) -> None:
        """*news* of *event* are to be heard, within *patience_s* of the clock that says *now_s*."""
        with self._lock:
            due_s = dict(self._early).get(event, now_s + patience_s)
            if due_s is not None:
                self._waiting[event] = due_s, news

    def paid(self, event: str) -> None:
        """The film of *event* was told, and the sentence with it."""
        with self._lock:
            if self._waiting.pop(event, None) is None:
                self._early.append((event, None))

    def failed(self, event: str) -> None:
        """There will be no film of *event*."""
        with self._lock:
            if event in self._waiting:
                self._waiting[event] = -math.inf, self._waiting[event][1]
            else:
                self._early.append((event, -math.inf))

    def step(self, now_s: float) -> None:
        """Tell what is due."""
        with self._lock:
            due = [event for event, (due_s, _) in self._waiting.items() if due_s <= now_s]
            news = [self._waiting.pop(event)[1] for event in due]
        for one in news:
            self._tell(one)
