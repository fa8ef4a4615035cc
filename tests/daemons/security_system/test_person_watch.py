"""A camera's model is started, used and ended as its settings say."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.cameras.base import NetworkReport
from app.clock import FakeClock
from app.daemons.security_system.findings import NOTHING_FOUND
from app.daemons.security_system.person_watch import PersonWatch
from app.detector import Detector, Event, EventSettings, Verdict
from app.frames import Box, Frame
from app.motion import make_motion
from app.motion.base import MotionSettings
from app.people.base import PeopleSettings
from tests.people.processes import await_end_of_models, model_processes
from tests.waiting import until

EVENT = Event(1, 1.0, None, 500.0, (Box(1, 2, 3, 4),), True)
STILL = Verdict(False, 0.0, (), learning=False, event=None, changed=None)


@pytest.fixture(autouse=True)
def ends() -> Iterator[None]:
    """The models of one test do not run in the next one."""
    yield
    await_end_of_models()


def frame(at_s: float) -> Frame:
    luma = np.zeros((240, 320), np.uint8)
    return Frame(luma, at_s, FakeClock().now(), 0, lambda: np.zeros((240, 320, 3), np.uint8))


def detector() -> Detector:
    return Detector(make_motion(MotionSettings(), (), 25, ()), EventSettings())


def test_a_camera_without_a_model_decides_nothing(tmp_path: Path) -> None:
    watch = PersonWatch(None, tmp_path)
    watch.open()
    watch.look(frame(1.0), STILL, detector())
    assert watch.opened(EVENT, frame(1.0), 0.0) is None
    assert watch.step(frame(2.0), detector(), 1.0) is None
    assert watch.closed() is None
    assert watch.findings == NOTHING_FOUND
    assert watch.counters() == {"decisions": {}}


def test_with_the_backend_none_every_alert_is_sent(tmp_path: Path) -> None:
    watch = PersonWatch(PeopleSettings("none"), tmp_path)
    watch.open()
    assert watch.opened(EVENT, frame(1.0), 0.0) == "sent"
    assert watch.counters() == {"decisions": {"sent": 1}}
    assert not model_processes()


def test_another_model_takes_the_place_of_the_first(tmp_path: Path) -> None:
    first, second = PeopleSettings("scripted"), PeopleSettings("none")
    watch = PersonWatch(first, tmp_path)
    watch.open()
    until(lambda: watch.is_known, "the model is known")
    watch.step(frame(0.5), detector(), 0.5)
    assert watch.opened(EVENT, frame(1.0), 1.0) == "waiting"
    assert watch.closed() == "sent"
    assert watch.counters()["people_model"] == "scripted"
    assert watch.has(first, tmp_path)
    watch.configure(second, tmp_path)
    watch.open()
    until(lambda: not model_processes(), "the process ends")
    assert watch.opened(EVENT, frame(9.0), 9.0) == "sent"
    assert watch.problem is None


def test_an_absent_model_is_a_problem_and_decides_nothing(tmp_path: Path) -> None:
    watch = PersonWatch(PeopleSettings("onnx"), tmp_path)
    watch.open()
    problem = until(lambda: watch.problem, "the problem is known")
    assert "onnx" in problem
    watch.step(frame(0.5), detector(), 0.5)
    assert watch.opened(EVENT, frame(1.0), 1.0) == "sent"
    watch.close()


def test_the_network_in_the_camera_needs_no_process(tmp_path: Path) -> None:
    watch = PersonWatch(PeopleSettings(), tmp_path)
    watch.open(may_have_network=True)
    assert watch.counters() == {"decisions": {}}
    watch.use_network(NetworkReport("ssd.rpk"))
    watch.use_network(NetworkReport("ssd.rpk"))
    watch.step(frame(0.5), detector(), 0.5)
    assert watch.opened(EVENT, frame(1.0), 1.0) == "waiting"
    assert watch.counters()["people_model"] == "imx500"
    assert not model_processes()
    assert watch.closed() == "sent"
    watch.close()


def test_without_the_network_in_the_camera_another_model_is_used(tmp_path: Path) -> None:
    watch = PersonWatch(PeopleSettings(), tmp_path)
    watch.open(may_have_network=True)
    watch.use_network(NetworkReport("ssd.rpk"))
    watch.use_network(NetworkReport(None, "ssd.rpk is not usable", broken=True))
    problem = until(lambda: watch.problem, "the problem is known")
    assert "imx500: ssd.rpk is not usable" in problem
    assert watch.counters()["people_model"] == "hog"
    watch.close()
    until(lambda: not model_processes(), "the process ends")


def test_a_camera_that_says_nothing_of_a_network_has_a_model(tmp_path: Path) -> None:
    watch = PersonWatch(PeopleSettings("scripted"), tmp_path)
    watch.open(may_have_network=True)
    watch.use_network(None)
    until(lambda: watch.is_known, "the model is known")
    watch.close()
    until(lambda: not model_processes(), "the process ends")
