"""Each fault of a camera is recognised within five seconds, and nothing ordinary is one."""

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from app.frames import Image
from app.motion.camera_faults import ACCEPT_S, CameraFaults
from tests.motion.scenes import COLUMNS, FPS, ROWS, Picture, room, shown, with_figure

#: The level of the light, and the noise, by day and at night.
LIGHTS = {"day": (1.0, 1.5), "night": (0.45, 4.0)}
#: The seconds before a fault, which begins just after a look, its seconds, and those after it.
BEFORE_S, FAULT_S, AFTER_S = 16.1, 6.0, 5.0
#: Steps of the level have sharp edges.
ROOM = np.asarray(np.round(room() / 20) * 20, np.float32)
#: The part of another picture that a camera shows which is turned, or moved up.
WIDE = room((2 * ROWS, 2 * COLUMNS), seed=3)
Draw = Callable[[Picture, float], Picture]


def gradient(low: float, high: float) -> Picture:
    ramp = np.linspace(low, high, COLUMNS, dtype=np.float32)
    return np.asarray(np.tile(ramp, (ROWS, 1)), np.float32)


def dimmed(picture: Picture, share: float) -> Picture:
    return np.asarray(picture * share, np.float32)


def blurred(sigma: float) -> Draw:
    return lambda picture, _: np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32)


def always(picture: Picture) -> Draw:
    return lambda _, __: picture


def scaled(share: float) -> Draw:
    return lambda picture, _: dimmed(picture, share)


def watched(pictures: Iterator[tuple[float, Image]], faults: CameraFaults) -> dict[str, float]:
    """Return when each fault was recognised first, and when "none" was the case again."""
    found: dict[str, float] = {}
    for at_s, picture in pictures:
        fault = faults.look(picture, 255, at_s)
        if fault or found:
            found.setdefault(fault or "none", at_s)
    return found


def lit(draw: Draw, light: str) -> Iterator[tuple[float, Image]]:
    """A room in the *light*, then what *draw* makes of it, then the room again."""
    level, noise = LIGHTS[light]

    def scene(at_s: float) -> Picture:
        ordinary = dimmed(ROOM, level)
        fault_s = at_s - BEFORE_S
        return draw(ordinary, fault_s) if 0 <= fault_s < FAULT_S else ordinary

    return shown(scene, BEFORE_S + FAULT_S + AFTER_S, noise=noise)


FAULTS = {
    "a hand": ("covered", always(gradient(30, 90))),
    "a dark cloth": ("covered", always(gradient(14, 20))),
    "a white paper": ("covered", always(gradient(220, 200))),
    "a turn": ("turned", always(WIDE[:ROWS, :COLUMNS])),
    "a turn upside down": ("turned", lambda picture, _: picture[::-1]),
    "a slight blur": ("unfocused", blurred(1.5)),
    "a strong blur": ("unfocused", blurred(3.0)),
    "a cap": ("dark", always(np.zeros_like(ROOM))),
    "a torch": ("blinded", always(np.full_like(ROOM, 280.0))),
}


@pytest.mark.parametrize("light", LIGHTS)
@pytest.mark.parametrize("cause", FAULTS)
def test_a_fault_is_recognised_soon_and_over_soon(cause: str, light: str) -> None:
    fault, draw = FAULTS[cause]
    found = watched(lit(draw, light), CameraFaults())
    assert list(found) == [fault, "none"]
    assert found[fault] - BEFORE_S <= 4.0
    assert found["none"] - BEFORE_S - FAULT_S <= 4.0


@pytest.mark.parametrize("light", LIGHTS)
def test_a_frozen_picture_is_recognised_in_spite_of_a_clock(light: str) -> None:
    last: list[Image] = []

    def pictures() -> Iterator[tuple[float, Image]]:
        for at_s, picture in lit(lambda room, _: room, light):
            if not BEFORE_S <= at_s < BEFORE_S + FAULT_S:
                last[:] = [picture.copy()]
            clock = last[0].copy()
            cv2.putText(clock, f"{at_s:04.1f}", (2, 10), cv2.FONT_HERSHEY_PLAIN, 0.7, 255)
            yield at_s, clock

    found = watched(pictures(), CameraFaults())
    assert list(found) == ["frozen", "none"]
    assert found["frozen"] - BEFORE_S <= 4.5


def moving_cloud(picture: Picture, at_s: float) -> Picture:
    return dimmed(picture, 0.65 + 0.35 * float(np.cos(at_s)))


def flash(picture: Picture, at_s: float) -> Picture:
    return dimmed(picture, 3.0) if at_s < 0.5 else picture


def headlight(picture: Picture, at_s: float) -> Picture:
    lit_up = picture.copy()
    cv2.circle(lit_up, (round(10 + 25 * at_s), 50), 30, 250.0, -1)
    soft = np.asarray(cv2.GaussianBlur(lit_up, (0, 0), 4), np.float32)
    return dimmed(soft, 0.5) + dimmed(picture, 0.6)


def somebody_close(picture: Picture, at_s: float) -> Picture:
    return with_figure(picture, 60 + 10 * np.sin(at_s), height=1.6)


def infrared(picture: Picture, at_s: float) -> Picture:
    """Other materials are bright in infrared light, and the middle is lit most."""
    spot = np.exp(-(np.linspace(-1.3, 1.3, COLUMNS, dtype=np.float32) ** 2))
    other = room(seed=5)
    mixed = np.float32(0.9 if at_s > 0.4 else 1.8) * (0.6 * picture + 0.25 * other) * spot
    return np.asarray(mixed, np.float32)


def trembling(speed: float) -> Draw:
    def draw(picture: Picture, at_s: float) -> Picture:
        x, y = 1.5 * np.sin(speed * at_s), np.cos(0.77 * speed * at_s)
        shift = np.array([[1, 0, x], [0, 1, y]], np.float32)
        moved = cv2.warpAffine(picture, shift, (COLUMNS, ROWS), borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(moved, np.float32)

    return draw


ORDINARY: dict[str, Draw] = {
    "a lamp goes off": scaled(0.12),
    "the last lamp goes off and leaves a little light": scaled(0.04),
    "a lamp goes on": scaled(2.0),
    "clouds": moving_cloud,
    "a flash": flash,
    "a headlight": headlight,
    "somebody close to the camera": somebody_close,
    "infrared light": infrared,
    **{f"a vibration at {speed}": trembling(speed) for speed in (26, 33, 37, 40)},
}


@pytest.mark.parametrize("light", LIGHTS)
@pytest.mark.parametrize("event", ORDINARY)
def test_nothing_ordinary_is_a_fault(event: str, light: str) -> None:
    assert watched(lit(ORDINARY[event], light), CameraFaults()) == {}


@pytest.mark.parametrize(("speed_px", "expected"), [(160, []), (0, ["covered"])])
def test_what_moves_in_front_of_the_lens_does_not_cover_it(
    speed_px: int, expected: list[str]
) -> None:
    scene = np.asarray(cv2.resize(room((60, 80)), (640, 480)), np.float32)

    def draw(at_s: float) -> Picture:
        if at_s < BEFORE_S:
            return scene
        if not speed_px:
            return np.full_like(scene, 90)
        stripes = np.sin((np.arange(640) - speed_px * at_s) * np.pi / 160)
        return np.asarray(np.tile(90 + 50 * np.sign(stripes), (480, 1)), np.float32)

    assert list(watched(shown(draw, BEFORE_S + 6, fps=2, noise=4.0), CameraFaults())) == expected


def test_dusk_and_dawn_are_no_faults() -> None:
    def dusk(at_s: float) -> Picture:
        return dimmed(ROOM, max(1 - at_s / 300, at_s / 300 - 1.2, 0.0))

    assert watched(shown(dusk, 600, fps=2), CameraFaults()) == {}


def test_a_lamp_in_a_room_that_was_dark_is_no_fault() -> None:
    def evening(at_s: float) -> Picture:
        is_lit = at_s < 30 or 360 < at_s < 420
        return dimmed(ROOM, 1.0 if is_lit else max(1 - (at_s - 30) / 200, 0.0))

    assert watched(shown(evening, 450, fps=2), CameraFaults()) == {}


def test_a_source_that_repeats_pictures_does_not_freeze() -> None:
    def slow() -> Iterator[tuple[float, Image]]:
        shown_now: Image | None = None
        for at_s, picture in shown(lambda _: ROOM, 60):
            if shown_now is None or round(at_s * FPS) % 40 == 0:
                shown_now = picture
            yield at_s, shown_now

    assert watched(slow(), CameraFaults()) == {}


def test_a_drawn_scene_without_noise_does_not_freeze() -> None:
    assert watched(shown(lambda _: ROOM, 40, noise=0.0), CameraFaults()) == {}


def test_a_starved_encoder_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "starved.mp4"
    with av.open(path, "w") as video:
        stream = video.add_stream("libx264", FPS)
        stream.width, stream.height, stream.pix_fmt = 2 * COLUMNS, 2 * ROWS, "yuv420p"
        stream.bit_rate, stream.options = 20_000, {"g": "100", "preset": "ultrafast"}
        large = np.asarray(cv2.resize(ROOM, (2 * COLUMNS, 2 * ROWS)), np.float32)
        for _, picture in shown(lambda _: large, 30):
            packets = stream.encode(av.VideoFrame.from_ndarray(picture, "gray"))
            video.mux(packets)
        video.mux(stream.encode())
    faults = CameraFaults()
    with av.open(path) as video:
        for number, frame in enumerate(video.decode(video=0)):
            luma = np.asarray(frame.to_ndarray(format="gray"), np.uint8)
            assert faults.look(luma, 255, number / FPS) is None
    assert faults.learned


def test_another_view_becomes_the_usual_one() -> None:
    def turned(at_s: float) -> Picture:
        return ROOM if at_s < BEFORE_S else WIDE[:ROWS, :COLUMNS]

    found = watched(shown(turned, BEFORE_S + ACCEPT_S + 20, fps=2), CameraFaults())
    assert list(found) == ["turned", "none"]
    assert ACCEPT_S < found["none"] - BEFORE_S < ACCEPT_S + 18


def test_a_view_that_is_learned_again_is_no_fault() -> None:
    faults = CameraFaults()
    first = watched(shown(lambda _: ROOM, BEFORE_S), faults)
    faults.relearn()
    turned = shown(lambda _: WIDE[:ROWS, :COLUMNS], BEFORE_S)
    assert first == watched(((BEFORE_S + at_s, one) for at_s, one in turned), faults) == {}


def test_a_pause_is_no_fault_and_none_lasts_through_it() -> None:
    faults = CameraFaults()
    covered = shown(lambda _: gradient(30, 90), 2.0)
    late = shown(lambda _: gradient(30, 90), 2.0)
    pictures = chain(
        shown(lambda _: ROOM, BEFORE_S),
        ((BEFORE_S + at_s, one) for at_s, one in covered),
        ((BEFORE_S + 100 + at_s, one) for at_s, one in late),
    )
    assert watched(pictures, faults) == {}
    assert faults.suspects


@pytest.mark.parametrize("shape", [(1, 1), (1, 640), (17, 9), (480, 640)])
def test_pictures_of_any_size_are_looked_at(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(1)
    faults = CameraFaults()
    for number in range(40):
        faults.look(random.integers(0, 256, shape, np.uint8), 219, number * 0.6)
    assert faults.present is None


@pytest.mark.parametrize("clip", ["one-by-one-person-detection.mp4", "car-detection.mp4"])
def test_no_real_clip_shows_a_fault(clip: str, footage: Path) -> None:
    faults, suspicions = CameraFaults(), 0
    with av.open(footage / clip) as video:
        for frame in video.decode(video=0):
            at_s = frame.time or 0.0
            if faults.is_due(at_s):
                luma = np.asarray(frame.to_ndarray()[: frame.height], np.uint8)
                assert faults.look(luma, 219, at_s) is None
                suspicions += faults.suspects
    assert faults.learned
    assert suspicions == 0
