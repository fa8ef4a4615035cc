"""The rules: each refuses what it is for, and none refuses a person."""

from dataclasses import replace

import pytest

from app.frames import Box
from app.motion.blobs import Traits
from app.motion.rules import Judgement, Objection, Rules
from app.motion.scene_model import SceneModel
from app.motion.tracks import Track
from tests.motion.test_tracks import SHAPE, followed

PERSON = Traits(
    textured=300,
    kept=45,
    sharp=150,
    extent=60,
    darkest=-0.8,
    brightest=0.2,
)
FLIGHT = [Box(40 + 6 * k, 20, 6, 6) for k in range(6)]
WALK = [Box(40 + 4 * k, 20, 20, 40) for k in range(6)]


def track_of(*boxes: Box, area_px: float = 500.0, **traits: float) -> Track:
    track = followed(*boxes)
    track.area_px, track.traits = area_px, replace(PERSON, **traits)
    track.looks = track.sights
    track.places.extend(replace(track.places.pop(), area_px=area_px) for _ in boxes)
    return track


def objection(track: Track, rules: Rules | None = None) -> Objection | None:
    return Judgement(track, track.seen_s, SceneModel(SHAPE), rules or Rules()).objection()


def test_a_person_is_refused_by_no_rule() -> None:
    assert objection(track_of(*WALK)) is None


@pytest.mark.parametrize(
    ("track", "reason", "rule"),
    [
        (track_of(*WALK[:2]), Objection.BRIEF, None),
        (track_of(*WALK, kept=200), Objection.TEXTURE_KEPT, "texture"),
        (track_of(*WALK, fine=300, fine_kept=180), Objection.TEXTURE_KEPT, "texture"),
        (track_of(*WALK, textured=50, kept=5, sharp=10), Objection.SOFT, "sharp_edges"),
        (track_of(*WALK, darkest=-0.02, kept=100), Objection.BRIGHTER, "darker"),
        (
            track_of(*WALK, area_px=2000, darkest=0, fine=300, fine_kept=110),
            *(Objection.BRIGHTER, "darker"),
        ),
        (track_of(*WALK, darkest=-0.08, brightest=0.05), Objection.FAINT, None),
        (track_of(*([WALK[0]] * 6)), Objection.DID_NOT_TRAVEL, "travel"),
        (track_of(*FLIGHT, area_px=50), Objection.INSECT, "gait"),
    ],
    ids=lambda value: value.name if isinstance(value, Objection) else None,
)
def test_each_rule_refuses_what_it_is_for(
    track: Track, reason: Objection, rule: str | None
) -> None:
    assert objection(track) is reason
    if rule:
        assert objection(track, Rules(**{rule: False})) is not reason


def test_somebody_in_white_passes_where_texture_is_gone() -> None:
    assert objection(track_of(*WALK, darkest=-0.01, brightest=0.4)) is None


def test_somebody_in_white_passes_far_away() -> None:
    assert objection(track_of(*WALK, area_px=700, darkest=0, fine=300, fine_kept=110)) is None


@pytest.mark.parametrize(("grows", "reason"), [(1, None), (0, Objection.DID_NOT_TRAVEL)])
def test_whoever_walks_to_the_camera_need_not_travel(grows: int, reason: Objection | None) -> None:
    boxes = [Box(60 - k * grows, 30, 12 + 2 * k * grows, 40) for k in range(12)]
    track = followed(*boxes, filled=0.7)
    track.traits = PERSON
    assert objection(track) is reason
    assert objection(track, Rules(growth=False)) is Objection.DID_NOT_TRAVEL


def test_a_restless_place_must_show_more() -> None:
    model = SceneModel(SHAPE)
    model.noise[15:70, 35:100] = 9.0
    track = track_of(*WALK, kept=110)
    assert Judgement(track, track.seen_s, model, Rules()).objection() is Objection.RESTLESS
    assert Judgement(track, track.seen_s, model, Rules(rest=False)).objection() is None
