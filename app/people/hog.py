"""OpenCV's own people detector, which needs no file: a histogram of gradients, and an SVM.

It knows upright people at eye level, who are a third of the picture or more. In the clip of a
camera under the ceiling it finds one person in five. So it marks people in pictures, and decides
about no alert.
"""

import threading

import cv2
import numpy as np

from app.frames import Detection, Image
from app.people.base import PERSON, PersonModel
from app.people.pictures import Candidates, detections, in_colour

#: The detector's window is 64x128, and shows a person of about 96 pixels.
_LEAST_SIDE, _MOST_SIDE = 192, 320
_KINDS = {0: PERSON}


class HogModel(PersonModel):
    """The detector of Dalal and Triggs, with the weights that OpenCV contains."""

    name = "hog"
    detail = "OpenCV's people detector"
    threshold = 0.7
    decides = False

    def __init__(self) -> None:
        self._hog = cv2.HOGDescriptor()
        weights = cv2.HOGDescriptor.getDefaultPeopleDetector()
        self._hog.setSVMDetector(np.asarray(weights, np.float32))
        self._one_at_a_time = threading.Lock()

    def detect(self, picture: Image) -> list[Detection]:
        picture = in_colour(picture)
        if not picture.size:
            return []
        resized, scale = _resized(picture)
        with self._one_at_a_time:
            boxes, margins = self._hog.detectMultiScale(
                resized, winStride=(8, 8), padding=(8, 8), scale=1.05
            )
        corners = np.asarray(boxes, np.float32).reshape(-1, 4)
        corners[:, 2:] += corners[:, :2]
        scores = 1 / (1 + np.exp(-np.asarray(margins, np.float32).ravel()))
        found = Candidates(corners / scale, scores, np.zeros(len(scores), np.intp))
        return detections(found, _KINDS, picture)


def _resized(picture: Image) -> tuple[Image, float]:
    """Return *picture* in a size that the detector can use, and how much larger it is now.

    A narrow picture gets a rim, because the window must fit in.
    """
    longer = max(picture.shape[:2])
    scale = min(max(longer, _LEAST_SIDE), _MOST_SIDE) / longer
    columns, rows = (max(round(n * scale), 1) for n in picture.shape[1::-1])
    resized = cv2.resize(picture, (columns, rows))
    right, below = max(64 - columns, 0), max(128 - rows, 0)
    framed = cv2.copyMakeBorder(resized, 0, below, 0, right, cv2.BORDER_REPLICATE)
    return np.asarray(framed, np.uint8), scale
