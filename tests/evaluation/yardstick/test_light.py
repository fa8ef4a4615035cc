"""Scenes of light: the plain picture of each is checked before and after its changes."""

from itertools import pairwise

import numpy as np
import pytest

from app.evaluation.yardstick import light
from app.evaluation.yardstick.footage import FPS, Footage
from app.evaluation.yardstick.staging import Staging
from tests.evaluation.yardstick.scenery import footage

ROOM = footage()


def plain(staging: Staging, number: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    picture = staging.story.picture(number)
    return np.asarray(staging.effect(number, picture) if staging.effect else picture, np.float64)


def brightness(staging: Staging, number: int) -> float:
    return float(plain(staging, number).mean())


def first_frame(staging: Staging) -> int:
    return round(staging.disturbances[0].start_s * FPS)


def staged(scene: object, room: Footage = ROOM) -> Staging:
    assert callable(scene)
    staging = scene(np.random.default_rng(7), room)
    assert isinstance(staging, Staging)
    return staging


def test_events_leave_the_beginning_and_the_end_quiet() -> None:
    at = light.event_frames(np.random.default_rng(1), 900)
    assert 120 <= at[0] <= 150
    assert at[-1] < 850
    assert all(90 <= late - early <= 161 for early, late in pairwise(at))


@pytest.mark.parametrize("kind", ["global", "half", "local"])
def test_a_lamp_switches_the_light_for_good(kind: str) -> None:
    staging = staged(light.lamps(kind))
    at = first_frame(staging)
    before, after, later = (brightness(staging, at + step) for step in (-1, 40, 70))
    assert abs(before / after - 1) > 0.02
    assert later == pytest.approx(after, rel=0.002)


def test_a_cloud_comes_within_5_s() -> None:
    staging = staged(light.cloudy)
    at = first_frame(staging)
    assert brightness(staging, at + 51) < 0.9 * brightness(staging, at)


def test_a_flash_lasts_for_two_frames() -> None:
    staging = staged(light.flashes)
    at = first_frame(staging)
    dark, *lit, again = (brightness(staging, at + step) for step in (-1, 0, 1, 2))
    assert min(lit) > 1.3 * dark
    assert again == dark


def test_a_headlight_crosses_and_is_gone() -> None:
    staging = staged(light.sweeps((0.5, 1.2), (60, 140), (2, 5), "headlight", 0.55))
    only = staging.disturbances[0]
    before, during, after = (
        brightness(staging, round(at_s * FPS))
        for at_s in (only.start_s - 0.1, (only.start_s + only.end_s) / 2, only.end_s + 0.2)
    )
    assert during > before
    assert after == before


def test_the_exposure_swings() -> None:
    staging = staged(light.exposure_hunting)
    at = first_frame(staging)
    curve = np.array([brightness(staging, at + step) for step in range(40)])
    assert curve.max() > 1.05 * curve[0] > 1.1 * curve.min()


def test_infrared_has_no_colour_and_more_noise() -> None:
    staging = staged(light.infrared)
    at = first_frame(staging)
    grey = plain(staging, at + 5)
    assert np.array_equal(grey[..., 0], grey[..., 2])
    assert callable(staging.sigma)
    assert staging.sigma(at + 5) > staging.sigma(at - 5)


def test_the_night_is_dark_and_grey() -> None:
    staging = staged(light.noise_by_night)
    assert brightness(staging, 0) < 0.6 * float(ROOM.plate.mean())


def test_the_starved_stream_has_a_low_bitrate() -> None:
    assert 50_000 <= (staged(light.starved).bitrate or 0) <= 90_000
    assert staged(light.noise_by_day).bitrate is None
