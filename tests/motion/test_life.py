"""Things that become part of the room, and people who stand still."""

import pytest

from app.motion.base import MotionSettings
from app.motion.structure import StructureMotion
from tests.motion.scenes import Picture, room, shown, with_figure


def seconds_seen(sways_px: float, absorb_s: float, seconds: float) -> float:
    """Return how long somebody is seen who walks in and then stands, swaying by *sways_px*."""
    motion = StructureMotion(MotionSettings(absorb_s=absorb_s))

    def draw(at_s: float) -> Picture:
        if at_s < 7:
            return room()
        sway = sways_px * (round(at_s * 10) % 2)
        return with_figure(room(), min(10 + 20 * (at_s - 7), 80) + sway)

    return (
        sum(motion.judge(picture, 255, at_s).motion for at_s, picture in shown(draw, seconds)) / 10
    )


def test_a_thing_that_never_moves_becomes_part_of_the_room() -> None:
    assert 12 < seconds_seen(0, 12.0, 32) < 18


def test_somebody_who_sways_stays_seen() -> None:
    assert seconds_seen(2, 12.0, 40) == pytest.approx(33, abs=1.5)
