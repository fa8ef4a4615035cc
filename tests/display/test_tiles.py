"""The tiles: three pictures in a row, and the words beside them."""

import json
from dataclasses import replace

import pytest

from app.display.colours import CHANGED, CONFIRMED, SEEN
from app.display.tiles import NAMES, SIDE, describe, draw_tiles
from app.frames import Box, Detection, Image
from app.people.view import PeopleView, SeenLook
from tests.display.drawn import comparison, frame, other, somebody, verdict
from tests.display.test_panels import has


def tile(picture: Image, words: dict[str, object], name: str) -> Image:
    x, y, width, height = words["tiles"][name]  # type: ignore[index]
    return picture[y : y + height, x : x + width]


def test_each_tile_shows_what_its_name_says() -> None:
    judged = frame(12.3), verdict(motion=True), comparison(somebody(), other(), delta=120)
    picture, words = draw_tiles(*judged), describe(*judged)
    camera, background, difference = (tile(picture, words, name) for name in NAMES)
    assert camera.shape == background.shape == difference.shape == (360, SIDE, 3)
    assert tuple(camera[330, 240]) == (0, 0, 200)
    assert tuple(background[330, 240]) == (90, 90, 90)
    assert difference[330, 240].max() < 10
    for one in (camera, difference):
        assert has(CONFIRMED, one)
        assert has(CHANGED, one)


def test_the_words_are_plain_values_with_figures_as_texts() -> None:
    seen = verdict(motion=True, opened_at_s=11)
    words = json.loads(json.dumps(describe(frame(12.3), seen, comparison(somebody(), other()))))
    assert words["headline"] == "Somebody"
    assert words["reason"]
    assert words["event"] == "event 7 open, 1 s"
    assert words["findings"] == [
        {
            "title": "#3 somebody",
            "figures": ["5.0%", "1.2 s", "64%", "43%", "12%"],
            "confirmed": True,
        },
        {
            "title": "#4 did not travel",
            "figures": ["1.0%", "1.2 s", "-", "43%", "12%"],
            "confirmed": False,
        },
    ]
    assert words["columns"] == ["size", "time", "hides", "darker", "went"]


def test_looks_and_the_decision_are_in_the_tiles_and_the_words() -> None:
    look = SeenLook(3, 11.9, Box(20, 10, 70, 90), (Detection(Box(40, 30, 30, 60), 0.87, "cat"),))
    people = PeopleView((look,), 7, "held", "nobody")
    judged = frame(12.3), verdict(motion=True, opened_at_s=11), comparison(somebody()), people
    assert has(SEEN, draw_tiles(*judged))
    assert describe(*judged)["decision"] == "held: nobody"


def test_a_damaged_frame_has_no_boxes_and_says_so() -> None:
    judged = frame(damaged=True), verdict(), comparison(somebody())
    assert not has(CONFIRMED, draw_tiles(*judged))
    words = describe(*judged)
    assert (words["headline"], words["findings"]) == ("Damaged: not judged", [])


@pytest.mark.parametrize("shape", [(1280, 720), (2, 2), (1, 900), (900, 1), (1080, 1920)])
def test_a_frame_of_any_shape_has_tiles(shape: tuple[int, int]) -> None:
    judged = frame(0, shape), replace(verdict(), level=30.0), None
    picture, words = draw_tiles(*judged), describe(*judged)
    assert max(picture.shape) <= 3 * SIDE + 8
    for name in NAMES:
        assert max(tile(picture, words, name).shape[:2]) == SIDE
