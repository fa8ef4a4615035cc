"""The display of a camera that is watched live."""

import time

import pytest

from app.clock import SystemClock
from app.display.live import EVERY_S, LiveDisplay
from app.errors import NoDisplay
from app.motion.base import Comparison
from tests.display.drawn import comparison, frame, somebody, verdict
from tests.display.screens import press, screen
from tests.waiting import patience, until


def test_without_a_display_nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", "")
    with pytest.raises(NoDisplay, match="DISPLAY is not set"):
        LiveDisplay("front", SystemClock())


def test_five_pictures_a_second_are_drawn_until_q(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    compared = 0

    def compare() -> Comparison:
        nonlocal compared
        compared += 1
        return comparison(somebody())

    def offer(seconds: float) -> float:
        """Offer frames for so long; return the longest time that one took."""
        longest_s, end_s = 0.0, time.monotonic() + seconds
        while (began_s := time.monotonic()) < end_s:
            live.offer(frame(began_s), verdict(motion=True), compare)
            longest_s = max(longest_s, time.monotonic() - began_s)
            time.sleep(0.01)
        return longest_s

    caplog.set_level("INFO")
    with screen() as display:
        monkeypatch.setenv("DISPLAY", display)
        live = LiveDisplay("front", SystemClock())
        live.say("Disarmed.")
        began_s = time.monotonic()
        until(lambda: offer(0.5) < patience(1.0) and compared >= 4, "four pictures are shown")
        assert compared <= (time.monotonic() - began_s) / EVERY_S + 1
        press(display, "q")
        until(lambda: offer(0.1) >= 0 and "the window is closed" in caplog.text, "q is noticed")
        seen = compared
        offer(0.5)
        live.say("Disarmed.")
        live.close()
    assert compared == seen
