"""The trace of an event is on disk when the event has ended."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from app import protocol
from app.clock import FakeClock
from app.daemons.security_system.event_traces import EventTraces
from app.daemons.security_system.person_watch import PersonWatch
from app.daemons.security_system.publisher import Publisher
from app.detector import Event, Verdict
from app.frames import Frame
from app.motion.base import MotionSettings
from app.recording.event_folder import EventFolders
from app.recording.trace import EventTrace
from app.state import State
from tests.daemons.security_system.publishing import publishing
from tests.waiting import until

BEGAN = FakeClock().now()
EVENT = protocol.event_id(BEGAN, "front")


class Visit:
    """An event of the camera front, of which only the trace is kept."""

    def __init__(self, folder: Path, publisher: Publisher) -> None:
        self.folders = EventFolders(folder)
        self.folder = self.folders.folder(EVENT, BEGAN)
        self.publisher = publisher
        self.watch = PersonWatch(None, folder)
        self.traces = EventTraces(publisher, self.watch)

    def frame(self, at_s: float) -> Frame:
        luma = np.zeros((240, 320), np.uint8)
        return Frame(luma, at_s, BEGAN + timedelta(seconds=at_s), 0, lambda: luma)

    def add(self, at_s: float, area_px: float, hidden: float | None) -> None:
        verdict = Verdict(*(False, 0.0, (), False, None, None), changed_px=area_px, hidden=hidden)
        self.traces.add(self.frame(at_s), verdict)

    def happen(self) -> None:
        self.add(-0.1, 390.2, None)
        self.traces.begin(EVENT, Event(1, 0.0, None, 500.0, (), True))
        self.add(0.0, 5120.4, 0.714)
        self.watch.on_look(0.0, 0.83)
        self.traces.end(self.frame(0.0), MotionSettings())


@pytest.fixture
def visit(state: State, tmp_path: Path) -> Iterator[Visit]:
    with publishing(state, tmp_path) as publisher:
        yield Visit(tmp_path, publisher)


def test_it_has_the_figures_and_what_they_must_reach(visit: Visit) -> None:
    visit.folder.mkdir(parents=True)
    visit.happen()
    trace = until(lambda: visit.folders.trace(EVENT, BEGAN), "the trace is written")
    assert trace == EventTrace(
        *((-0.1, 0.0), (390, 5120), (None, 0.71)),
        score=(None, 0.83),
        least_area_px=525.0,
        least_hidden=0.58,
    )


def test_a_disk_that_refuses_it_is_no_trouble(
    visit: Visit, caplog: pytest.LogCaptureFixture
) -> None:
    (visit.folder / ".trace.json.part").mkdir(parents=True)
    visit.happen()
    until(lambda: f"event {EVENT} has no trace" in caplog.text, "it is logged")
    assert visit.publisher.disk_trouble is None
    visit.publisher.check()
