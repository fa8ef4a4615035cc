"""Privacy masks: areas of a camera's picture that are painted black before anything sees it."""

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from app.frames import Image, Polygon

#: A compressed picture carries colours and edges so many pixels across the border of an area.
_MARGIN_PX = 2
#: The value of both colours of a grey pixel in YUV.
_GREY = 128


class _Hidden(NamedTuple):
    """The hidden pixels of pictures of one size.

    *rows* and *columns* are the part that has all areas, with even borders. In that part *luma* and
    *bgr* are 0 for hidden pixels and 255 for others; so is *colours*, for four pixels each, of
    which one is hidden, and *grey* is `_GREY` where *colours* is 0.
    """

    rows: slice
    columns: slice
    luma: Image
    bgr: Image
    colours: Image
    grey: Image


class PrivacyMask:
    """Paints *areas*, each a polygon of the picture as it is shown, after all flips.

    A pixel that an area touches is painted, and so is a margin of two pixels.
    """

    def __init__(self, areas: tuple[Polygon, ...]) -> None:
        self._areas = areas
        self._hidden = lru_cache(maxsize=4)(self._make_hidden)

    def luma(self, luma: Image) -> Image:
        """Return a copy of *luma*, (rows, columns) uint8, with 0 in the areas."""
        painted = luma.copy()
        hidden = self._hidden(luma.shape[0], luma.shape[1])
        _keep(painted[hidden.rows, hidden.columns], hidden.luma)
        return painted

    def bgr(self, picture: Image) -> Image:
        """Return a copy of *picture*, (rows, columns, BGR) uint8, with black in the areas."""
        painted = picture.copy()
        self.paint(painted)
        return painted

    def yuv(self, planes: Image) -> Image:
        """Return a copy of *planes*, a picture in YUV 4:2:0, with black in the areas.

        It is (rows * 3/2, columns) uint8: all luma, then the planes of both colours.
        """
        painted = planes.copy()
        self.paint_yuv(painted, (planes.shape[0] * 2 // 3, planes.shape[1]))
        return painted

    def paint(self, picture: Image) -> None:
        """Paint the areas into *picture*, (rows, columns, BGR) uint8, in place."""
        hidden = self._hidden(picture.shape[0], picture.shape[1])
        _keep(picture[hidden.rows, hidden.columns], hidden.bgr)

    def paint_yuv(self, planes: Image, shape: tuple[int, int]) -> None:
        """Paint the areas into *planes* as in `yuv`, of which only *shape*, (rows, columns), shows.

        The rows may be longer, and there may be more of them.
        """
        rows, padded = planes.shape[0] * 2 // 3, planes.shape[1]
        hidden = self._hidden(*shape)
        _keep(planes[hidden.rows, hidden.columns], hidden.luma)
        # Each row of a colour has half the length of a row of luma, with its padding.
        colours = planes[rows:].view()
        colours.shape = (2, rows // 2, padded // 2)  # fails where this would be a copy
        down, across = (slice(one.start // 2, one.stop // 2) for one in hidden[:2])
        for colour in colours:
            part = colour[down, across]
            _keep(part, hidden.colours)
            cv2.bitwise_or(part, hidden.grey, dst=part)

    def _make_hidden(self, rows: int, columns: int) -> _Hidden:
        touched = np.zeros((rows, columns), np.uint8)
        for area in self._areas:
            corners = np.rint(np.array(area) * (columns, rows)).astype(np.int32)
            cv2.fillPoly(touched, [corners], 255)
        side = 2 * _MARGIN_PX + 1
        touched = np.asarray(cv2.dilate(touched, np.ones((side, side), np.uint8)), np.uint8)
        down, across = (_even(np.asarray(touched.any(axis=axis))) for axis in (1, 0))
        luma = np.ascontiguousarray(cv2.bitwise_not(touched)[down, across], np.uint8)
        even = luma[: luma.shape[0] // 2 * 2, : luma.shape[1] // 2 * 2]
        colours = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2).min(axis=(1, 3))
        grey = np.where(colours == 0, _GREY, 0).astype(np.uint8)
        return _Hidden(down, across, luma, np.repeat(luma[:, :, None], 3, axis=2), colours, grey)


def _keep(part: Image, kept: Image) -> None:
    """Set *part* to 0 where *kept* is 0, in place; both are uint8 of the same shape."""
    # OpenCV refuses memory in which the pixels of a row are apart.
    if cv2.bitwise_and(part, kept, dst=part) is not part:
        raise ValueError("the picture was copied, and not painted")


def _even(touched: "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]") -> slice:
    """Return the part from the first to the last of *touched*, with even borders."""
    places = np.flatnonzero(touched)
    return slice(int(places[0]) // 2 * 2, min(int(places[-1]) // 2 * 2 + 2, len(touched)))


def privacy_mask(areas: tuple[Polygon, ...]) -> PrivacyMask | None:
    """Return what paints *areas*; None without any."""
    return PrivacyMask(areas) if areas else None
