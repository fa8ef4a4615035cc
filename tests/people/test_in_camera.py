"""The network in a camera answers from the pictures themselves."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from app.frames import Box, Detection, Frame
from app.people.host import Look, ModelCounts
from app.people.in_camera import CameraModel
from tests.people.test_host import Blob

PERSON = Detection(Box(100, 60, 50, 120), 0.8, "person")
PARKED = Detection(Box(300, 200, 200, 100), 0.9, "car")
CHAIR = Detection(Box(100, 60, 50, 120), 0.6, "chair")


def frame(*found: Detection) -> Frame:
    picture = np.zeros((480, 640, 3), np.uint8)
    now = datetime.now(UTC)
    return Frame(picture[:, :, 0], 1.0, now, 0, lambda: picture, detections=found)


def test_it_answers_about_what_moves_only() -> None:
    counts = ModelCounts()
    model = CameraModel("ssd.rpk", counts)
    look = Look(Blob(7, Box(110, 70, 40, 110)), frame(PARKED, PERSON, CHAIR))
    model.offer(look)
    assert model.take() == [(look, (PERSON,))]
    assert model.take() == []
    assert counts.looks == 1


def test_a_part_of_a_person_that_moves_is_that_person() -> None:
    model = CameraModel("ssd.rpk", ModelCounts())
    model.offer(Look(Blob(1, Box(105, 150, 20, 30)), frame(PERSON)))
    assert model.take()[0].found == (PERSON,)


def test_nothing_there_is_an_answer_too() -> None:
    model = CameraModel("ssd.rpk", ModelCounts())
    model.offer(Look(Blob(1, Box(0, 0, 30, 60)), frame(PERSON)))
    assert model.take()[0].found == ()


def test_about_what_is_too_small_for_it_there_is_no_answer() -> None:
    model = CameraModel("ssd.rpk", ModelCounts())
    model.offer(Look(Blob(1, Box(0, 0, 30, 30)), frame(PERSON)))
    assert model.take() == []


def test_a_network_that_is_refused_is_named() -> None:
    good = CameraModel("ssd.rpk", ModelCounts())
    assert good.report.summary == "person model: imx500 (ssd.rpk in the camera)"
    assert good.problem is None
    second = CameraModel("ssd.rpk", ModelCounts(), "/models/mine.rpk is not there")
    assert second.report.summary.endswith("; not imx500: /models/mine.rpk is not there")
    assert second.problem is not None
    assert "/models/mine.rpk is not there. ssd.rpk is used." in second.problem


def test_it_has_not_looked_at_a_picture_without_inference() -> None:
    model = CameraModel("ssd.rpk", ModelCounts())
    assert model.can_look(frame())
    assert not model.can_look(replace(frame(), detections=None))
