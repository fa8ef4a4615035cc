"""A person model over samples: the parts of the frames that it sees, and what it finds there."""

import io
import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from app.evaluation.archive.sample import Sample, SampleError, SampleFrame, read_sample
from app.evaluation.evaluate.looking import look_at
from app.frames import Box, Detection, Image
from app.people.base import PersonModel
from app.people.scripted import ScriptedModel
from app.protocol import event_id
from tests.evaluation.tagged import NOON, TaggedHouse, picture


class Watching(PersonModel):
    """Finds one person in each picture, and keeps the size of the picture."""

    name = "watching"
    threshold = 0.5

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def detect(self, picture: Image) -> list[Detection]:
        self.shapes.append(picture.shape)
        return [Detection(Box(1, 2, 3, 4), 0.8, "person")]


def sample(tmp_path: Path, count: int, boxes: Sequence[Box] = ()) -> Sample:
    pictures = [np.repeat(np.repeat(picture(number), 10, 0), 10, 1) for number in range(count)]
    path = TaggedHouse(tmp_path).add_sample(NOON, pictures, boxes=boxes)
    return read_sample(io.BytesIO(path.read_bytes()), event_id(NOON, "front"))


def test_every_third_of_the_last_30_frames_is_looked_at(tmp_path: Path) -> None:
    looks = look_at(sample(tmp_path, 40), Watching(), every=3)
    assert [NOON - one.at for one in looks] == [
        timedelta(seconds=number / 10) for number in range(27, -1, -3)
    ]


def test_the_model_sees_what_moved_enlarged(tmp_path: Path) -> None:
    model = Watching()
    (look,) = look_at(sample(tmp_path, 1, [Box(300, 200, 20, 40)]), model, every=1)
    assert model.shapes == [(120, 120, 3)]
    assert look.found == (Detection(Box(251, 162, 3, 4), 0.8, "person"),)


def test_it_sees_the_whole_frame_where_nothing_moved(tmp_path: Path) -> None:
    for boxes in ([], [Box(5000, 5000, 9, 9)], [Box(0, 0, -5, 10)], [Box(-50, -50, 20, 20)]):
        model = Watching()
        look_at(sample(tmp_path, 1, boxes), model, every=1)
        assert model.shapes == [(480, 640, 3)]


def test_it_sees_only_the_two_largest_places(tmp_path: Path) -> None:
    model = Watching()
    boxes = [Box(10 * number, 10, 10 + number, 10) for number in range(9)]
    look_at(sample(tmp_path, 1, boxes), model, every=1)
    assert len(model.shapes) == 2


def test_a_damaged_frame_is_an_error(tmp_path: Path) -> None:
    good = sample(tmp_path, 1)
    bad = Sample(*(good.id, "alert", True), (SampleFrame(b"no jpeg", NOON),), (), None, {})
    with pytest.raises(SampleError):
        look_at(bad, Watching(), every=1)


def test_the_scripted_model_says_who_is_there(tmp_path: Path) -> None:
    script = tmp_path / "answers.json"
    script.write_text(json.dumps([[{"kind": "cat", "score": 0.7}]]))
    (look,) = look_at(sample(tmp_path, 1), ScriptedModel(script), every=1)
    assert [(one.kind, one.score) for one in look.found] == [("cat", 0.7)]
