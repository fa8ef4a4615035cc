"""Stories, their labels, and how they are drawn."""

import numpy as np
import pytest

from app.evaluation.yardstick.staging import Staging, Story, disturbances
from tests.evaluation.yardstick.scenery import footage


def darkest(story: Story, number: int) -> float:
    return float(story.picture(number).min())


def test_a_visit_is_shown_from_its_frame_to_its_last() -> None:
    story = Story(footage(), 20)
    end = story.visit(60, 0)
    assert end == 60 + 50
    dark = [number for number in range(story.length) if darkest(story, number) == 25]
    assert dark == list(range(60, end))
    assert Staging(story).labels("one").presence == ((6.0, 11.0),)


def test_a_visitor_can_stand_still_in_the_middle() -> None:
    story = Story(footage(), 30)
    assert story.visit(60, 0, hold=100) == 60 + 50 + 100
    assert darkest(story, 60 + 24 + 90) == 25


def test_the_last_frames_of_a_visit_fade_into_the_room() -> None:
    story = Story(footage(), 20)
    story.look = lambda source: np.full((1,), float(source), np.float32)
    story.show(60, [30], tail=[40] * 10)
    shown = [float(story.picture(number).max()) for number in (60, 61, 62)]
    assert shown == [30, 40, 40]
    assert np.array_equal(story.picture(70), story.footage.empty_room(70))


def test_the_clean_room_is_shown_there_and_back() -> None:
    room = footage()
    for number, frame in enumerate(room.frames[:15]):
        room.frames[number] = frame + np.uint8(number)
    shown = [
        int(room.empty_room(number)[0, 0, 0] - room.frames[0][0, 0, 0]) for number in range(20)
    ]
    assert shown == [*range(2, 12), *range(10, 2, -1), 2, 3]


def test_the_noise_is_as_strong_as_it_says() -> None:
    staging = Staging(Story(footage(), 1), sigma=4.0)
    pictures = list(staging.draw(np.random.default_rng(1)))
    assert len(pictures) == 10
    noise = pictures[3] - staging.story.footage.plate
    assert float(noise.std()) == pytest.approx(4, rel=0.02)
    assert not np.array_equal(pictures[3], pictures[4])


def test_disturbances_after_the_end_are_left_out() -> None:
    staging = Staging(Story(footage(), 20), disturbances=disturbances([100, 210], "lamp"))
    (only,) = staging.labels("lamps").disturbances
    assert (only.start_s, only.end_s) == (10.0, 12.0)
