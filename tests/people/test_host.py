"""The process of a person model is started, used, replaced and ended; a script is the model."""

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
import pytest

from app.frames import Box, Frame
from app.people.base import PeopleSettings
from app.people.host import MOST_WAITING, Look, LookAnswer, ModelCounts, ModelHost
from tests.people.processes import await_end_of_models, model_processes
from tests.waiting import until

PERSON = [{"kind": "person", "score": 0.9, "box": [0.25, 0.25, 0.5, 0.5]}]


@pytest.fixture(autouse=True)
def ends() -> Iterator[None]:
    """The models of one test do not run in the next one."""
    yield
    await_end_of_models()


class Blob(NamedTuple):
    """What a motion method follows."""

    number: int | None
    box: Box
    area_px: float = 1.0
    confirmed: bool = True
    seen: bool = True


class Hosted:
    """A model's process that answers as a script says; a test may change it at any time."""

    def __init__(self, folder: Path, max_cpu: float = 4.0) -> None:
        self.script = folder / "answers.json"
        self.answer([PERSON])
        self.counts = ModelCounts()
        settings = PeopleSettings("scripted", str(self.script), max_cpu=max_cpu)
        self.host = ModelHost(settings, folder, self.counts)

    def answer(self, answers: Any) -> None:
        part = self.script.with_suffix(".part")
        part.write_text(json.dumps(answers))
        part.replace(self.script)

    def process(self) -> psutil.Process:
        """Wait until the process is ready, and return it."""
        until(self.is_ready, "the process is ready")
        (found,) = model_processes()
        return found

    def is_ready(self) -> bool:
        self.host.check()
        return self.host.ready

    def look(self, number: int = 1, size: tuple[int, int] = (240, 320)) -> None:
        picture = np.zeros((*size, 3), np.uint8)
        now_s = time.monotonic()
        frame = Frame(picture[:, :, 0], now_s, datetime.now(UTC), 0, lambda: picture)
        self.host.offer(Look(Blob(number, Box(100, 60, 80, 120)), frame))

    def answers(self, count: int = 1) -> list[LookAnswer]:
        found: list[LookAnswer] = []

        def take() -> bool:
            self.host.check()
            found.extend(self.host.take())
            return len(found) >= count

        until(take, f"{count} answers come")
        return found


@pytest.fixture
def hosted(tmp_path: Path) -> Iterator[Hosted]:
    opened = Hosted(tmp_path)
    opened.host.start()
    yield opened
    opened.host.close()
    until(lambda: not model_processes(), "the process ends")


def test_an_answer_is_in_the_pixels_of_the_picture(hosted: Hosted) -> None:
    hosted.look()
    ((look, (found,)),) = hosted.answers()
    assert (look.number, found.kind, found.score) == (1, "person", 0.9)
    assert found.box == Box(95, 75, 90, 90)
    assert hosted.host.report is not None
    assert (hosted.host.report.name, hosted.host.report.decides) == ("scripted", True)
    assert hosted.counts.looks == hosted.counts.starts == 1


def test_a_large_crop_is_made_smaller_and_its_boxes_larger(hosted: Hosted) -> None:
    picture = np.zeros((3000, 4000, 3), np.uint8)
    frame = Frame(picture[:, :, 0], 0.0, datetime.now(UTC), 0, lambda: picture)
    hosted.host.offer(Look(Blob(1, Box(0, 0, 4000, 3000)), frame))
    ((_, (found,)),) = hosted.answers()
    assert np.allclose(found.box, (1000, 750, 2000, 1500), atol=8)


def test_the_newest_look_at_each_track_waits_at_most_four(hosted: Hosted) -> None:
    hosted.answer([{"takes_s": 0.3, "finds": PERSON}])
    hosted.process()
    hosted.look(0)
    until(lambda: not hosted.host._looks, "the first look begins")
    for number in (1, 2, 3, 1, 4, 5):
        hosted.look(number)
    numbers = [answer.look.number for answer in hosted.answers(1 + MOST_WAITING)]
    assert numbers == [0, 2, 3, 4, 5]
    assert hosted.counts.left_out == 2


def test_a_killed_process_is_started_again(hosted: Hosted) -> None:
    hosted.process().kill()
    until(lambda: not hosted.is_ready(), "its end is noticed")
    until(lambda: "has ended" in (hosted.host.trouble or ""), "its end is reported")
    hosted.process()
    assert hosted.host.trouble is None
    hosted.look()
    assert hosted.answers()
    assert hosted.counts.starts == 2


def test_a_process_that_hangs_is_replaced(hosted: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.people.host.ANSWER_S", 0.5)
    stopped = hosted.process()
    stopped.suspend()
    hosted.look()
    until(lambda: not stopped.is_running(), "the stopped process is ended")
    assert hosted.process().pid != stopped.pid


def test_a_model_that_fails_again_and_again_is_a_problem(hosted: Hosted) -> None:
    hosted.answer([{"fails": "there is smoke"}])
    for _ in range(3):
        hosted.process()
        hosted.look()
        until(lambda: not hosted.is_ready(), "it fails")
    problem = until(lambda: hosted.host.problem, "the problem is known")
    assert "A person model cannot be used" in problem
    assert "there is smoke" in problem


def test_a_file_that_is_no_model_is_a_problem_and_no_loop(tmp_path: Path) -> None:
    hosted = Hosted(tmp_path)
    hosted.script.write_bytes(os.urandom(1000))
    hosted.host.start()
    report = until(lambda: hosted.host.report, "the process reports")
    assert report.name is None
    assert "answers.json" in (hosted.host.problem or "")
    hosted.look()
    until(lambda: not model_processes(), "the process ends")
    assert hosted.counts.starts == 1
    hosted.host.close()


def test_a_model_that_only_annotates_starts_with_the_first_look(tmp_path: Path) -> None:
    hosted = Hosted(tmp_path)
    hosted.host = ModelHost(PeopleSettings("hog"), tmp_path, hosted.counts, decides=False)
    hosted.host.start()
    assert not model_processes()
    hosted.look()
    assert hosted.answers()
    hosted.host.close()


def test_the_model_keeps_to_its_share_of_the_processor(tmp_path: Path) -> None:
    hosted = Hosted(tmp_path, max_cpu=0.001)
    hosted.host.start()
    process = hosted.process()
    before_s, began_s = sum(process.cpu_times()[:2]), time.monotonic()
    while time.monotonic() - began_s < 2.0:
        hosted.look(size=(900, 900))
        time.sleep(0.005)
    used_s = sum(process.cpu_times()[:2]) - before_s
    assert used_s < 0.2 * (time.monotonic() - began_s)
    assert hosted.counts.left_out > hosted.counts.looks
    hosted.host.close()
