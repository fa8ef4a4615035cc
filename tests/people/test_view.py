"""The newest looks of a person model."""

from app.frames import Box, Detection
from app.people.view import PeopleView, SeenLook

PERSON = Detection(Box(40, 30, 30, 60), 0.874, "person")


def test_the_newest_look_at_each_track_is_shown_for_a_second() -> None:
    first, second, other = (
        SeenLook(number, at_s, PERSON.box, ()) for number, at_s in ((3, 5.0), (3, 5.4), (4, 5.2))
    )
    view = PeopleView((first, other, second))
    assert view.looks_at(5.5) == [second, other]
    assert view.looks_at(6.3) == [second]
    assert view.looks_at(1.0) == []


def test_a_thing_has_the_class_of_its_best_score() -> None:
    beside = Detection(Box(100, 20, 20, 20), 0.6, "car")
    cat = PERSON._replace(score=0.71, kind="cat")
    look = SeenLook(3, 5.0, Box(0, 0, 160, 120), (cat, PERSON, beside))
    assert look.things() == [beside, PERSON]
