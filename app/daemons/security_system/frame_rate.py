"""Measures the rate of frames, and says when a source is slower than configured."""

import logging

from app.clock import Clock

#: A source is slow below this share of the configured rate. Its frames then count as several.
_SLOW_SHARE = 0.7
#: Readings in a row after which it is said: the camera may have opened in the middle of one.
_SLOW_READINGS = 2

_log = logging.getLogger(__name__)


class FrameRate:
    """Measures the frames per second since the last reading, of a source set to *fps*."""

    def __init__(self, clock: Clock, camera: str, fps: float) -> None:
        self._clock = clock
        self._camera = camera
        self._at_s = clock.monotonic()
        self._frames = self._reopened = 0
        self._slow = 0
        self.fps = fps

    def read(self, frames: int, reopened: int) -> float:
        """Return the rate; *frames* is the number of all frames so far.

        *reopened* is how often the source came back. While it was away it was not slow.
        """
        now_s = self._clock.monotonic()
        new = frames - self._frames
        rate = new / max(now_s - self._at_s, 1e-6)
        was_away = reopened != self._reopened
        self._at_s, self._frames, self._reopened = now_s, frames, reopened
        if not new or was_away or rate >= _SLOW_SHARE * self.fps:
            self._slow = 0
            return round(rate, 2)
        self._slow += 1
        if self._slow == _SLOW_READINGS:
            _log.warning(
                "camera %s gives %.1f of %g frames a second, so motion is judged by time: "
                "settings that count frames mean so many at %g a second",
                *(self._camera, rate, self.fps, self.fps),
            )
        return round(rate, 2)
