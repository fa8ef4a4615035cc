"""Sentences that come with a film, and that the owner is to hear even if the film does not come."""

import math
import threading
from collections import deque
from collections.abc import Callable

from app.clock import Clock
from app.daemons.security_system.publisher import News

#: How long a film is waited for.
PATIENCE_S = 30.0

#: So many names are remembered of each sort.
_MOST_NAMES = 1000


class Owed:
    """What is owed to the owner is told by *tell*, without a film, when its film has failed or
    takes too long.

    Each sentence has a name. `paid` and `failed` may come from any thread, and before it is owed.
    """

    def __init__(self, tell: Callable[[News], None], clock: Clock) -> None:
        self._tell = tell
        self._clock = clock
        self._waiting: dict[str, tuple[float, News]] = {}
        self._paid = deque[str](maxlen=_MOST_NAMES)
        self._failed = deque[str](maxlen=_MOST_NAMES)
        self._told = deque[str](maxlen=_MOST_NAMES)
        self._lock = threading.Lock()

    def owe(self, name: str, news: News, patience_s: float = PATIENCE_S) -> None:
        """*news* are to be heard within *patience_s*."""
        with self._lock:
            if name not in self._paid:
                due_s = -math.inf if name in self._failed else self._clock.monotonic() + patience_s
                self._waiting[name] = due_s, news

    def paid(self, name: str) -> bool:
        """The film is there and its sentence with it, which is to be told now unless this returns
        False: it was told without.
        """
        with self._lock:
            self._waiting.pop(name, None)
            self._paid.append(name)
            return name not in self._told

    def failed(self, name: str) -> None:
        """There is no film, at least for now."""
        with self._lock:
            self._failed.append(name)
            if name in self._waiting:
                self._waiting[name] = -math.inf, self._waiting[name][1]

    def step(self) -> None:
        """Tell what is due."""
        now_s = self._clock.monotonic()
        with self._lock:
            due = [name for name, (due_s, _) in self._waiting.items() if due_s <= now_s]
            news = [self._waiting.pop(name)[1] for name in due]
            self._told.extend(due)
        for one in news:
            self._tell(one)
