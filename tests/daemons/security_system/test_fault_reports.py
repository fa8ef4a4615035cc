"""A fault of the camera is published once with two pictures, and its end too."""

import cv2
import numpy as np
import pytest

from app.daemons.security_system.fault_reports import NOTE, FaultReports
from app.frames import Frame, Image
from app.recording.event_folder import EventFolders
from app.state import State
from tests.daemons.security_system.publishing import Runs
from tests.motion.scenes import Picture, room
from tests.waiting import until

ROOM = np.asarray(np.round(room() / 20) * 20, np.float32)
HAND = np.full_like(ROOM, 60.0)
OTHER = np.asarray(ROOM[::-1], np.float32)
ROWS, COLUMNS = ROOM.shape
LOOK_S = 0.6


class Front:
    """The camera front, whose pictures the test gives."""

    def __init__(self, runs: Runs) -> None:
        self.clock = runs.clock
        self.folder = runs.folder
        self.published = runs.published
        self._runs = runs
        self._random = np.random.default_rng(1)
        self.restart()

    def restart(self) -> None:
        """End the program, and start it again."""
        self.reports = FaultReports("front", self._runs.start(), self.clock, enabled=True)
        self.reports.open()

    def see(self, picture: Picture, seconds: float) -> list[bool]:
        """Show *picture* with noise; returns for each look whether the view has changed."""
        changes = []
        for _ in range(round(seconds / LOOK_S)):
            self.clock.advance(LOOK_S)
            grain = self._random.normal(0, 2, picture.shape)
            luma = np.clip(picture + grain, 0, 255).astype(np.uint8)
            changes.append(self.reports.step(self._frame(luma)))
        return changes

    def kinds(self, count: int) -> list[str]:
        return [one["kind"] for one in self.published(count)]

    def _frame(self, luma: Image) -> Frame:
        at_s = self.clock.monotonic()
        return Frame(luma, at_s, self.clock.now(), 0, lambda: np.stack([luma] * 3, axis=2))


@pytest.fixture
def front(runs: Runs) -> Front:
    return Front(runs)


def test_a_covered_lens_is_published_with_two_pictures(front: Front, state: State) -> None:
    front.see(ROOM, 20)
    covered_at = front.clock.now()
    front.see(HAND, 30)
    assert front.reports.trouble == (
        "the camera is covered: Look at its lens: something is in front of it, or on it."
    )
    front.see(ROOM, 15)
    assert not front.reports.trouble
    fault, over = front.published(2)
    assert (fault["kind"], over["kind"]) == ("camera_fault", "camera_fault_over")
    since = f"{covered_at.astimezone():%H:%M}"
    assert fault["text"].startswith(f"Camera front is covered since {since}. Look at its lens")
    assert over["text"].startswith("Camera front sees well again since ")
    snapshot = np.frombuffer(state.snapshot(fault["event"]) or b"", np.uint8)
    pair = np.asarray(cv2.imdecode(snapshot, cv2.IMREAD_GRAYSCALE))
    assert pair.shape == (ROWS, 2 * COLUMNS)
    before, after = pair[:70, :COLUMNS], pair[:70, COLUMNS:]
    assert np.abs(before - ROOM[:70]).mean() < 4
    assert np.abs(after - HAND[:70]).mean() < 4


def test_the_pictures_survive_a_kill_before_redis_has_them(front: Front, state: State) -> None:
    front.see(ROOM, 20)
    front.see(HAND, 5)
    (fault,) = front.published(1)
    folder = next(front.folder.glob("events/*/*"))
    assert folder.name == fault["event"]
    assert (folder / "snapshot.jpg").read_bytes() == state.snapshot(fault["event"])
    assert list(EventFolders(front.folder).unfinished_events("front")) == []


def test_another_view_must_be_learned_again(front: Front) -> None:
    assert not any(front.see(ROOM, 20))
    assert front.see(OTHER, 10).count(True) == 1
    # At once: what is known of the other view would make motion of the return.
    assert front.see(ROOM, 10) == [True, *[False] * 16]
    assert "shows another view" in front.published(2)[0]["text"]


def test_a_turn_by_the_mount_is_no_fault(front: Front) -> None:
    front.see(ROOM, 20)
    front.reports.relearn()
    assert not any(front.see(OTHER, 20))
    front.see(HAND, 5)
    assert front.kinds(1) == ["camera_fault"]


def test_a_restart_publishes_neither_again_nor_too_soon(front: Front, runs: Runs) -> None:
    front.see(ROOM, 20)
    front.see(HAND, 5)
    front.published(1)
    until(runs.note(NOTE).exists, "the note")
    front.restart()
    front.see(HAND, 30)
    assert front.kinds(1) == ["camera_fault"]
    front.see(ROOM, 30)
    assert front.kinds(2) == ["camera_fault", "camera_fault_over"]


def test_a_lens_that_is_covered_often_is_published_rarely(front: Front) -> None:
    front.see(ROOM, 20)
    for _ in range(12):
        front.see(HAND, 6)
        front.see(ROOM, 9)
    found = front.published(4)
    kinds = [one["kind"] for one in found]
    assert kinds == ["camera_fault", "camera_fault_over", "camera_fault", "camera_fault"]
    assert "is often covered, turned away or unclear: so 4 times in" in found[-1]["text"]


def test_no_fault_is_looked_for_when_that_is_off(front: Front) -> None:
    front.see(ROOM, 20)
    front.reports.configure(False)
    front.see(HAND, 10)
    front.reports.configure(True)
    front.see(ROOM, 20)
    front.see(HAND, 5)
    (fault,) = front.published(1)
    assert fault["kind"] == "camera_fault"
