"""OpenCV is silent while a model is loaded, and speaks again afterwards."""

import cv2
import numpy as np
import pytest

from app.people.library import give_back_memory, silent_opencv


def test_its_errors_are_raised_and_not_written(capfd: pytest.CaptureFixture[str]) -> None:
    before = cv2.utils.logging.getLogLevel()
    with pytest.raises(cv2.error), silent_opencv():
        cv2.dnn.readNetFromONNX(np.frombuffer(b"nonsense", np.uint8))
    assert capfd.readouterr().err == ""
    assert cv2.utils.logging.getLogLevel() == before


def test_memory_can_be_given_back_at_any_time() -> None:
    give_back_memory()
