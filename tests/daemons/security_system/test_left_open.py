"""An opening is reported once as left open, whatever happens while it lasts."""

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
    """A fridge with a camera in it, and a new run of its program after each `restart`."""

    def __init__(self, threshold_s: float = 60) -> None:
        self.threshold_s = threshold_s
        self.at_s = 1000.0
        self.passed_s = 0.0
        self.notes: list[str | None] = []
        self.reported: list[tuple[str, float]] = []
        self.event: str | None = None
        self.restart()

    @property
    def now(self) -> datetime:
        return START + timedelta(seconds=self.passed_s)

    @property
    def note(self) -> str | None:
        return self.notes[-1] if self.notes else None

    def restart(self) -> None:
        """Kill the program and start it again."""
        self.left_open = LeftOpen(self.threshold_s, self.notes.append)
        self.left_open.resume(self.note, self.now)
        self.lose_camera()

    def lose_camera(self) -> None:
        self.detector = Detector(make_motion(MotionSettings(trigger="light")), EventSettings())
        self.event = None

    def stand(self, seconds: float, level: int) -> None:
        """Show frames with this *level* of light."""
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
            first_event = self.left_open.judge(frame, verdict, self.event)
            if first_event:
                self.reported.append((first_event, self.left_open.lasts_s))
                self.left_open.reported()
            self.wait(1 / FPS)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.at_s += seconds
        self.passed_s += seconds

    def set_clock(self, seconds: float) -> None:
        """Set the time of day forward."""
        self.passed_s += seconds


@pytest.fixture
def fridge() -> Iterator[Fridge]:
    made = Fridge()
    made.stand(5, level=4)
    yield made


FIRST = protocol.event_id(START + timedelta(seconds=5), "fridge")


def test_a_long_opening_is_reported_once(fridge: Fridge) -> None:
    fridge.stand(600, level=120)
    assert fridge.reported == [(FIRST, 60.0)]


def test_short_openings_are_not_reported(fridge: Fridge) -> None:
    for _ in range(5):
        fridge.stand(59, level=120)
        fridge.stand(5, level=4)
    assert fridge.reported == []
    assert fridge.note is None


def test_the_next_opening_is_another(fridge: Fridge) -> None:
    for _ in range(2):
        fridge.stand(90, level=120)
        fridge.stand(5, level=4)
    assert [first for first, _ in fridge.reported] == [
        FIRST,
        protocol.event_id(START + timedelta(seconds=100), "fridge"),
    ]


def test_an_opening_continues_after_a_restart(fridge: Fridge) -> None:
    fridge.stand(40, level=120)
    fridge.wait(10)
    fridge.restart()
    fridge.stand(100, level=120)
    assert fridge.reported == [(FIRST, 60.0)]


def test_a_report_has_the_same_id_after_a_restart(fridge: Fridge) -> None:
    fridge.stand(300, level=120)
    fridge.wait(30)
    fridge.restart()
    fridge.stand(100, level=120)
    assert {first for first, _ in fridge.reported} == {FIRST}


def test_an_old_report_is_not_repeated_after_a_restart(fridge: Fridge) -> None:
    fridge.stand(300, level=120)
    fridge.reported.clear()
    for _ in range(3):
        fridge.restart()
        fridge.stand(70, level=120)
    assert fridge.reported == []


def test_a_lost_camera_does_not_end_an_opening(fridge: Fridge) -> None:
    fridge.stand(70, level=120)
    for _ in range(3):
        fridge.wait(20)
        fridge.lose_camera()
        fridge.stand(70, level=120)
    assert fridge.reported == [(FIRST, 60.0)]


@pytest.mark.parametrize("frames", [1, 2])
def test_a_few_dark_frames_after_a_restart_do_not_close_it(fridge: Fridge, frames: int) -> None:
    fridge.stand(40, level=120)
    fridge.restart()
    fridge.stand(frames / FPS, level=4)
    fridge.stand(60, level=120)
    assert [first for first, _ in fridge.reported] == [FIRST]


def test_darkness_after_a_restart_means_closed(fridge: Fridge) -> None:
    fridge.stand(70, level=120)
    fridge.restart()
    fridge.stand(5, level=4)
    assert fridge.note is None
    fridge.stand(70, level=120)
    assert len({first for first, _ in fridge.reported}) == 2


def test_after_long_out_of_sight_it_is_another_opening(fridge: Fridge) -> None:
    fridge.stand(70, level=120)
    fridge.wait(11 * 60)
    fridge.restart()
    fridge.stand(30, level=120)
    assert [first for first, _ in fridge.reported] == [FIRST]
    fridge.wait(11 * 60)
    fridge.lose_camera()
    fridge.stand(70, level=120)
    assert len({first for first, _ in fridge.reported}) == 2


def test_an_opening_is_noted_each_minute(fridge: Fridge) -> None:
    fridge.stand(3600, level=120)
    assert 55 <= len(fridge.notes) <= 62
    fridge.restart()
    assert fridge.left_open.first_event == FIRST


def test_a_set_clock_does_not_make_an_opening_longer(fridge: Fridge) -> None:
    fridge.stand(10, level=120)
    fridge.set_clock(86_400)
    fridge.stand(40, level=120)
    assert fridge.reported == []
    fridge.stand(20, level=120)
    assert fridge.reported == [(FIRST, 60.0)]


def test_after_the_camera_was_off_it_is_another_opening(fridge: Fridge) -> None:
    fridge.stand(70, level=120)
    fridge.left_open.forget()
    assert fridge.note is None
    fridge.lose_camera()
    fridge.stand(70, level=120)
    assert len({first for first, _ in fridge.reported}) == 2


@pytest.mark.parametrize(
    "note",
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
def test_a_broken_note_is_no_opening(note: str | None) -> None:
    left_open = LeftOpen(60, lambda _: None)
    left_open.resume(note, START)
    assert left_open.first_event is None
