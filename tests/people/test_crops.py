"""A person model looks at crops around what moves, again and again, and within its share."""

from dataclasses import dataclass

import numpy as np
import pytest

from app.frames import Box, Detection
from app.people.crops import (
    CpuShare,
    Crop,
    CropQueue,
    Looks,
    crop_box,
    cut,
    in_picture,
    shows_person,
)

AT = Box(100, 100, 20, 40)


@dataclass(frozen=True)
class Moving:
    number: int | None = 1
    box: Box = AT
    area_px: float = 500.0
    confirmed: bool = True
    seen: bool = True


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        # A square 1.5 times the longer side, around the middle; at least 120 of 640 pixels.
        (Box(280, 100, 80, 160), Box(200, 60, 240, 240)),
        (Box(310, 170, 20, 20), Box(260, 120, 120, 120)),
        # Clipped at the edges, and to one pixel at least.
        (Box(0, 100, 80, 160), Box(0, 60, 160, 240)),
        (Box(600, 320, 40, 40), Box(560, 280, 80, 80)),
        (Box(0, 0, 640, 360), Box(0, 0, 640, 360)),
        (Box(900, 900, 4, 4), Box(839, 839, 1, 1)),
    ],
)
def test_a_crop_is_a_square_around_the_box_in_the_picture(box: Box, expected: Box) -> None:
    found = crop_box(box, 640, 360)
    if box.x < 640:
        assert found == expected
    assert 0 <= found.x < found.x + found.width <= 640
    assert 0 <= found.y < found.y + found.height <= 360


def test_a_crop_has_the_pixels_and_gives_boxes_back() -> None:
    picture = np.zeros((360, 640, 3), np.uint8)
    picture[110, 105] = 255
    crop = cut(picture, Moving(), 3.0)
    picture[:] = 0
    assert crop.picture.shape == (crop.box.height, crop.box.width, 3)
    y, x, _ = np.argwhere(crop.picture)[0]
    [there] = in_picture([Detection(Box(int(x), int(y), 1, 1), 0.5, "person")], crop.box)
    assert there.box == Box(105, 110, 1, 1)


@pytest.mark.parametrize(
    ("box", "kind", "score", "shown"),
    [
        (Box(102, 100, 16, 40), "person", 0.8, True),
        (Box(80, 60, 90, 200), "person", 0.8, True),
        (Box(140, 100, 16, 40), "person", 0.8, False),
        (Box(102, 100, 16, 40), "dog", 0.8, False),
        (Box(102, 100, 16, 40), "person", 0.55, False),
    ],
)
def test_only_a_certain_person_at_the_track_is_the_track(
    box: Box, kind: str, score: float, shown: bool
) -> None:
    assert shows_person([Detection(box, score, kind)], Moving().box, 0.5) is shown


def looked_at(looks: Looks, seconds: float, *, settled: bool = False) -> list[float]:
    times = [step / 10 for step in range(round(seconds * 10))]
    return [at_s for at_s in times if looks.due([Moving()], at_s, settled=settled)]


def test_something_new_is_looked_at_often_at_first() -> None:
    assert looked_at(Looks(), 8) == [0.2, 0.4, 0.7, 1.1, 1.9, 2.9, 4.9, 6.9]


def test_it_is_looked_at_rarely_once_a_person_is_known() -> None:
    assert looked_at(Looks(), 25, settled=True) == [0.2, 0.4, 0.7, 1.1, 11.1, 21.1]


def test_looks_that_cost_nothing_are_frequent() -> None:
    assert looked_at(Looks(0.2), 2, settled=True) == [0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8]


def test_a_slow_source_catches_up_with_the_looks() -> None:
    looks = Looks()
    times = [step / 2 for step in range(14)]
    seen = [at_s for at_s in times if looks.due([Moving()], at_s, settled=False)]
    assert seen == [0.5, 1.0, 1.5, 2.0, 3.0, 5.0]


def test_what_is_out_of_sight_waits_and_begins_again_later() -> None:
    looks = Looks()
    assert looked_at(looks, 1) == [0.2, 0.4, 0.7]
    assert not looks.due([Moving(seen=False)], 1.5, settled=False)
    assert looks.due([Moving()], 2.0, settled=False)
    assert not looks.due([Moving()], 8.0, settled=False)
    assert looks.due([Moving()], 8.2, settled=False)


def test_without_numbers_the_largest_is_looked_at() -> None:
    looks = Looks()
    both = [Moving(None, area_px=900), Moving(None, area_px=20)]
    assert not looks.due(both, 0, settled=False)
    assert looks.due(both, 0.2, settled=False) == [both[0]]


def crop(number: int, at_s: float, *, confirmed: bool = False) -> Crop:
    return Crop(
        number, at_s, Box(0, 0, 9, 9), np.zeros((9, 9, 3), np.uint8), Box(0, 0, 9, 9), confirmed
    )


def test_the_queue_keeps_the_newest_of_each_track() -> None:
    queue = CropQueue[Crop]()
    for number, at_s in ((1, 0.2), (2, 0.3), (1, 0.4)):
        queue.put(crop(number, at_s))
    assert (len(queue), queue.left_out) == (2, 1)
    taken = [queue.take() for _ in range(3)]
    assert [one and (one.number, one.at_s) for one in taken] == [(1, 0.4), (2, 0.3), None]


def test_what_is_confirmed_comes_first() -> None:
    queue = CropQueue[Crop]()
    queue.put(crop(1, 0.2))
    queue.put(crop(2, 0.3, confirmed=True))
    first = queue.take()
    assert first
    assert first.number == 2
    queue.clear()
    assert queue.take() is None


@pytest.mark.parametrize(("share", "cpu_s"), [(0.25, 0.1), (0.25, 0.4), (1.0, 0.1)])
def test_a_model_stays_within_its_share_of_a_core(share: float, cpu_s: float) -> None:
    budget = CpuShare(share)
    now_s, used_s = 100.0, 0.0
    while now_s < 160:
        now_s = max(now_s, budget.free_at()) + cpu_s
        used_s += cpu_s
        budget.used(cpu_s, now_s)
    assert used_s / 60 == pytest.approx(share, rel=0.1, abs=0.02)


def test_unused_time_is_saved_for_the_begin_of_an_event() -> None:
    budget = CpuShare(0.25)
    at_s = 100.0
    crops = 0
    while budget.free_at() <= at_s:
        at_s += 0.2
        budget.used(0.2, at_s)
        crops += 1
    # A second of a core is saved, and a quarter of the time is added meanwhile.
    assert crops in (6, 7)
