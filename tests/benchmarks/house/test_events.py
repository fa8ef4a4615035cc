"""Delays are counted from the sending of a frame, and to Slack without Slack's own time."""

import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.benchmarks.house.drawn_video import write_number
from app.benchmarks.house.events import (
    Opening,
    besides_clip,
    last_sent_s,
    slack_delays_ms,
    stream_delays_ms,
)
from app.benchmarks.house.stand_in_slack import Post, StandInSlack
from app.benchmarks.rtsp_server import RtspServer

KEY_FRAME = [b"\x65"]


@pytest.fixture
def source() -> Iterator[RtspServer]:
    """A video of 8 seconds."""
    with RtspServer([KEY_FRAME] * 80, 10, repeats=True) as server:
        yield server


def test_a_picture_was_sent_in_the_last_round_before(source: RtspServer) -> None:
    sent_s = source.sent_at_s(80 * 3 + 17)
    assert last_sent_s(source, 17, sent_s + 0.01) == pytest.approx(sent_s)
    assert last_sent_s(source, 17, sent_s + 7.9) == pytest.approx(sent_s)
    assert last_sent_s(source, 17, sent_s - 0.01) == pytest.approx(sent_s - 8)


def test_a_delay_counts_from_the_picture_of_the_event(source: RtspServer, tmp_path: Path) -> None:
    picture = np.full((48, 96, 3), 90, np.uint8)
    write_number(picture, 21)
    cv2.imwrite(str(tmp_path / "snapshot-clean.jpg"), picture)
    ahead_s = time.time() - time.monotonic()
    opening = Opening("event", source.sent_at_s(80 + 21) + ahead_s + 0.125)
    (delay_ms,) = stream_delays_ms([opening], {"event": tmp_path}, source)
    assert delay_ms == pytest.approx(125, abs=5)


def test_slacks_own_time_does_not_count() -> None:
    with StandInSlack() as slack:
        slack.was_busy(99.0, 100.02)
        slack.was_busy(100.1, 100.13)
    slack.posts += [Post("event", 100.25), Post("event", 110.0), Post("other", 100.0)]
    openings = [Opening("event", 100.0), Opening("silent", 100.0)]
    assert slack_delays_ms(openings, slack) == [pytest.approx(200)]


def test_a_clip_is_no_other_file(tmp_path: Path) -> None:
    for name, size in {"clip.mp4": 1000, "clip-2.mp4": 1000, "event.json": 3, "a.jpg": 4}.items():
        (tmp_path / name).write_bytes(bytes(size))
    assert besides_clip(tmp_path) == 7
