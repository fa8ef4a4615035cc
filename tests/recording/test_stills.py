"""Stills of an occupied room: the rule that makes them due, and their drawing."""

from datetime import UTC, datetime

import cv2
import numpy as np
import pytest

from app.frames import Box, Frame, Image
from app.recording.stills import StillRule, still


def due(
    script: str, min_upload_seconds: float, min_motion_frames: int, interval_s: float = 0.5
) -> str:
    """The script with a `!` for each frame that is due.

    In it `x` is a frame with motion and `.` one without; frames are *interval_s* apart.
    """
    rule = StillRule(min_upload_seconds, min_motion_frames)
    return "".join(
        "!" if rule.due(sign == "x", number * interval_s) else sign
        for number, sign in enumerate(script)
    )


@pytest.mark.parametrize(
    ("seconds", "frames", "script", "expected"),
    [
        (0, 3, "xx.xxx", "xx.xx!"),
        (0, 3, "xxxxxxx", "xx!xx!x"),
        (0, 1, "x.xx", "!.!!"),
        # Counting begins some seconds after the last still.
        (3, 3, "xxxxxxxxxxx", "xx!xxxxxxx!"),
        (3, 3, "xxxxxxx.xxxx", "xx!xxxx.xx!x"),
        (3, 1, "xxxxxxx", "!xxxxx!"),
        (60, 2, "xx" + 50 * "x", "x!" + 50 * "x"),
        (0, 8, "xxxxxxx.xxxxxxx", "xxxxxxx.xxxxxxx"),
    ],
)
def test_a_still_is_due_after_motion_frames_and_a_pause(
    seconds: float, frames: int, script: str, expected: str
) -> None:
    assert due(script, seconds, frames) == expected


def test_status_time_and_boxes_are_drawn_in() -> None:
    grey: Image = np.full((480, 640, 3), 128, np.uint8)
    frame = Frame(grey[:, :, 0], 0.0, datetime(2026, 11, 20, tzinfo=UTC), 0, lambda: grey)
    made = cv2.imdecode(
        np.frombuffer(
            still(frame, [Box(200, 150, 100, 200)], "front  2026-11-20 10:15:00"), np.uint8
        ),
        cv2.IMREAD_COLOR,
    )
    assert made is not None
    changed = np.abs(made.astype(int) - 128).max(axis=2) > 40
    status, caption = made[:40, :400].astype(int), changed[440:, :300]
    assert changed[:40, :400].sum() > 500
    assert (status[:, :, 2] - status[:, :, 0]).max() > 80  # red
    assert caption.sum() > 500
    assert changed[150:350, 198:203].sum() > 300
    assert not changed[200:300, 230:270].any()
    assert not changed[60:140].any()
    assert np.array_equal(grey, np.full((480, 640, 3), 128, np.uint8))


def test_a_slower_source_needs_fewer_frames_for_a_still() -> None:
    rule = StillRule(0, 8, fps=10)
    due_at = [number for number in range(7) if rule.due(True, number / 2)]
    assert due_at == [2, 4, 6]
