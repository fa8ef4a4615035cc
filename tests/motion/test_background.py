"""The classic motion model: what counts as motion, how large it is, and where."""

from collections.abc import Iterable
from functools import cache

import cv2
import numpy as np
import pytest

from app.frames import Box, Image, Polygon
from app.motion.background import (
    LEARNING_PICTURES,
    BackgroundMotion,
    blur_kernel,
    outlined_area_px,
)
from app.motion.base import MotionModel, MotionSettings, Sighting

LEFT_HALF: Polygon = ((0, 0), (0.5, 0), (0.5, 1), (0, 1))


@cache
def room(shape: tuple[int, int] = (480, 640)) -> Image:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    picture = np.asarray(90 + 30 * np.sin(rows / 17) + 20 * np.cos(columns / 11), np.uint8)
    picture.flags.writeable = False
    return picture


def with_visitor(picture: Image, box: Box) -> Image:
    picture = picture.copy()
    picture[box.y : box.y + box.height, box.x : box.x + box.width] = 230
    return picture


def trained_on(
    picture: Image, settings: MotionSettings | None = None, masks: tuple[Polygon, ...] = ()
) -> MotionModel:
    """Return a model that has learned *picture* as its background."""
    motion = BackgroundMotion(settings or MotionSettings(), masks)
    for _ in range(LEARNING_PICTURES):
        motion.judge(picture)
    return motion


def overlap(one: Box, other: Box) -> float:
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    shared = max(width, 0) * max(height, 0)
    return shared / (one.width * one.height + other.width * other.height - shared)


def test_a_still_room_shows_no_motion() -> None:
    motion = trained_on(room())
    still = Sighting(motion=False, area_px=0.0, boxes=(), learning=False, changed_px=0.0)
    assert [motion.judge(room()) for _ in range(20)] == [still] * 20


def test_sensor_noise_is_no_motion() -> None:
    rng, motion = np.random.default_rng(3), BackgroundMotion(MotionSettings())
    for _ in range(30):
        noise = 8 * rng.standard_normal((480, 640), np.float32)
        assert not motion.judge(np.clip(room() + noise, 0, 255).astype(np.uint8)).motion


def test_a_visitor_is_seen_where_he_stands() -> None:
    visitor = Box(200, 120, 120, 280)
    seen = trained_on(room()).judge(with_visitor(room(), visitor))
    assert seen.motion
    assert not seen.learning
    assert len(seen.boxes) == 1
    assert overlap(seen.boxes[0], visitor) > 0.75


def test_the_area_does_not_depend_on_the_size_of_the_frame() -> None:
    areas = []
    for factor in (1, 2, 3, 5):
        empty = room((96 * factor, 128 * factor))
        seen = trained_on(empty).judge(
            with_visitor(empty, Box(40 * factor, 20 * factor, 30 * factor, 50 * factor))
        )
        areas.append(seen.area_px)
    assert areas == pytest.approx([areas[0]] * 4, rel=0.08)
    assert areas[0] > 30 * 50 * (500 / 128) ** 2


def test_two_visitors_have_a_box_each() -> None:
    left, right = Box(60, 100, 120, 300), Box(440, 120, 140, 280)
    seen = trained_on(room()).judge(with_visitor(with_visitor(room(), left), right))
    boxes = sorted(seen.boxes)
    assert len(boxes) == 2
    assert overlap(boxes[0], left) > 0.7
    assert overlap(boxes[1], right) > 0.7


def test_boxes_stay_inside_the_frame() -> None:
    empty = room((481, 643))
    seen = trained_on(empty).judge(np.full_like(empty, 255))
    assert seen.boxes == (Box(0, 0, 640, 480),)


@pytest.mark.parametrize(("min_area", "seen"), [(9_000.0, True), (40_000.0, False)])
def test_an_area_below_min_area_is_no_motion(min_area: float, seen: bool) -> None:
    sighting = trained_on(room(), MotionSettings(min_area=min_area)).judge(
        with_visitor(room(), Box(200, 120, 120, 160))
    )
    assert sighting.motion is seen
    assert bool(sighting.boxes) is seen
    assert 10_000 < sighting.area_px < 30_000


@pytest.mark.parametrize(
    ("brighter", "delta_thresh", "span", "seen"),
    [
        (9, 5, 255, True),
        (9, 10, 255, False),
        # The average moves by a tenth, so 0.9 of the change is left: 5.4 and 6.3, or 6.3 and 7.3 in
        # video levels.
        (6, 5, 255, False),
        (6, 5, 219, True),
        (7, 5, 255, True),
        (6, 6, 219, False),
    ],
)
def test_delta_thresh_is_in_the_levels_of_the_source(
    brighter: int, delta_thresh: int, span: int, seen: bool
) -> None:
    motion = trained_on(room(), MotionSettings(delta_thresh=delta_thresh))
    assert motion.judge(room() + np.uint8(brighter), span).motion is seen


@pytest.mark.parametrize(("alpha", "pictures"), [(0.3, 20), (0.1, 60), (0.02, 300)])
def test_a_larger_alpha_makes_a_visitor_background_sooner(alpha: float, pictures: int) -> None:
    motion = trained_on(room(), MotionSettings(alpha=alpha))
    changed = with_visitor(room(), Box(200, 120, 120, 280))
    seen = [motion.judge(changed).motion for _ in range(pictures)]
    assert seen == sorted(seen, reverse=True)
    assert seen[pictures // 5]
    assert not seen[-1]


def test_a_larger_dilation_joins_neighbours() -> None:
    crossed = with_visitor(with_visitor(room(), Box(100, 100, 100, 300)), Box(260, 100, 100, 300))
    apart, joined = (
        trained_on(room(), MotionSettings(dilate_iterations=times)).judge(crossed)
        for times in (0, 20)
    )
    assert (len(apart.boxes), len(joined.boxes)) == (2, 1)
    assert joined.area_px > 2 * apart.area_px


def test_each_dilation_adds_a_rim_of_one_pixel_at_frame_width() -> None:
    places = [Box(200 + offset, 120 + offset, 128, 256) for offset in range(8)]
    visits = [with_visitor(room(), place) for place in places]
    areas = []
    for times in range(7):
        settings = MotionSettings(dilate_iterations=times)
        found = [trained_on(room(), settings).judge(visit).area_px for visit in visits]
        areas.append(np.mean(found))
    rim_px = 2 * (110 + 210)
    assert areas[6] - areas[0] == pytest.approx(6 * rim_px, rel=0.1)
    assert min(np.diff(areas)) > 0.5 * rim_px


@pytest.mark.parametrize(("ksize", "seen"), [((61, 1), False), ((1, 61), True)])
def test_ksize_blurs_across_first_and_down_second(ksize: tuple[int, int], seen: bool) -> None:
    upright_pole = room().copy()
    upright_pole[:, 300:308] += 20
    motion = trained_on(room(), MotionSettings(ksize=ksize, min_area=1000))
    assert motion.judge(upright_pole).motion is seen


@pytest.mark.parametrize("ksize", [(1, 1), (21, 21), (101, 101), (1, 41)])
def test_a_kernel_may_have_any_size(ksize: tuple[int, int]) -> None:
    motion = trained_on(room(), MotionSettings(ksize=ksize))
    assert motion.judge(with_visitor(room(), Box(100, 50, 300, 400))).motion


def learning(motion: MotionModel, pictures: Iterable[Image]) -> list[bool]:
    return [motion.judge(picture).learning for picture in pictures]


def test_the_first_ten_pictures_show_no_motion() -> None:
    motion = BackgroundMotion(MotionSettings())
    flicker = [room(), with_visitor(room(), Box(200, 120, 120, 280))] * 6
    seen = [motion.judge(picture) for picture in flicker]
    assert [one.learning for one in seen] == [True] * 10 + [False] * 2
    assert [one.motion for one in seen] == [False] * 10 + [True] * 2


def test_relearning_takes_ten_pictures_again() -> None:
    motion = trained_on(room())
    motion.relearn()
    elsewhere = np.ascontiguousarray(room().T[:480].repeat(2, axis=1)[:, :640])
    assert learning(motion, [elsewhere] * 12) == [True] * 10 + [False] * 2
    assert not motion.judge(elsewhere).motion


def test_a_picture_of_another_size_starts_the_learning_again() -> None:
    motion = trained_on(room())
    assert learning(motion, [room((240, 320))] * 11) == [True] * 10 + [False]
    assert learning(motion, [room()]) == [True]


@pytest.mark.parametrize(
    "shape",
    [(1, 1), (1, 2), (2, 1), (1, 640), (480, 1), (3, 257), (97, 131), (479, 641), (1079, 1917)],
)
def test_odd_and_tiny_pictures_are_judged_too(shape: tuple[int, int]) -> None:
    dark, bright = np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8)
    motion = trained_on(dark, MotionSettings(min_area=1, dilate_iterations=0, ksize=(3, 3)))
    assert not motion.judge(dark).motion
    seen = motion.judge(bright)
    assert seen.motion == (seen.area_px > 1)
    assert all(
        box.x + box.width <= shape[1] and box.y + box.height <= shape[0] for box in seen.boxes
    )


def test_a_masked_area_is_never_seen() -> None:
    motion = trained_on(room(), masks=(LEFT_HALF,))
    inside = motion.judge(with_visitor(room(), Box(0, 0, 320, 480)))
    assert (inside.motion, inside.area_px) == (False, 0.0)
    outside = motion.judge(with_visitor(room(), Box(400, 120, 120, 280)))
    assert outside.motion
    assert all(box.x >= 310 for box in outside.boxes)


def test_several_masks_add_up() -> None:
    right_half: Polygon = ((0.5, 0), (1, 0), (1, 1), (0.5, 1))
    motion = trained_on(room(), masks=(LEFT_HALF, right_half))
    assert motion.judge(np.full((480, 640), 255, np.uint8)).area_px == 0.0


def test_a_mask_fits_frames_of_any_size() -> None:
    triangle: Polygon = ((0, 0), (1, 0), (0, 1))
    for shape in ((480, 640), (432, 768), (100, 150)):
        rows, columns = shape
        empty = room(shape)
        motion = trained_on(empty, MotionSettings(min_area=1), masks=(triangle,))
        upper_left, lower_right = (
            with_visitor(empty, Box(round(at * columns), round(at * rows), columns // 5, rows // 5))
            for at in (0.1, 0.7)
        )
        assert not motion.judge(upper_left).motion
        assert motion.judge(lower_right).motion


def test_pictures_are_only_read() -> None:
    for shape in ((120, 160), (480, 640)):
        picture = room(shape).copy()
        picture.flags.writeable = False
        trained_on(picture, masks=(LEFT_HALF,))
        assert np.array_equal(picture, room(shape))


@pytest.mark.parametrize("scale", [1.96, 2.6, 3.125, 3.9])
def test_shrinking_and_blurring_blur_like_the_full_size(scale: float) -> None:
    x = np.arange(21) - 10
    full = float(cv2.getGaussianKernel(21, 0).ravel() @ x**2)
    small = blur_kernel(21, scale).ravel()
    x = np.arange(len(small)) - len(small) // 2
    blurred = float(small @ x**2) * scale**2 + (scale**2 - 1) / 12
    assert blurred == pytest.approx(full, rel=0.06)
    assert small.sum() == pytest.approx(1)


def test_an_outlined_area_is_that_of_the_finer_grid() -> None:
    coarse = np.zeros((100, 100), np.uint8)
    cv2.circle(coarse, (50, 50), 20, 255, cv2.FILLED)
    fine = coarse.repeat(4, axis=0).repeat(4, axis=1)
    outline, expected = (
        cv2.findContours(one, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0][0]
        for one in (coarse, fine)
    )
    area_px = outlined_area_px(cv2.contourArea(outline), len(outline), 4)
    assert area_px == pytest.approx(cv2.contourArea(expected), rel=0.01)
    assert 16 * cv2.contourArea(outline) < 0.97 * area_px


def test_the_comparison_shows_how_a_picture_was_judged() -> None:
    visitor, fly = Box(200, 120, 120, 280), Box(40, 40, 16, 16)
    motion = BackgroundMotion(MotionSettings())
    for _ in range(LEARNING_PICTURES):
        assert motion.comparison() is None
        motion.judge(room())
    assert motion.comparison() is None
    seen = motion.judge(with_visitor(with_visitor(room(), visitor), fly))
    comparison = motion.comparison()
    assert comparison
    assert tuple(motion.contours()) == comparison.contours
    assert comparison.background.shape == comparison.delta.shape == (120, 160)
    assert comparison.background.dtype == comparison.delta.dtype == np.uint8
    there = (
        slice(visitor.y // 4 + 5, (visitor.y + visitor.height) // 4 - 5),
        slice(visitor.x // 4 + 5, (visitor.x + visitor.width) // 4 - 5),
    )
    small_room = cv2.resize(room(), (160, 120), interpolation=cv2.INTER_AREA)
    assert np.abs(comparison.background.astype(int) - small_room).mean() < 6
    assert comparison.delta[there].min() > 40
    assert np.median(comparison.delta) == 0
    large, small = sorted(comparison.contours, key=lambda contour: -contour.area_px)
    assert (large.box, large.area_px) == (seen.boxes[0], seen.area_px)
    assert overlap(small.box, fly) > 0.1
    assert small.area_px < 5000
    assert (large.confirmed, large.objection) == (True, None)
    assert (small.confirmed, small.objection) == (False, "too small")


def test_a_slower_source_is_learned_by_the_second() -> None:
    def seen(pictures_s: float) -> list[float]:
        """Return how long a chair that is put down after five seconds counts as motion."""
        motion = BackgroundMotion(MotionSettings(), fps=10)
        chair = with_visitor(room(), Box(200, 200, 120, 200))
        times = np.arange(0, 20, 1 / pictures_s)
        return [at for at in times if motion.judge(chair if at >= 5 else room(), 255, at).motion]

    fast, slow = seen(10), seen(2)
    assert slow[0] == pytest.approx(fast[0], abs=0.5)
    assert slow[-1] == pytest.approx(fast[-1], abs=1.0)
