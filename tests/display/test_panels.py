"""The four panels, where they should be, and no text over their edges."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from app.detector import Detector, EventSettings
from app.display.colours import CHANGED, CONFIRMED, DAMAGED, GROUND, PANEL, SEEN
from app.display.panels import CAPTIONS, HEIGHT, WIDTH, Panels
from app.frames import Box, Detection, Image
from app.motion import make_motion
from app.motion.base import MotionSettings
from app.people.view import PeopleView, SeenLook
from tests.display.drawn import SOMEBODY, comparison, frame, other, somebody, verdict
from tests.motion.scenes import room, shown, with_figure

#: The inner parts of the panels: columns and rows.
PARTS = [
    (slice(0, 290), slice(0, 638)),
    (slice(0, 290), slice(642, 1280)),
    (slice(294, 584), slice(0, 638)),
    (slice(294, 584), slice(642, 1280)),
]
LONG = "a very long reason that has no end at all " * 5


def panel(picture: Image, number: int) -> Image:
    return picture[PARTS[number]]


def has(colour: tuple[int, int, int], picture: Image) -> bool:
    return bool((picture == colour).all(axis=2).any())


def assert_nothing_crosses(picture: Image) -> None:
    """Assert that the gaps between the panels, and the margins of the verdict, are empty."""
    assert picture.shape == (HEIGHT, WIDTH, 3)
    assert (picture[:584, 638:642] == GROUND).all()
    assert (picture[290:294] == GROUND).all()
    assert (picture[294:584, 1270:] == PANEL).all()
    assert (picture[294:584, 642:652] == PANEL).all()


def test_each_panel_shows_what_its_caption_says() -> None:
    picture = Panels("front").draw(
        frame(12.3), verdict(motion=True), comparison(somebody(), other(), delta=120)
    )
    assert CAPTIONS == ("Camera", "Background", "Difference", "Verdict")
    assert tuple(panel(picture, 0)[100, 480]) == (0, 0, 200)
    assert tuple(panel(picture, 1)[150, 319]) == (90, 90, 90)
    assert panel(picture, 2)[80, 480].max() < 10
    for number in (0, 2, 3):
        assert has(CONFIRMED, panel(picture, number))
        assert has(CHANGED, panel(picture, number))
    for number in range(4):
        assert panel(picture, number)[4:28, 10:120].min() < 60, CAPTIONS[number]
    assert_nothing_crosses(picture)


def test_what_is_like_the_background_is_white() -> None:
    picture = Panels("front").draw(frame(), verdict(), comparison(delta=0))
    assert panel(picture, 2)[150, 319].min() == 255
    faint = Panels("front").draw(frame(), verdict(), comparison(delta=2))
    assert panel(faint, 2)[150, 319].min() > 240


@pytest.mark.parametrize(
    "shape", [(120, 160), (1280, 720), (2, 2), (1, 900), (900, 1), (481, 641), (1080, 1920)]
)
def test_a_frame_of_any_shape_fits(shape: tuple[int, int]) -> None:
    box = Box(0, 0, shape[1], shape[0])
    contours = somebody(box), other(Box(shape[1] - 1, shape[0] - 1, 1, 1))
    picture = Panels("front").draw(frame(0, shape), verdict(motion=True), comparison(*contours))
    assert_nothing_crosses(picture)


def test_long_texts_stay_in_their_panels() -> None:
    contours = [other(number=10**9 + one, objection=LONG) for one in range(30)]
    seen = verdict(objection=LONG, opened_at_s=-(10.0**12))
    picture = Panels("Einfahrt zur Straße " * 20).draw(frame(10**7), seen, comparison(*contours))
    assert_nothing_crosses(picture)
    assert_nothing_crosses(Panels("front").draw(frame(), seen, comparison(somebody(), other())))


def test_a_damaged_frame_is_marked_and_has_no_boxes() -> None:
    picture = Panels("front").draw(frame(damaged=True), verdict(), comparison(somebody()))
    assert has(DAMAGED, panel(picture, 0))
    assert has(DAMAGED, panel(picture, 3))
    assert not has(CONFIRMED, picture)


def test_a_box_of_the_verdict_is_shown_without_a_comparison() -> None:
    seen = replace(verdict(motion=True), boxes=(Box(40, 30, 30, 60),))
    assert has(CONFIRMED, panel(Panels("front").draw(frame(), seen, None), 0))


def test_looks_and_the_decision_are_shown() -> None:
    look = SeenLook(3, 11.9, Box(20, 10, 70, 90), (Detection(SOMEBODY, 0.87, LONG),))
    people = PeopleView((look,), 7, "silenced", LONG)
    seen = verdict(motion=True, opened_at_s=11)
    panels = Panels("front")
    picture = panels.draw(frame(12.3), seen, comparison(somebody()), people)
    strip = slice(584, 720), slice(130, 1280)
    assert has(SEEN, panel(picture, 0))
    assert not has(SEEN, panel(picture, 1)) and not has(SEEN, panel(picture, 2))
    assert has(SEEN, panel(picture, 3))
    assert has(SEEN, picture[strip])
    assert_nothing_crosses(picture)
    later = panels.draw(frame(14), replace(seen, changed="closed"), comparison(), people)
    assert not has(SEEN, panel(later, 0)) and not has(SEEN, panel(later, 3))
    assert has(SEEN, later[strip])


def test_a_message_fills_a_picture_of_the_same_size() -> None:
    picture = Panels("front").message("Disarmed: the camera is closed. " * 9)
    assert picture.shape == (HEIGHT, WIDTH, 3)
    assert (picture[:, 1240:] == PANEL).all()
    assert picture.min() < 60


def test_the_display_is_readable_when_it_is_400_pixels_wide() -> None:
    picture = Panels("front").draw(frame(), verdict(motion=True), comparison(somebody()))
    small = cv2.resize(picture, (400, 225), interpolation=cv2.INTER_AREA)
    rows = np.flatnonzero((small[:10, :40].min(axis=2) < 160).any(axis=1))
    assert rows.size >= 6  # the height of "Camera"


@pytest.mark.parametrize(
    "settings",
    [
        MotionSettings(method="structure"),
        MotionSettings(method="running_average", min_area=500),
        MotionSettings(trigger="light"),
    ],
    ids=["structure", "running_average", "light"],
)
def test_every_method_is_shown_with_somebody(settings: MotionSettings) -> None:
    detector = Detector(make_motion(settings), EventSettings(), fps=10)
    panels = Panels("front")
    seen = 0

    def walk(at_s: float) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
        if at_s < 8:
            return room()
        return with_figure(room(), (1.2 * (at_s - 8) / 5 - 0.1) * room().shape[1])

    for at_s, luma in shown(walk, 11):
        one = replace(frame(at_s), luma=luma)
        judged = detector.judge(one)
        picture = panels.draw(one, judged, detector.comparison())
        seen += judged.motion and has(CONFIRMED, panel(picture, 3))
    assert seen > 5
    assert_nothing_crosses(picture)
