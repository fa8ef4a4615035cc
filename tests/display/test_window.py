"""A window in a process of its own."""

import numpy as np
import pytest

from app.display.panels import HEIGHT, WIDTH
from app.display.window import Window
from app.errors import NoDisplay
from tests.display.screens import press, screen
from tests.waiting import until

PICTURE = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)


@pytest.mark.parametrize(
    ("display", "reason"), [("", "DISPLAY is not set"), (":987", "the display does not answer")]
)
def test_without_a_display_there_is_a_clear_sentence(
    monkeypatch: pytest.MonkeyPatch, display: str, reason: str
) -> None:
    monkeypatch.setenv("DISPLAY", display)
    with pytest.raises(NoDisplay, match=f"no window can be opened: {reason}"):
        Window("front")


def test_q_closes_the_window_and_pictures_are_then_ignored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with screen() as display:
        monkeypatch.setenv("DISPLAY", display)
        with Window("front") as window:
            window.show(PICTURE)
            assert window.is_open
            press(display, "q")
            until(lambda: not window.is_open, "the window closes")
            window.show(PICTURE)


def test_a_screen_that_goes_away_harms_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    with screen() as display:
        monkeypatch.setenv("DISPLAY", display)
        window = Window("front")
    until(lambda: not window.is_open, "the window closes")
    window.show(PICTURE)
    window.close()


def test_the_owner_of_a_window_can_close_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with screen() as display:
        monkeypatch.setenv("DISPLAY", display)
        window = Window("front")
        window.close()
        assert not window.is_open
