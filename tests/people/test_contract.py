"""Covers several modules: every person model keeps the contract of `PersonModel`."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.frames import Detection, Image
from app.people.base import PERSON, PersonModel
from app.people.classes import COCO, VOC
from tests.people.backends import FINDING, KINDS, Models

WORDS = {*COCO.values(), *VOC.values()}
CLIP = "one-by-one-person-detection.mp4"
#: Pictures of the clip, at 10 a second: nobody is in view, or a whole person.
EMPTY, SOMEBODY = 0, 180


def picture_of(clip: Path, number: int) -> Image:
    video = cv2.VideoCapture(str(clip))
    video.set(cv2.CAP_PROP_POS_FRAMES, number)
    done, picture = video.read()
    video.release()
    assert done
    return np.asarray(picture, np.uint8)


@pytest.fixture(scope="module", params=KINDS)
def model(models: Models, request: pytest.FixtureRequest) -> Iterator[PersonModel]:
    made = models.make(request.param)
    yield made
    made.close()


@pytest.fixture(scope="module")
def somebody(footage: Path) -> Image:
    return picture_of(footage / CLIP, SOMEBODY)


def check(found: list[Detection], picture: Image) -> None:
    rows, columns = picture.shape[:2]
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    for box, score, kind in found:
        assert 0 <= score <= 1
        assert kind in WORDS
        assert all(type(number) is int for number in box)
        assert 0 <= box.x < box.x + box.width <= columns
        assert 0 <= box.y < box.y + box.height <= rows


def test_it_says_what_it_is(model: PersonModel) -> None:
    assert model.name and model.detail
    assert 0 < model.threshold < 1


@pytest.mark.parametrize(
    "shape",
    [
        (1, 1),
        (1, 640),
        (640, 1),
        (2, 3),
        (16, 16),
        (121, 119),
        (480, 640),
        (1080, 1920),
        (90, 2000),
    ],
)
def test_pictures_of_any_size_are_taken(
    model: PersonModel, somebody: Image, shape: tuple[int, int]
) -> None:
    picture = np.asarray(cv2.resize(somebody, shape[::-1]), np.uint8)
    before = picture.copy()
    check(model.detect(picture), picture)
    assert np.array_equal(picture, before)


def test_a_picture_without_pixels_shows_nothing(model: PersonModel) -> None:
    for shape in ((0, 0, 3), (0, 640, 3), (480, 0, 3), (0, 0)):
        assert model.detect(np.zeros(shape, np.uint8)) == []


def test_a_crop_that_is_only_a_view_is_taken(model: PersonModel, somebody: Image) -> None:
    crop = somebody[::2, 100:501:3][::-1]
    assert model.detect(crop) == model.detect(np.ascontiguousarray(crop))


def test_grey_pictures_are_taken(model: PersonModel, somebody: Image) -> None:
    grey = np.asarray(cv2.cvtColor(somebody, cv2.COLOR_BGR2GRAY), np.uint8)
    same = np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)
    assert model.detect(grey) == model.detect(grey[:, :, np.newaxis]) == model.detect(same)


def test_the_same_picture_gives_the_same_answer_in_threads(
    model: PersonModel, somebody: Image, footage: Path
) -> None:
    pictures = [somebody, picture_of(footage / CLIP, EMPTY)]
    alone = [model.detect(picture) for picture in pictures]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(model.detect, pictures * 3)) == alone * 3


@pytest.mark.parametrize("kind", FINDING)
def test_a_real_person_is_found_and_an_empty_room_is_not(
    models: Models, footage: Path, somebody: Image, kind: str
) -> None:
    model = models.make(kind)
    best = model.detect(somebody)[0]
    assert best.kind == PERSON
    assert best.score > 0.8
    assert best.box.height > 300
    empty = model.detect(picture_of(footage / CLIP, EMPTY))
    assert all(one.score < model.threshold for one in empty)
