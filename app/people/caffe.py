"""MobileNet-SSD from a Caffe model, run by OpenCV: the classes of VOC, person is class 15."""

import threading
from pathlib import Path

import cv2
import numpy as np

from app.errors import ModelError
from app.frames import Detection, Image
from app.people.base import PersonModel
from app.people.classes import VOC
from app.people.files import read_model
from app.people.library import give_back_memory, silent_opencv
from app.people.pictures import Candidates, detections, in_colour

_SIDE = 300


class CaffeModel(PersonModel):
    """MobileNet-SSD, whose graph is the .prototxt of the same name beside its weights.

    The graph itself leaves out scores below 0.25.
    """

    name = "caffe"
    threshold = 0.5

    def __init__(self, file: Path) -> None:
        """Load *file*; a `ModelError` when it or its graph is absent, or of another shape."""
        self._file = file
        self.detail = f"MobileNet-SSD from {file.name}, run by opencv"
        self._one_at_a_time = threading.Lock()
        graph, weights = read_model(file.with_suffix(".prototxt")), read_model(file)
        try:
            with silent_opencv():
                self._net = cv2.dnn.readNetFromCaffe(
                    np.frombuffer(graph, np.uint8), np.frombuffer(weights, np.uint8)
                )
                del graph, weights
                give_back_memory()
                self._run(np.full((_SIDE, _SIDE, 3), 127, np.uint8))
        except cv2.error as error:
            why = str(error).strip().split("\n")[0]
            damaged = "it is damaged, or does not fit its .prototxt"
            raise ModelError(f"{file} is not usable: {damaged}", why) from None

    def detect(self, picture: Image) -> list[Detection]:
        picture = in_colour(picture)
        if not picture.size:
            return []
        try:
            rows = self._run(picture)
        except cv2.error as error:
            raise ModelError(f"{self._file} fails in use", str(error)) from None
        classes = rows[:, 1].astype(np.intp)
        wanted = np.isin(classes, list(VOC)) & (rows[:, 2] >= self.least)
        size = np.array(picture.shape[1::-1] * 2, np.float32)
        found = Candidates(rows[wanted, 3:7] * size, rows[wanted, 2], classes[wanted])
        return detections(found, VOC, picture)

    def _run(self, picture: Image) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        """Return a row for each thing found: 0, class, score, and its corners as shares."""
        resized = cv2.resize(picture, (_SIDE, _SIDE))
        given = cv2.dnn.blobFromImage(resized, 1 / 127.5, mean=(127.5, 127.5, 127.5))
        with self._one_at_a_time:
            self._net.setInput(given)
            output = np.asarray(self._net.forward(), np.float32)
        if output.ndim != 4 or output.shape[3] != 7:
            raise ModelError(f"{self._file} is not usable: its output has another shape")
        return np.nan_to_num(output.reshape(-1, 7), nan=-1)
