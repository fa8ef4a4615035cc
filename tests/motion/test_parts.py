"""The parts of the method that can be switched off."""

from dataclasses import replace

import pytest

from app.motion.parts import PART_NAMES, Parts, without
from app.motion.rules import Rules
from app.motion.scene_model import ModelParts


def test_parts_are_switched_off_by_name_wherever_they_are() -> None:
    assert without() == Parts()
    assert without("travel", "learned_noise", "shift") == replace(
        Parts(), rules=Rules(travel=False), model=ModelParts(learned_noise=False), shift=False
    )


def test_unknown_parts_are_named() -> None:
    assert "travel" in PART_NAMES
    with pytest.raises(ValueError, match="no such part: wings; there are: darker"):
        without("wings")
