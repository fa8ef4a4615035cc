"""The colours of the display."""

import numpy as np
import pytest

from app.display import colours


def luminance(colour: tuple[int, int, int]) -> float:
    """The relative luminance of WCAG 2."""
    linear = ((np.array(colour) / 255 + 0.055) / 1.055) ** 2.4
    return float(linear @ (0.0722, 0.7152, 0.2126))


@pytest.mark.parametrize(
    "name", ["TEXT", "HEADING", "CONFIRMED", "CHANGED", "EVENT", "SEEN", "DAMAGED"]
)
def test_each_colour_of_text_is_readable_on_its_ground(name: str) -> None:
    ratio = (luminance(colours.PANEL) + 0.05) / (luminance(getattr(colours, name)) + 0.05)
    assert ratio >= 4.5
