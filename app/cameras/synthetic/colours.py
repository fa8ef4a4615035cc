"""Colours of the drawn room, as (blue, green, red) from 0 to 255."""

Colour = tuple[int, int, int]


def shade(colour: Colour, factor: float) -> Colour:
    """Return *colour* times *factor*, at most 255 for each part."""
    blue, green, red = (min(round(part * factor), 255) for part in colour)
    return blue, green, red
