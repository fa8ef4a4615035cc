"""OpenCV's detector finds some real people, and decides nothing."""

from pathlib import Path

from app.people.base import PERSON
from app.people.hog import HogModel
from tests.people.test_contract import CLIP, EMPTY, picture_of

#: One of the few pictures of the clip in which it finds the person.
FOUND = 260


def test_it_finds_a_real_person_and_nobody_in_an_empty_room(footage: Path) -> None:
    model = HogModel()
    best = model.detect(picture_of(footage / CLIP, FOUND))[0]
    assert best.kind == PERSON
    assert best.score > model.threshold
    assert model.detect(picture_of(footage / CLIP, EMPTY)) == []


def test_it_decides_no_alert() -> None:
    assert not HogModel().decides
