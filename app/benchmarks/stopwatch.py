"""CPU time by the name of a stage."""

import time
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any


class Stopwatch:
    """Measures the CPU time of functions, by name."""

    def __init__(self) -> None:
        self._spent_s: dict[str, float] = {}

    def timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return *call* wrapped: its time is added under *name*."""

        @wraps(call)
        def measured(*given: object) -> Any:
            began_s = time.process_time()
            result = call(*given)
            self._spent_s[name] += time.process_time() - began_s
            return result

        self._spent_s.setdefault(name, 0.0)
        return measured

    def watch(self, subject: object, names: Iterable[str]) -> None:
        """Measure the methods *names* of *subject* from now on."""
        for name in names:
            setattr(subject, name, self.timed(name, getattr(subject, name)))

    def restart(self) -> None:
        """Set all times to zero."""
        self._spent_s = dict.fromkeys(self._spent_s, 0.0)

    def ms(self, count: int) -> dict[str, float]:
        """Return the milliseconds for one of *count* frames."""
        return {name: round(1000 * spent_s / count, 4) for name, spent_s in self._spent_s.items()}
