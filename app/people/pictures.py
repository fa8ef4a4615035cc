"""The way of a picture into a model, and of the model's numbers back into the picture."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from app.frames import Box, Detection, Image

Numbers = NDArray[np.floating[Any]]
#: Of two boxes of a class that overlap by more than this share, the better one stays.
_MOST_OVERLAP = 0.45


class Candidates(NamedTuple):
    """Possible finds of a model in a picture: the box, score and class of each, in its pixels.

    *corners* are (n, 4): left, top, right and bottom; they may be outside the picture.
    """

    corners: Numbers
    scores: Numbers
    classes: NDArray[np.intp]


def in_colour(picture: Image) -> Image:
    """Return *picture* as (rows, columns, BGR) uint8; it may be grey, or have a fourth channel.

    Raises `ValueError` for anything else.
    """
    channels = 1 if picture.ndim == 2 else picture.shape[2] if picture.ndim == 3 else 0
    if picture.dtype != np.uint8 or channels not in {1, 3, 4}:
        raise ValueError(f"not a picture: {picture.dtype} of shape {picture.shape}")
    if channels == 3 or not picture.size:
        return picture
    code = cv2.COLOR_GRAY2BGR if channels == 1 else cv2.COLOR_BGRA2BGR
    return np.asarray(cv2.cvtColor(picture, code), np.uint8)


def pairs(scores: Numbers, kinds: Mapping[int, str], least: float) -> tuple[NDArray[np.intp], ...]:
    """Return the rows of *scores*, and the classes of *kinds* in them, that have at least *least*.

    A row counts for each of its classes: somebody who looks a little more like a dog is still
    reported as a person too.
    """
    wanted = np.fromiter(kinds, np.intp)
    rows, places = np.nonzero(scores[:, wanted] >= least)
    return rows, wanted[places]


def detections(found: Candidates, kinds: Mapping[int, str], picture: Image) -> list[Detection]:
    """Return the best of the candidates that overlap, inside *picture*, the best score first."""
    rows, columns = picture.shape[:2]
    limits = np.array([columns, rows, columns, rows], np.float32)
    corners = np.clip(np.nan_to_num(found.corners, nan=-1), 0, limits)
    sizes = corners[:, 2:] - corners[:, :2]
    usable = np.isfinite(found.corners).all(axis=1) & (sizes >= 0.5).all(axis=1)
    if not usable.any():
        return []
    corners, sizes = corners[usable], sizes[usable]
    scores, classes = np.clip(found.scores[usable], 0, 1), found.classes[usable]
    boxes = np.concatenate([corners[:, :2], sizes], axis=1)
    kept = cv2.dnn.NMSBoxesBatched(
        boxes.tolist(), scores.tolist(), classes.tolist(), 0.0, _MOST_OVERLAP
    )
    best = [
        Detection(_whole(corners[i], columns, rows), float(scores[i]), kinds[int(classes[i])])
        for i in np.asarray(kept, np.intp).ravel()
    ]
    return sorted(best, key=lambda one: one.score, reverse=True)


def _whole(corners: Numbers, columns: int, rows: int) -> Box:
    """Return the box of whole pixels between *corners*, at least one each way."""
    left, top, right, bottom = (round(float(edge)) for edge in corners)
    left, top = min(left, columns - 1), min(top, rows - 1)
    return Box(left, top, max(right - left, 1), max(bottom - top, 1))
