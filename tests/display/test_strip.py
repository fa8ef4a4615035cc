"""The strip of the last minute."""

from dataclasses import replace

import numpy as np

from app.display.colours import CHANGED, CONFIRMED, DAMAGED, EVENT, SEEN, TEXT
from app.display.strip import Strip, brightness, draw_axes
from app.frames import Image
from app.people.view import PeopleView
from app.protocol import Decision
from tests.display.drawn import frame, other, somebody, verdict

Colour = tuple[int, int, int]


def drawn(strip: Strip) -> Image:
    picture = np.zeros((132, 1280, 3), np.uint8)
    draw_axes(picture)
    strip.draw(picture)
    return picture


def columns_of(colour: Colour, picture: Image) -> list[int]:
    return [int(one) for one in np.flatnonzero((picture == colour).all(axis=2).any(axis=0))]


def test_each_quarter_has_its_place_and_colour() -> None:
    strip = Strip()
    for at_s in range(60):
        event = 30.0 if 30 <= at_s < 50 else None
        contours = (somebody(),) if at_s < 20 else (other(),) if at_s < 40 else ()
        seen = verdict(motion=at_s < 20, opened_at_s=event)
        strip.add(frame(at_s, damaged=at_s >= 55), seen, contours)
    picture = drawn(strip)
    confirmed, changed = columns_of(CONFIRMED, picture), columns_of(CHANGED, picture)
    events, damaged = columns_of(EVENT, picture), columns_of(DAMAGED, picture)
    assert confirmed[-1] < changed[0] <= events[0] + 10 * 19
    assert changed[-1] < events[-1] < damaged[0]
    assert damaged[-1] > 1260


def test_decisions_are_above_their_events_and_apart() -> None:
    strip = Strip()
    for at_s in range(40):
        number = 1 if at_s < 20 else 2
        seen = verdict(opened_at_s=20.0 * (number - 1))
        assert seen.event
        seen = replace(seen, event=replace(seen.event, number=number))
        decision: Decision = "held" if number == 1 else "sent"
        strip.add(frame(at_s), seen, (), PeopleView((), number, decision, "sure " * 20))
    words = columns_of(SEEN, drawn(strip))
    begins = 1268 - 19 * 20  # 20 s before the right end
    assert any(begins - 60 < one < begins - 10 for one in words)
    assert not any(begins - 10 <= one < begins for one in words)
    assert begins <= min(one for one in words if one >= begins) < begins + 5
    assert words[-1] < 1268


def test_the_line_of_light_rises_with_the_light() -> None:
    strip = Strip()
    for number in range(600):
        strip.add(frame(number / 10, luma=40 if number < 300 else 220), verdict(), ())
    dark = (drawn(strip)[36:82] == TEXT).all(axis=2)
    assert np.flatnonzero(dark[:, 400]).mean() > np.flatnonzero(dark[:, 1000]).mean() + 15


def test_a_minute_is_remembered_and_no_more() -> None:
    strip = Strip()
    for number in range(2000):
        strip.add(frame(number / 10), verdict(), ())
    assert len(strip._quarters) <= 241


def test_a_source_that_begins_again_begins_a_new_strip() -> None:
    strip = Strip()
    strip.add(frame(50), verdict(motion=True), (somebody(),))
    strip.add(frame(0), verdict(), ())
    assert columns_of(CONFIRMED, drawn(strip)) == []


def test_an_empty_strip_has_axes_only() -> None:
    assert columns_of(EVENT, drawn(Strip())) == []


def test_brightness_is_from_black_to_white_in_either_range() -> None:
    assert brightness(frame(luma=255)) == 255
    assert brightness(replace(frame(luma=16), luma_span=219)) == 0
    assert brightness(replace(frame(luma=235), luma_span=219)) == 255
