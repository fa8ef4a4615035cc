"""A tagged house made of the real clip, small: its visits, and lamps in its empty room."""

from datetime import datetime, timedelta
from functools import cache
from itertools import islice
from pathlib import Path

import av
import numpy as np

from app.evaluation.yardstick.footage import CLIP, CLIP_EMPTY, CLIP_VISITS
from app.frames import Image
from tests.evaluation.tagged import NOON, TaggedHouse

#: Frames from somebody's entry to the alert.
_DELAYS = (12, 14, 16, 18, 20)
_SIZE = (128, 72)


def make_house(data_dir: Path, footage: Path) -> TaggedHouse:
    """Make six days in *data_dir*: on each somebody came five times, and five lamps were switched.

    A twentieth of the tags is wrong.
    """
    pictures = _pictures(footage / CLIP)
    house, rng = TaggedHouse(data_dir), np.random.default_rng(3)
    for day, (first, _) in enumerate(CLIP_VISITS):
        for number, delay in enumerate(_DELAYS):
            at = NOON + timedelta(days=day, hours=number)
            moment = first + delay
            seen = [_in_another_light(one, day) for one in pictures[moment - 30 : moment + 1]]
            _add(house, at, seen, True)
            _add(house, at + timedelta(minutes=30), _lamp(pictures, rng), False)
    _tag_wrongly(house, 3)
    return house


def _add(house: TaggedHouse, at: datetime, pictures: list[Image], somebody: bool) -> None:
    house.add(at, "occupied" if somebody else "unoccupied")
    house.add_sample(at, pictures)


def _tag_wrongly(house: TaggedHouse, count: int) -> None:
    for day in range(count):
        at = NOON + timedelta(days=day, hours=1, minutes=30 * (day % 2))
        label = "occupied" if day % 2 else "unoccupied"
        house.add(at, label)  # type: ignore[arg-type]


def _lamp(pictures: list[Image], rng: np.random.Generator) -> list[Image]:
    """Return the empty room, in which a lamp lights one side from the tenth frame on."""
    gain = np.ones((_SIZE[1], _SIZE[0], 1))
    half = _SIZE[0] // 2
    gain[:, :half] = gain[:, :half] * rng.uniform(1.2, 1.5)
    empty = [pictures[number] for number in rng.choice(CLIP_EMPTY, 31)]
    return [
        np.clip(one * (gain if number >= 10 else 1), 0, 255).astype(np.uint8)
        for number, one in enumerate(empty)
    ]


def _in_another_light(picture: Image, day: int) -> Image:
    brighter = np.clip(picture * (0.85 + 0.05 * day), 0, 255)
    return np.asarray(brighter, np.uint8)


@cache
def _pictures(clip: Path) -> list[Image]:
    width, height = _SIZE
    with av.open(str(clip)) as container:
        return [
            np.asarray(frame.to_ndarray(format="bgr24", width=width, height=height), np.uint8)
            for frame in islice(container.decode(video=0), CLIP_VISITS[-1][0] + 40)
        ]
