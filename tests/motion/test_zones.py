"""Parts of the picture with rules of their own."""

from typing import Literal

import pytest

from app.frames import Box
from app.motion.base import MotionSettings, Zone
from app.motion.structure import StructureMotion
from app.motion.zones import Zones
from tests.motion.scenes import COLUMNS, ROWS, shown
from tests.motion.test_structure import walk

LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
ALL = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def test_somebody_is_in_the_zone_in_which_he_stands() -> None:
    path = Zone("path", ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0)))
    zones = Zones([path, Zone("left", LEFT)], (ROWS, COLUMNS))
    assert zones.of(Box(10, 10, 20, 60)) is path
    assert zones.of(Box(10, 10, 20, 20)).name == "left"  # type: ignore[union-attr]
    assert zones.of(Box(120, 10, 20, 20)) is None
    assert zones.of(Box(150, 80, 20, 20)) is path


@pytest.mark.parametrize(
    ("then", "min_size", "seen_from_s", "alerts_from_s"),
    [
        ("alert", None, 8.0, 8.0),
        ("record", None, 8.0, 10.4),
        ("ignore", None, 10.4, 10.4),
        ("alert", 0.5, 10.4, 10.4),
    ],
)
def test_a_zone_has_rules_of_its_own(
    then: Literal["alert", "record", "ignore"],
    min_size: float | None,
    seen_from_s: float,
    alerts_from_s: float,
) -> None:
    motion = StructureMotion(MotionSettings(), zones=(Zone("left", LEFT, min_size, then),))
    seen = [
        (at_s, found)
        for at_s, picture in shown(walk, 13)
        if (found := motion.judge(picture, 255, at_s)).motion
    ]
    assert seen[0][0] == pytest.approx(seen_from_s, abs=0.9)
    alerts = [at_s for at_s, found in seen if found.alert]
    assert alerts[0] == pytest.approx(alerts_from_s, abs=0.9)
    evidence = seen[0][1].evidence
    assert evidence
    assert evidence.zone == ("left" if seen_from_s == 8 else None)
