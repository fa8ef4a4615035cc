"""A small room for tests of scenes: noise that never changes, and a dark block that walks by."""

import numpy as np

from app.evaluation.yardstick.footage import HEIGHT, WIDTH, Footage
from app.frames import Image

EMPTY, VISIT = range(2, 12), (20, 69)


def footage() -> Footage:
    """Six visits, which are all the same: a block walks from left to right in 5 s."""
    rng = np.random.default_rng(3)
    room = rng.integers(60, 200, (HEIGHT // 10, WIDTH // 10, 3)).astype(np.uint8)
    room = room.repeat(10, axis=0).repeat(10, axis=1)
    frames = [room] * 110
    for number in range(VISIT[0], VISIT[1] + 1):
        frames[number] = _with_block(room, 12 * (number - VISIT[0]))
    return Footage(frames, (VISIT,) * 6, EMPTY, False, room.astype(np.float32))


def _with_block(room: Image, left: int) -> Image:
    picture = room.copy()
    picture[120:340, left : left + 60] = 25
    return picture
