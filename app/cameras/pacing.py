"""Decides which pictures of a source are used, and when each is due."""

from app.clock import Clock

_TOO_EARLY = 0.75
_PATIENCE_S = 1.0
#: Whoever has waited so long for a picture was not behind.
_WAIT_S = 0.002
#: Seconds without such a wait after which the reader may be behind, and after which he is.
_SUSPECT_S, _BEHIND_S = 1.0, 2.0


class PlayingTime:
    """Computes the seconds since a source's first picture.

    It uses time stamps, and counts pictures where the stamps are missing, do not increase, or jump.
    *interval_s* is the usual time between two pictures. A step of more than *longest_s* is a jump.
    """

    def __init__(self, interval_s: float, longest_s: float) -> None:
        self._interval_s = interval_s
        self._longest_s = longest_s
        self._last: tuple[int, float | None] | None = None
        self._at_s = 0.0

    def of(self, number: int, stamp_s: float | None) -> float:
        """Return the time of picture *number*, which is stamped *stamp_s*."""
        if self._last is not None:
            self._at_s += self._step_s(number - self._last[0], self._last[1], stamp_s)
        self._last = (number, stamp_s)
        return self._at_s

    def _step_s(self, pictures: int, before_s: float | None, stamp_s: float | None) -> float:
        if before_s is None or stamp_s is None or not 0 < stamp_s - before_s <= self._longest_s:
            return pictures * self._interval_s
        return stamp_s - before_s


class Pacing:
    """Reduces a source's pictures to *fps*; if *timed*, waits for each and drops late ones.

    Times are the source's own, in seconds; only their differences count. A timed picture is late
    when the next one is due already. A machine that is too slow for the source would drop all of
    them, therefore one late picture a second is kept.
    """

    def __init__(self, clock: Clock, fps: float, timed: bool) -> None:
        self._clock = clock
        self._interval_s = 1 / fps
        self._timed = timed
        self._wanted_s: float | None = None
        self._zero_s: float | None = None
        self._late_since_s: float | None = None
        self.dropped = 0

    def keep(self, at_s: float) -> bool:
        """Wait until the picture taken at *at_s* is due; return whether to use it."""
        if self._wanted_s is not None and at_s < self._wanted_s + _TOO_EARLY * self._interval_s:
            return False
        self._wanted_s = at_s
        if self._timed and not self._wait_until(at_s):
            self.dropped += 1
            return False
        return True

    def _wait_until(self, at_s: float) -> bool:
        now_s = self._clock.monotonic()
        if self._zero_s is None:
            self._zero_s = now_s - at_s
        early_s = self._zero_s + at_s - now_s
        if early_s < -self._interval_s and not self._out_of_patience(now_s):
            return False
        self._late_since_s = None
        self._clock.sleep(early_s)
        return True

    def _out_of_patience(self, now_s: float) -> bool:
        if self._late_since_s is None:
            self._late_since_s = now_s
        return now_s - self._late_since_s > _PATIENCE_S


class Backlog:
    """Finds out whether pictures of a live source wait to be read: the machine is too slow.

    A reader that is behind never has to wait for a picture. Then most pictures are dropped, and one
    a second is kept, until the reader has to wait again.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waited_s = self._kept_s = clock.monotonic()

    @property
    def is_suspect(self) -> bool:
        """Return whether the last wait for a picture was a while ago."""
        return self._clock.monotonic() - self._waited_s >= _SUSPECT_S

    def record_read(self, began_s: float, came_s: float) -> None:
        """Record that data *came*, for which the reader has waited since *began_s*."""
        if came_s - began_s >= _WAIT_S:
            self._waited_s = came_s

    def keep(self) -> bool:
        """Return whether to use the picture at hand."""
        now_s = self._clock.monotonic()
        if now_s - self._waited_s >= _BEHIND_S and now_s - self._kept_s < _PATIENCE_S:
            return False
        self._kept_s = now_s
        return True
