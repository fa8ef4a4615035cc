"""The pictures of a replay, in a video or in a window."""

import time
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from app.evaluation.replay_display import replay_display
from app.motion.base import Comparison
from tests.display.drawn import comparison, frame, verdict
from tests.display.screens import press, screen
from tests.waiting import until


def never() -> Comparison:
    raise AssertionError("nothing is drawn")


def test_without_a_video_and_a_window_nothing_is_drawn() -> None:
    with replay_display("front", None, window=False) as show:
        show(frame(), verdict(), never)


def test_a_window_is_at_the_pace_of_its_source_until_q(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    video = tmp_path / "out.mp4"
    with screen() as display:
        monkeypatch.setenv("DISPLAY", display)
        with replay_display("front", video, window=True) as show:
            began_s = time.monotonic()
            for number in range(11):
                show(frame(number / 10), verdict(), comparison)
            assert time.monotonic() - began_s >= 0.99
            press(display, "q")
            until(lambda: is_unpaced(lambda at_s: show(frame(at_s), verdict(), comparison)), "q")
    with av.open(str(video)) as written:
        assert len(list(written.decode(video=0))) > 12


def is_unpaced(show: Callable[[float], None]) -> bool:
    """Show two frames that are half a second apart; return whether that took less."""
    began_s = time.monotonic()
    show(2.0)
    show(2.5)
    return time.monotonic() - began_s < 0.4


def test_a_late_picture_hurries_nothing_and_a_gap_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    with screen() as display:
        monkeypatch.setenv("DISPLAY", display)
        with replay_display("front", None, window=True) as show:
            show(frame(0.0), verdict(), comparison)
            time.sleep(0.6)
            began_s = time.monotonic()
            show(frame(0.1), verdict(), comparison)
            show(frame(0.5), verdict(), comparison)
            assert time.monotonic() - began_s >= 0.35
            show(frame(10**6), verdict(), comparison)
