"""Covers several modules: motion/light.py, and the rule in detector.py for a debounced trigger."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from app.detector import Detector, EventSettings, Verdict
from app.frames import Frame, Image, Polygon
from app.motion import make_motion
from app.motion.base import MotionModel, MotionSettings

FPS = 10
LEFT_HALF: Polygon = ((0, 0), (0.5, 0), (0.5, 1), (0, 1))
ALL: Polygon = ((0, 0), (1, 0), (1, 1), (0, 1))


def light(
    masks: tuple[Polygon, ...] = (),
    thresh: float = 50,
    hysteresis_levels: float = 5,
    debounce_s: float = 0.2,
) -> MotionModel:
    settings = MotionSettings(
        trigger="light", thresh=thresh, hysteresis_levels=hysteresis_levels, debounce_s=debounce_s
    )
    return make_motion(settings, masks)


def even(level: float, shape: tuple[int, int] = (120, 160)) -> Image:
    return np.full(shape, level, np.uint8)


@cache
def shelves() -> NDArray[np.float32]:
    """Return a fridge with shelves and bottles, (rows, columns), with a mean of 1."""
    rows, columns = np.ogrid[:120, :160]
    drawn = np.where(rows % 30 < 3, 1.6, 1) * (1 + 0.3 * np.sin(columns / 6))
    return np.asarray(drawn / drawn.mean(), np.float32)


def fridge(level: float, rng: np.random.Generator) -> Image:
    """Return the fridge with a mean of *level* and the noise of a sensor."""
    noise = 3 * rng.standard_normal((120, 160), np.float32)
    return np.asarray(np.clip(shelves() * np.float32(level) + noise, 0, 255), np.uint8)


def seen(
    levels: Iterable[float],
    fps: float = FPS,
    picture: Callable[[float], Image] = even,
    debounce_s: float = 0.2,
) -> list[Verdict]:
    """Return a detector's verdicts on pictures with these mean levels, *fps* a second."""
    detector = Detector(light(debounce_s=debounce_s), EventSettings())
    return [
        detector.judge(
            Frame(
                luma := picture(level),
                number / fps,
                datetime(2026, 11, 20, tzinfo=UTC),
                number,
                lambda luma=luma: luma,  # type: ignore[misc]
            )
        )
        for number, level in enumerate(levels)
    ]


def changes(verdicts: Iterable[Verdict]) -> list[tuple[int, str]]:
    return [(number, one.changed) for number, one in enumerate(verdicts) if one.changed]


@pytest.mark.parametrize(
    ("span", "value", "level"),
    [
        (255, 0, 0),
        (255, 255, 255),
        (255, 60, 60),
        (219, 16, 0),
        (219, 235, 255),
        (219, 60, 51.2),
        (219, 58, 48.9),
    ],
)
def test_the_level_is_scaled_to_black_0_and_white_255(span: int, value: int, level: float) -> None:
    assert light().judge(even(value), span).level == pytest.approx(level, abs=0.05)


def test_it_is_dark_again_only_below_the_hysteresis() -> None:
    motion = light(thresh=50, hysteresis_levels=5)
    levels = [50, 51, 48, 45, 44, 48, 50, 51]
    bright = "".join("x" if motion.judge(even(level)).motion else "." for level in levels)
    assert bright == ".xxx...x"


def test_a_picture_may_change_its_size() -> None:
    motion, shapes = light((LEFT_HALF,)), ((480, 640), (240, 320), (97, 131))
    assert [motion.judge(even(99, shape)).level for shape in shapes] == [99, 99, 99]


def test_light_compares_a_picture_with_nothing() -> None:
    motion = light()
    motion.judge(even(90))
    assert motion.comparison() is None


def test_a_masked_area_is_not_judged() -> None:
    half = even(0, (480, 640))
    half[:, 320:] = 200
    assert light().judge(half).level == pytest.approx(100)
    assert light((LEFT_HALF,)).judge(half).level == pytest.approx(200, abs=1)
    assert not light((ALL,)).judge(even(255)).motion


def test_an_opening_lasts_from_first_bright_to_first_dark() -> None:
    rng = np.random.default_rng(7)
    verdicts = seen([4] * 30 + [120] * 340 + [4] * 30, picture=lambda level: fridge(level, rng))
    (opened, _), (closed, _) = changes(verdicts)
    event = verdicts[closed].event
    assert event
    assert (event.started_at_s, event.ended_at_s) == (3.0, 37.0)
    assert (opened, closed) == (32, 372)
    assert event.alert
    assert not any(one.learning for one in verdicts)


@pytest.mark.parametrize("fps", [4, 5, 10, 15, 30])
def test_an_opening_is_seen_within_half_a_second(fps: int) -> None:
    (opened, closed) = changes(seen([10] * fps + [90] * fps + [10] * fps, fps))
    assert (opened[0] - fps) / fps <= 0.5
    assert (closed[0] - 2 * fps) / fps <= 0.5


@pytest.mark.parametrize("fps", [1, 2, 5, 10, 30])
def test_a_single_bright_or_dark_frame_changes_nothing(fps: int) -> None:
    dark, bright = [10.0] * 60, [90.0] * 60
    assert changes(seen([*dark, 255, *dark, 255, *dark], fps)) == []
    verdicts = seen([*dark, *bright, 0, *bright, 0, *bright], fps)
    assert [change for _, change in changes(verdicts)] == ["opened"]


def test_without_debounce_two_frames_decide() -> None:
    verdicts = seen([0, 0, 90, 0, 90, 90, 90, 0, 90, 0, 0, 0], debounce_s=0)
    assert changes(verdicts) == [(5, "opened"), (10, "closed")]


def test_a_lamp_that_flickers_at_first_makes_one_event() -> None:
    flicker = [90, 8, 90, 90, 8, 90, 8, 8, 90, 90, 90]
    verdicts = seen([8] * 20 + flicker + [90] * 50 + [8] * 20)
    assert [change for _, change in changes(verdicts)] == ["opened", "closed"]


def test_mains_flicker_at_the_threshold_makes_one_event() -> None:
    hum = [50 + 3 * np.sin(number / 2) for number in range(600)]
    assert [change for _, change in changes(seen(hum))] == ["opened"]


def test_noise_at_the_threshold_makes_one_event_at_most() -> None:
    rng = np.random.default_rng(3)
    noisy = seen(50 + rng.normal(0, 0.5, 600), picture=lambda level: fridge(level, rng))
    assert len(changes(noisy)) <= 1


def test_dusk_and_dawn_are_one_closing_and_one_opening() -> None:
    day = [90 - number / 10 for number in range(800)] + [10 + number / 10 for number in range(800)]
    assert [change for _, change in changes(seen(day))] == ["opened", "closed", "opened"]


def test_neither_the_fraction_of_frames_nor_the_gap_matters() -> None:
    classic = EventSettings(
        motion_classification_store_cnt=1000, min_occupied_fraction=1, event_gap_s=1000
    )
    detector = Detector(light(), classic)
    frames = [
        Frame(even(level), n / FPS, datetime(2026, 11, 20, tzinfo=UTC), n, lambda: even(0))
        for n, level in enumerate([0, 90, 90, 90, 0, 0, 0])
    ]
    changed = [detector.judge(frame).changed for frame in frames]
    assert changed == [None, None, None, "opened", None, None, "closed"]


def test_relearning_keeps_an_open_event_open() -> None:
    detector = Detector(light(), EventSettings())
    frames = [
        Frame(even(90), n / FPS, datetime(2026, 11, 20, tzinfo=UTC), n, lambda: even(0))
        for n in range(10)
    ]
    for frame in frames[:5]:
        detector.judge(frame)
    detector.relearn()
    assert [detector.judge(frame).changed for frame in frames[5:]] == [None] * 5
    event = detector.end_event()
    assert event
    assert (event.started_at_s, event.ended_at_s) == (0.0, 0.9)
