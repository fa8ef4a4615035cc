"""Runs a person model in a process of its own, and hands it one crop after another.

A model may take long, use much memory or crash, and nothing in the camera's program waits for it. A
thread talks with the process, and starts it again when it has ended.
"""

import logging
import math
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from app.backoff import Backoff
from app.frames import Box, Detection, Frame, Image
from app.people.base import ModelRefusal, PeopleSettings
from app.people.child import Child, Spawner
from app.people.crops import CpuShare, Crop, CropQueue, Followed, cut, in_picture
from app.people.framing import PipeBroken, read_message, write_message
from app.worker import Worker

#: The longest time for which the process may load its model, and look at one crop.
START_S, ANSWER_S = 120.0, 20.0
#: A process that has worked for so long was no failed try.
_WORKED_S = 60.0
#: After so many failures in a row the model counts as unusable.
_MOST_FAILURES = 3
_LONGEST_DELAY_S = 300.0
#: At most so many crops wait.
MOST_WAITING = 4
#: The longer side of a crop that the process gets, in pixels: a model sees less than that.
_MOST_SIDE_PX = 640

_log = logging.getLogger(__name__)


class Look(NamedTuple):
    """A look of the model at *followed*, which a motion method follows, in *frame*."""

    followed: Followed
    frame: Frame

    @property
    def number(self) -> int:
        """The number of its track."""
        return self.followed.number or 0

    @property
    def confirmed(self) -> bool:
        """True when its track is motion."""
        return self.followed.confirmed


class LookAnswer(NamedTuple):
    """An answer of the model: what it *found* in a look, in the pixels of the whole picture."""

    look: Look
    found: tuple[Detection, ...]


@dataclass(frozen=True, slots=True)
class ModelReport:
    """The report of a process on its model: *name*, or None when no model is usable.

    *summary* is a line for the log, and *problem* a text for the owner, None without a problem.
    """

    name: str | None
    threshold: float
    decides: bool
    summary: str
    problem: str | None


@dataclass(slots=True)
class ModelCounts:
    """Figures since the start of the program."""

    looks: int = 0
    left_out: int = 0
    cpu_s: float = 0.0
    starts: int = 0
    #: The seconds from the picture to the answer of the newest look.
    delay_s: float | None = None


class ModelHost:
    """The process of the model of *settings*, whose files are in *folder*; it counts in *counts*.

    Any method may be called by the camera's loop, and none waits. If the model may *decide* about
    alerts, it is loaded at once; else at the first look. *spawner* gives the processes.
    *imx500* is the reason why it is not the network in the camera, None for the usual one.
    """

    #: The seconds between two looks at the same track; None for few looks, because each costs time.
    every_s: float | None = None

    def __init__(
        self,
        settings: PeopleSettings,
        folder: Path,
        counts: ModelCounts,
        *,
        decides: bool = True,
        spawner: Spawner | None = None,
        imx500: ModelRefusal | None = None,
    ) -> None:
        self._imx500 = imx500
        self._spawner = spawner or Spawner()
        self._settings = settings
        self._folder = folder
        self._counts = counts
        self._share = CpuShare(settings.max_cpu)
        self._backoff = Backoff(_LONGEST_DELAY_S)
        self._start_at_s = self._ready_s = -math.inf
        self._decides = decides
        self._child: Child | None = None
        self._looks = CropQueue[Look](MOST_WAITING)
        self._answers: list[LookAnswer] = []
        self._lock = threading.Lock()
        self._closing = False
        self._worker = Worker("people", self._step, START_S + ANSWER_S)
        #: What the process last said of its model; None before that.
        self.report: ModelReport | None = None
        #: Whether looks are answered now.
        self.ready = False
        #: The reason why looks are not answered, None while they are.
        self.trouble: str | None = None

    @property
    def problem(self) -> str | None:
        """The reason, for the owner, why the configured model cannot be used; None if it can."""
        if self._backoff.failures >= _MOST_FAILURES:
            return f"A person model cannot be used: {self.trouble}."
        return self.report.problem if self.report else None

    def start(self) -> None:
        """Start the thread, which starts the process."""
        self._worker.start()

    def check(self) -> None:
        """See whether the process has ended; `RuntimeError` when a mistake has ended the thread."""
        self._worker.check()
        child = self._child
        if self.ready and child and child.has_ended():
            self._worker.wake()

    def can_look(self, frame: Frame) -> bool:  # noqa: ARG002 (the network in a camera needs it)
        """Return True: it can look at any frame."""
        return True

    def offer(self, look: Look) -> None:
        """Have the model do *look*, instead of an older look at the same track that still waits."""
        with self._lock:
            self._looks.put(look)
            self._counts.left_out = self._looks.left_out
        self._worker.wake()

    def forget(self) -> None:
        """Do none of the looks that wait."""
        with self._lock:
            self._looks.clear()

    def take(self) -> list[LookAnswer]:
        """Return the answers since the last call, the oldest first."""
        if not self._answers:
            return []
        with self._lock:
            answers, self._answers = self._answers, []
        return answers

    def close(self) -> None:
        """End the process and the thread, soon."""
        self._closing, self.ready = True, False
        if child := self._child:
            child.end()
        self._worker.wake()

    def _step(self) -> float:
        """Start the process, or do one look; return the seconds until the next step."""
        try:
            return self._work()
        except PipeBroken as error:
            return self._failed(str(error))
        finally:
            if self._closing:
                self._end_process()
                self._worker.ask_to_stop()

    def _work(self) -> float:
        now_s = time.monotonic()
        if self._closing or (self.report and self.report.name is None):
            return math.inf
        if self._child is None:
            return self._begin_when_due(now_s)
        if self._child.has_ended():
            raise PipeBroken("it has ended")
        wait_s = self._share.free_at() - now_s
        if wait_s > 0:
            return wait_s
        with self._lock:
            look = self._looks.take()
        if look is None:
            return math.inf
        self._look(self._child, look)
        return 0.0

    def _begin_when_due(self, now_s: float) -> float:
        """Start the process, unless that must wait; return the seconds until the next step."""
        if now_s < self._start_at_s:
            return self._start_at_s - now_s
        if not (self._decides or self._looks):
            return math.inf
        self._begin()
        return 0.0

    def _begin(self) -> None:
        self._counts.starts += 1
        child = self._child = self._spawner.spawn()
        asked = {
            "settings": asdict(self._settings),
            "folder": str(self._folder),
            "imx500": self._imx500,
        }
        write_message(child.writer, asked, within_s=ANSWER_S)
        report = _report(read_message(child.reader, START_S).fields)
        if self.report is None or self.report.summary != report.summary:
            _log.info("%s", report.summary)
        self.report, self.trouble, self._decides = report, None, report.decides
        if report.name is None:
            self._end_process()
            return
        if self._backoff.failures:
            _log.info("the process of the person model works again")
        self._ready_s = time.monotonic()
        self.ready = True

    def _look(self, child: Child, look: Look) -> None:
        began_s = time.monotonic()
        crop = cut(look.frame.bgr(), look.followed, look.frame.at_s)
        scale, picture = _shrunk(crop)
        rows, columns = picture.shape[:2]
        asked = {"rows": rows, "columns": columns}
        write_message(child.writer, asked, picture.data.cast("B"), within_s=ANSWER_S)
        answer = read_message(child.reader, ANSWER_S).fields
        found, cpu_s = _found(answer, scale)
        self._share.used(cpu_s, time.monotonic())
        self._counts.looks += 1
        self._counts.cpu_s += cpu_s
        self._counts.delay_s = round(time.monotonic() - began_s, 3)
        with self._lock:
            self._answers.append(LookAnswer(look, tuple(in_picture(found, crop.box))))
            del self._answers[:-MOST_WAITING]
        if self._backoff.failures and time.monotonic() - self._ready_s > _WORKED_S:
            self._backoff.reset()

    def _failed(self, why: str) -> float:
        """Record that the process is of no use, and end it; return the seconds until the next."""
        self._end_process()
        if self._closing:
            return math.inf
        delay_s = self._backoff.failed()
        self._start_at_s = time.monotonic() + delay_s
        self.trouble = f"the process of the person model is of no use: {why}"
        _log.warning("%s; it is started again in %.0f s", self.trouble, delay_s)
        return delay_s

    def _end_process(self) -> None:
        self.ready = False
        child, self._child = self._child, None
        if child:
            child.close()


def _report(fields: Mapping[str, Any]) -> ModelReport:
    match fields:
        case {
            "name": str() | None as name,
            "threshold": int() | float() as threshold,
            "decides": bool() as decides,
            "summary": str() as summary,
            "problem": str() | None as problem,
        }:
            return ModelReport(name, float(threshold), decides, summary, problem)
    raise PipeBroken("it says nothing useful about its model")


def _found(fields: Mapping[str, Any], scale: float) -> tuple[list[Detection], float]:
    """Return what an answer says that the model found, *scale* times as large, and its CPU time."""
    match fields:
        case {"failed": str() as why, "details": str() as details}:
            if details:
                _log.warning("the person model fails: %s", details)
            raise PipeBroken(why)
        case {"found": list() as found, "cpu_s": int() | float() as cpu_s} if cpu_s >= 0:
            return [_detection(one, scale) for one in found], float(cpu_s)
    raise PipeBroken("its answer cannot be read")


def _detection(plain: object, scale: float) -> Detection:
    match plain:
        case [
            [int() as x, int() as y, int() as width, int() as height],
            int() | float() as score,
            str() as kind,
        ] if 0 <= score <= 1:
            box = Box(*(round(value * scale) for value in (x, y, width, height)))
            return Detection(box, float(score), kind)
    raise PipeBroken("its answer cannot be read")


def _shrunk(crop: Crop) -> tuple[float, Image]:
    """Return the picture of *crop*, made smaller when it is large, and by how much."""
    import cv2
    import numpy as np

    rows, columns = crop.picture.shape[:2]
    scale = max(rows, columns) / _MOST_SIDE_PX
    if scale <= 1:
        return 1.0, np.ascontiguousarray(crop.picture)
    size = max(round(columns / scale), 1), max(round(rows / scale), 1)
    smaller = cv2.resize(crop.picture, size, interpolation=cv2.INTER_AREA)
    return scale, np.asarray(smaller, np.uint8)
