"""Stills of an occupied room for a folder that people browse.

There are few: at most one in a given time, and only of motion that lasts.
"""

import math
from collections.abc import Sequence

from app.frames import Box, Frame, FrameCounter, annotated, jpeg

STATUS = "Room Status: Occupied"
_RED = (0, 0, 255)


class StillRule:
    """Decides when a still is due: after *min_motion_frames* frames of motion in a row.

    These are frames at the rate *fps*. Counting begins *min_upload_seconds* after the last still.
    """

    def __init__(
        self, min_upload_seconds: float, min_motion_frames: int, fps: float | None = None
    ) -> None:
        self._min_upload_s = min_upload_seconds
        self._min_frames = min_motion_frames
        self._counter = FrameCounter(fps, math.ceil(min_motion_frames / 2))
        self._frames = 0
        self._last_s = float("-inf")

    def due(self, motion: bool, at_s: float) -> bool:
        """Return whether to keep the next frame, taken at *at_s*."""
        frames = self._counter.count(at_s)
        if not motion:
            self._frames = 0
        elif at_s - self._last_s >= self._min_upload_s:
            self._frames += frames
        if self._frames < self._min_frames:
            return False
        self._frames = 0
        self._last_s = at_s
        return True


def still(frame: Frame, boxes: Sequence[Box], line: str) -> bytes:
    """Return *frame* as JPEG with *boxes*, the room's status at the top, *line* at the bottom."""
    import cv2

    drawn = annotated(frame.bgr(), boxes, line)
    scale = max(drawn.shape[1] / 800, 0.5)
    font = cv2.FONT_HERSHEY_SIMPLEX
    (_, height), base = cv2.getTextSize(STATUS, font, scale, 2)
    cv2.putText(drawn, STATUS, (base, height + base), font, scale, _RED, 2, cv2.LINE_AA)
    return jpeg(drawn)
