"""Light as the trigger: what is bright, and through the detector, when that is an opening."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import numpy as np
import pytest

from app.detector import Detector, EventSettings, Verdict
from app.frames import Frame, Image
from app.motion import make_motion
from app.motion.base import MotionModel, MotionSettings, Polygon

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


def even(level: float, shape: tuple[int, int] = (480, 640)) -> Image:
    return np.full(shape, level, np.uint8)


def fridge(level: float, rng: np.random.Generator) -> Image:
    """Shelves and bottles, the noise of the sensor over them, with *level* for their mean."""
    rows, columns = np.indices((120, 160))
    shelves = np.where(rows % 30 < 3, 1.6, 1) * (1 + 0.3 * np.sin(columns / 6))
    return np.asarray(
        np.clip(shelves / shelves.mean() * level + rng.normal(0, 3, (120, 160)), 0, 255), np.uint8
    )


def seen(
    levels: Iterable[float],
    fps: float = FPS,
    picture: Callable[[float], Image] = even,
    debounce_s: float = 0.2,
) -> list[Verdict]:
    """What a detector makes of pictures with these mean levels, *fps* of them a second."""
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
def test_the_level_is_that_between_black_and_white_whatever_levels_the_source_uses(
    span: int, value: int, level: float
) -> None:
    assert light().judge(even(value), span).level == pytest.approx(level, abs=0.05)


def test_it_is_bright_above_thresh_and_dark_again_below_it_by_more_than_the_hysteresis() -> None:
    motion = light(thresh=50, hysteresis_levels=5)
    levels = [50, 51, 48, 45, 44, 48, 50, 51]
    assert [motion.judge(even(level)).motion for level in levels] == [
        False,
        True,
        True,
        True,
        False,
        False,
        False,
        True,
    ]


def test_a_picture_may_change_its_size() -> None:
    motion = light((LEFT_HALF,))
    assert [
        motion.judge(even(99, shape)).level for shape in ((480, 640), (240, 320), (97, 131))
    ] == [99, 99, 99]


def test_what_is_masked_is_not_looked_at() -> None:
    half = even(0)
    half[:, 320:] = 200
    assert light().judge(half).level == pytest.approx(100)
    assert light((LEFT_HALF,)).judge(half).level == pytest.approx(200, abs=1)
    assert not light((ALL,)).judge(even(255)).motion


def test_an_opening_lasts_from_the_first_bright_frame_to_the_first_dark_one() -> None:
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
def test_it_is_noticed_within_half_a_second(fps: int) -> None:
    (opened, closed) = changes(seen([10] * fps + [90] * fps + [10] * fps, fps))
    assert (opened[0] - fps) / fps <= 0.5
    assert (closed[0] - 2 * fps) / fps <= 0.5


@pytest.mark.parametrize("fps", [1, 2, 5, 10, 30])
def test_a_single_bright_or_dark_frame_changes_nothing(fps: int) -> None:
    dark, bright = [10.0] * 60, [90.0] * 60
    assert changes(seen([*dark, 255, *dark, 255, *dark], fps)) == []
    assert [
        change for _, change in changes(seen([*dark, *bright, 0, *bright, 0, *bright], fps))
    ] == ["opened"]


def test_without_debounce_two_frames_decide() -> None:
    assert changes(seen([0, 0, 90, 0, 90, 90, 90, 0, 90, 0, 0, 0], debounce_s=0)) == [
        (5, "opened"),
        (10, "closed"),
    ]


def test_a_tube_that_flickers_when_it_is_switched_on_makes_one_event() -> None:
    flicker = [90, 8, 90, 90, 8, 90, 8, 8, 90, 90, 90]
    assert [change for _, change in changes(seen([8] * 20 + flicker + [90] * 50 + [8] * 20))] == [
        "opened",
        "closed",
    ]


def test_the_mains_humming_around_the_threshold_makes_no_series_of_events() -> None:
    hum = [50 + 3 * np.sin(number / 2) for number in range(600)]
    assert [change for _, change in changes(seen(hum))] == ["opened"]


def test_noise_at_the_threshold_makes_no_series_of_events() -> None:
    rng = np.random.default_rng(3)
    noisy = seen(50 + rng.normal(0, 0.5, 600), picture=lambda level: fridge(level, rng))
    assert len(changes(noisy)) <= 1


def test_dusk_and_dawn_are_one_closing_and_one_opening() -> None:
    day = [90 - number / 10 for number in range(800)] + [10 + number / 10 for number in range(800)]
    assert [change for _, change in changes(seen(day))] == ["opened", "closed", "opened"]


def test_neither_the_share_of_frames_nor_the_gap_matters() -> None:
    detector = Detector(
        light(),
        EventSettings(
            motion_classification_store_cnt=1000, min_occupied_fraction=1, event_gap_s=1000
        ),
    )
    frames = [
        Frame(even(level), n / FPS, datetime(2026, 11, 20, tzinfo=UTC), n, lambda: even(0))
        for n, level in enumerate([0, 90, 90, 90, 0, 0, 0])
    ]
    assert [detector.judge(frame).changed for frame in frames] == [
        None,
        None,
        None,
        "opened",
        None,
        None,
        "closed",
    ]


def test_forgetting_lets_an_open_door_stay_open_and_closing_ends_it() -> None:
    detector = Detector(light(), EventSettings())
    frames = [
        Frame(even(90), n / FPS, datetime(2026, 11, 20, tzinfo=UTC), n, lambda: even(0))
        for n in range(10)
    ]
    for frame in frames[:5]:
        detector.judge(frame)
    detector.relearn()
    assert [detector.judge(frame).changed for frame in frames[5:]] == [None] * 5
    event = detector.close()
    assert event
    assert (event.started_at_s, event.ended_at_s) == (0.0, 0.9)
