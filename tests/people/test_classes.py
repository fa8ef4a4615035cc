"""The classes of both lists are the same words."""

from app.people.base import PERSON
from app.people.classes import COCO, VOC


def test_voc_says_nothing_that_coco_does_not() -> None:
    assert set(VOC.values()) < set(COCO.values())


def test_a_person_has_the_number_of_each_list() -> None:
    assert (COCO[0], VOC[15]) == (PERSON, PERSON)
