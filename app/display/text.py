"""Text on a picture, in OpenCV's own font: only ASCII, and never wider than its place."""

import unicodedata
from collections.abc import Iterator

import cv2

from app.frames import Image

Colour = tuple[int, int, int]
#: Sizes of the font; in the smallest, capital letters are 15 pixels high.
SMALLEST, SMALL, NORMAL, LARGE = 0.7, 0.8, 0.9, 1.25
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_THICKNESS = 2
_CUT = "..."
_FEWER = 0.05


def plain(text: str) -> str:
    """Return *text* in ASCII: accents are left out, and other letters become question marks."""
    kept = (letter for letter in unicodedata.normalize("NFKD", text) if not _is_accent(letter))
    shown = "".join(kept).translate({0x2013: "-", 0x2014: "-", 0x2019: "'", 0xDF: "ss"})
    return "".join(one if " " <= one <= "~" else "?" for one in shown)


def width_px(text: str, size: float) -> int:
    """Return the width of *text* in pixels."""
    return cv2.getTextSize(text, _FONT, size, _THICKNESS)[0][0]


def capital_px(size: float) -> int:
    """Return the height of a capital letter in pixels."""
    return cv2.getTextSize("H", _FONT, size, _THICKNESS)[0][1]


def fitted(text: str, size: float, most_px: int) -> tuple[str, float]:
    """Return *text* and its size so that it is at most *most_px* wide.

    It becomes smaller first, down to `SMALLEST`; then its end is cut off.
    """
    text = plain(text)
    while width_px(text, size) > most_px and size > SMALLEST:
        size = max(SMALLEST, round(size - _FEWER, 3))
    if width_px(text, size) <= most_px:
        return text, size
    while text and width_px(text + _CUT, size) > most_px:
        text = text[:-1]
    return (text.rstrip() + _CUT if text else ""), size


def wrapped(text: str, size: float, most_px: int) -> Iterator[str]:
    """Yield *text* in lines that are at most *most_px* wide, as far as its words allow."""
    line = ""
    for word in plain(text).split():
        longer = f"{line} {word}" if line else word
        if line and width_px(longer, size) > most_px:
            yield line
            longer = word
        line = longer
    if line:
        yield line


def write(
    picture: Image,
    text: str,
    start: tuple[int, int],
    most_px: int,
    *,
    size: float = SMALL,
    colour: Colour = (40, 40, 40),
    right: bool = False,
) -> None:
    """Write *text* into *picture*, (rows, columns, BGR) uint8, at most *most_px* wide.

    *start* (x, y) is the lower left corner of its capital letters, or the lower right one with
    *right*.
    """
    shown, size = fitted(text, size, most_px)
    x = start[0] - width_px(shown, size) if right else start[0]
    cv2.putText(picture, shown, (x, start[1]), _FONT, size, colour, _THICKNESS, cv2.LINE_AA)


def _is_accent(letter: str) -> bool:
    return unicodedata.combining(letter) > 0
