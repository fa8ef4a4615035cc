"""One opening is one, whatever happens while it lasts, and is told once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from app import protocol
from app.daemons.security_system.left_open import LeftOpen
from app.detector import Detector, EventSettings
from app.frames import Frame
from app.motion import make_motion
from app.motion.base import MotionSettings

START = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
FPS = 2


class Fridge:
    """A fridge, a camera in it with a new program after each `restart`, and what is told."""

    def __init__(self, threshold_s: float = 60) -> None:
        self.threshold_s = threshold_s
        self.at_s = 1000.0
        self.passed_s = 0.0
        self.lines: list[str | None] = []
        self.told: list[tuple[str | None, float]] = []
        self.event: str | None = None
        self.restart()

    @property
    def now(self) -> datetime:
        return START + timedelta(seconds=self.passed_s)

    @property
    def line(self) -> str | None:
        return self.lines[-1] if self.lines else None

    def restart(self) -> None:
        """The program is killed and starts anew."""
        self.left_open = LeftOpen(self.threshold_s, self.lines.append)
        self.left_open.resume(self.line, self.now)
        self.lose_camera()

    def lose_camera(self) -> None:
        self.detector = Detector(make_motion(MotionSettings(trigger="light")), EventSettings())
        self.event = None

    def stand(self, seconds: float, level: int) -> None:
        """For so long it has that level of light."""
        for _ in range(round(seconds * FPS)):
            luma = np.full((4, 4), level, np.uint8)
            frame = Frame(luma, self.at_s, self.now, 0, lambda shown=luma: shown)  # type: ignore[misc]
            verdict = self.detector.judge(frame)
            if verdict.changed == "opened" and verdict.event:
                self.event = protocol.event_id(
                    frame.taken_at - timedelta(seconds=frame.at_s - verdict.event.started_at_s),
                    "fridge",
                )
            if verdict.changed == "closed":
                self.event = None
            if self.left_open.look(frame, verdict, self.event):
                self.told.append((self.left_open.first, self.left_open.lasts_s))
                self.left_open.told()
            self.wait(1 / FPS)

    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.at_s += seconds
        self.passed_s += seconds

    def set_clock(self, seconds: float) -> None:
        """The time of day is set."""
        self.passed_s += seconds


@pytest.fixture
def fridge() -> Iterator[Fridge]:
    made = Fridge()
    made.stand(5, level=4)
    yield made


FIRST = protocol.event_id(START + timedelta(seconds=5), "fridge")


def test_what_is_open_for_long_is_told_once(fridge: Fridge) -> None:
    fridge.stand(600, level=120)
    assert fridge.told == [(FIRST, 60.0)]
    assert fridge.left_open.since == START + timedelta(seconds=5)


def test_what_is_closed_in_time_is_not_told(fridge: Fridge) -> None:
    for _ in range(5):
        fridge.stand(59, level=120)
        fridge.stand(5, level=4)
    assert fridge.told == []
    assert fridge.line is None


def test_the_next_opening_is_another(fridge: Fridge) -> None:
    for _ in range(2):
        fridge.stand(90, level=120)
        fridge.stand(5, level=4)
    assert [first for first, _ in fridge.told] == [
        FIRST,
        protocol.event_id(START + timedelta(seconds=100), "fridge"),
    ]


def test_an_opening_goes_on_over_a_restart_and_counts_from_its_beginning(fridge: Fridge) -> None:
    fridge.stand(40, level=120)
    fridge.wait(10)
    fridge.restart()
    fridge.stand(100, level=120)
    assert fridge.told == [(FIRST, 60.0)]


def test_one_that_was_told_before_a_restart_has_the_same_name_after_it(fridge: Fridge) -> None:
    fridge.stand(300, level=120)
    fridge.wait(30)
    fridge.restart()
    fridge.stand(100, level=120)
    assert {first for first, _ in fridge.told} == {FIRST}


def test_one_that_was_told_long_before_a_restart_is_not_told_by_any_name(fridge: Fridge) -> None:
    fridge.stand(300, level=120)
    fridge.told.clear()
    for _ in range(3):
        fridge.restart()
        fridge.stand(70, level=120)
    assert fridge.told == []


def test_one_that_goes_on_while_the_camera_is_lost_is_told_once(fridge: Fridge) -> None:
    fridge.stand(70, level=120)
    for _ in range(3):
        fridge.wait(20)
        fridge.lose_camera()
        fridge.stand(70, level=120)
    assert fridge.told == [(FIRST, 60.0)]


@pytest.mark.parametrize("frames", [1, 2])
def test_a_few_dark_frames_after_a_restart_do_not_close_it(fridge: Fridge, frames: int) -> None:
    fridge.stand(40, level=120)
    fridge.restart()
    fridge.stand(frames / FPS, level=4)
    fridge.stand(60, level=120)
    assert [first for first, _ in fridge.told] == [FIRST]


def test_what_is_dark_after_a_restart_was_closed_meanwhile(fridge: Fridge) -> None:
    fridge.stand(70, level=120)
    fridge.restart()
    fridge.stand(5, level=4)
    assert fridge.line is None
    fridge.stand(70, level=120)
    assert len({first for first, _ in fridge.told}) == 2


def test_after_long_out_of_sight_it_is_another_opening(fridge: Fridge) -> None:
    fridge.stand(70, level=120)
    fridge.wait(11 * 60)
    fridge.restart()
    fridge.stand(30, level=120)
    assert [first for first, _ in fridge.told] == [FIRST]
    fridge.wait(11 * 60)
    fridge.lose_camera()
    fridge.stand(70, level=120)
    assert len({first for first, _ in fridge.told}) == 2


def test_it_is_noted_each_minute_so_that_a_long_one_can_go_on(fridge: Fridge) -> None:
    fridge.stand(3600, level=120)
    assert 55 <= len(fridge.lines) <= 62
    fridge.restart()
    assert fridge.left_open.first == FIRST


def test_a_clock_that_is_set_makes_nothing_of_a_short_opening(fridge: Fridge) -> None:
    fridge.stand(10, level=120)
    fridge.set_clock(86_400)
    fridge.stand(40, level=120)
    assert fridge.told == []
    fridge.stand(20, level=120)
    assert fridge.told == [(FIRST, 60.0)]


def test_when_nobody_looks_any_more_the_next_is_another(fridge: Fridge) -> None:
    fridge.stand(70, level=120)
    fridge.left_open.forget()
    assert fridge.line is None
    fridge.lose_camera()
    fridge.stand(70, level=120)
    assert len({first for first, _ in fridge.told}) == 2


@pytest.mark.parametrize(
    "line",
    [
        None,
        "",
        "x",
        FIRST,
        f"{FIRST} ",
        f"{FIRST} yesterday",
        f"{FIRST} 2026-11-20T10:15:00",
        f"../x {START.isoformat()}",
    ],
)
def test_a_line_that_is_none_is_no_opening(line: str | None) -> None:
    left_open = LeftOpen(60, lambda _: None)
    left_open.resume(line, START)
    assert left_open.first is None
