"""Colours, and their shades."""

import pytest

from app.cameras.synthetic.colours import shade


@pytest.mark.parametrize(
    ("factor", "shaded"), [(1.0, (100, 200, 40)), (0.5, (50, 100, 20)), (1.5, (150, 255, 60))]
)
def test_a_shade_is_darker_or_lighter(factor: float, shaded: tuple[int, int, int]) -> None:
    assert shade((100, 200, 40), factor) == shaded
