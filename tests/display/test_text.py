"""Text that is never wider than its place."""

import numpy as np
import pytest

from app.display.text import LARGE, SMALL, SMALLEST, fitted, plain, width_px, wrapped, write

LONG = "the background shows through " * 9


@pytest.mark.parametrize(
    ("text", "shown"),
    [("Größe", "Grosse"), ("café–bar", "cafe-bar"), ("玄関 2", "?? 2"), ("a\nb", "a?b"), ("", "")],
)
def test_only_ascii_is_written(text: str, shown: str) -> None:
    assert plain(text) == shown


@pytest.mark.parametrize("most_px", [0, 5, 60, 300, 600, 100_000])
def test_a_text_is_never_wider_than_its_place(most_px: int) -> None:
    shown, size = fitted(LONG, LARGE, most_px)
    assert not shown or width_px(shown, size) <= most_px
    assert SMALLEST <= size <= LARGE


def test_a_text_is_made_smaller_before_it_is_cut() -> None:
    shown, size = fitted("somebody", LARGE, round(0.8 * width_px("somebody", LARGE)))
    assert shown == "somebody"
    assert size < LARGE
    assert fitted("somebody", LARGE, 60)[0].endswith("...")


def test_a_sentence_is_wrapped_between_its_words() -> None:
    lines = list(wrapped(LONG, SMALL, 400))
    assert " ".join(lines).split() == LONG.split()
    assert max(width_px(line, SMALL) for line in lines) <= 400


def test_a_text_at_the_right_ends_at_its_start() -> None:
    picture = np.full((40, 300, 3), 255, np.uint8)
    write(picture, "12 s", (280, 30), 200, right=True)
    dark = np.flatnonzero((picture < 128).any(axis=(0, 2)))
    assert 200 < dark.min() < dark.max() <= 281
