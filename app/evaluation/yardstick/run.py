"""Runs the detector over the scenes, in several processes."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import cv2

from app.detector import Detector, EventSettings
from app.evaluation.people_replay import sent_alerts
from app.evaluation.yardstick.drawn import (
    encode,
    frames_of,
    read_frames,
    read_labels,
    write_labels,
)
from app.evaluation.yardstick.footage import Footage
from app.evaluation.yardstick.scenes import stage
from app.evaluation.yardstick.score import Score, Span, score
from app.evaluation.yardstick.staging import Labels
from app.evaluation.yardstick.variants import UNCHANGED, VARIANTS
from app.frames import Frame
from app.motion import make_motion
from app.motion.base import MotionModel, MotionSettings
from app.people.base import PeopleSettings
from app.people.choice import make_model

#: The visits of the scenes are 9 s apart or more, and each must be an event of its own.
_EVENTS = EventSettings(event_gap_s=5.0)
Method = Literal["structure", "running_average"]


@dataclass(frozen=True, slots=True)
class Plan:
    """A run of the yardstick: the *seed* of its scenes, and the detector.

    *without* are parts of the method `structure` that are switched off. The scenes are kept as
    H.264 in *folder*, and shown as the *variant*; without a folder they are drawn for this run
    only, not encoded, and *variant* does not count. With *people*, an event counts from when its
    alert is sent, by a model in *models*.
    """

    seed: int
    method: Method = MotionSettings().method
    without: tuple[str, ...] = ()
    folder: Path | None = None
    variant: str = UNCHANGED
    people: PeopleSettings | None = None
    models: Path = Path("model-files")

    @property
    def fps(self) -> int:
        return VARIANTS[self.variant].fps

    def is_kept(self, name: str) -> bool:
        """Return whether the scene *name* is in the folder."""
        folder = self.folder
        return bool(folder and (folder / f"{name}.mp4").is_file() and name in read_labels(folder))


Result = tuple[Labels, Score]


def run(plan: Plan, names: Iterable[str], footage: Footage | None, jobs: int) -> Iterator[Result]:
    """Yield the labels and the score of each scene of *names*, in any order.

    *footage* is needed for scenes that are not kept. The processes, *jobs* of them, share it. After
    an error, scenes that have not begun are left out.
    """
    cv2.setNumThreads(1)
    if jobs == 1:
        for name in names:
            yield _kept(plan, run_scene(plan, name, footage))
        return
    # A fork shares the footage, which is a gigabyte.
    with ProcessPoolExecutor(jobs, get_context("fork"), _begin, (plan, footage)) as pool:
        try:
            for done in as_completed([pool.submit(_run_shared, name) for name in names]):
                yield _kept(plan, done.result())
        finally:
            pool.shutdown(cancel_futures=True)


def run_scene(plan: Plan, name: str, footage: Footage | None) -> Result:
    """Return the labels of the scene *name*, and how well the detector does on it."""
    if plan.folder and plan.is_kept(name):
        labels = read_labels(plan.folder)[name]
        return labels, score(labels, find_events(plan, _kept_frames(plan, plan.folder, name)))
    if footage is None:
        raise ValueError(f"the scene {name} is not kept, and there is no footage to draw it from")
    staging, rng = stage(name, plan.seed, footage)
    labels, pictures = staging.labels(name), staging.draw(rng)
    if plan.folder:
        plan.folder.mkdir(parents=True, exist_ok=True)
        encode(_file(plan.folder, name), pictures, staging.bitrate)
        return labels, score(labels, find_events(plan, _kept_frames(plan, plan.folder, name)))
    if staging.bitrate is None:
        return labels, score(labels, find_events(plan, frames_of(pictures)))
    with TemporaryDirectory() as folder:
        encode(_file(Path(folder), name), pictures, staging.bitrate)
        return labels, score(labels, find_events(plan, read_frames(_file(Path(folder), name))))


def find_events(plan: Plan, frames: Iterable[Frame]) -> list[Span]:
    """Return the events in *frames*, or the alerts that are sent where the plan has people.

    All other settings but the method and the gap are the defaults.
    """
    detector = Detector(_motion(plan), _EVENTS, fps=plan.fps)
    if plan.people:
        return sent_alerts(detector, plan.people, make_model(plan.people, plan.models), frames)
    closed = []
    for frame in frames:
        verdict = detector.judge(frame)
        if verdict.event and verdict.changed == "closed":
            closed.append(verdict.event)
    if last := detector.end_event():
        closed.append(last)
    return [(one.started_at_s, one.ended_at_s or one.started_at_s) for one in closed]


def _motion(plan: Plan) -> MotionModel:
    settings = MotionSettings(method=plan.method)
    if not plan.without:
        return make_motion(settings, fps=plan.fps)
    from app.motion.parts import without
    from app.motion.structure import StructureMotion

    return StructureMotion(settings, parts=without(*plan.without))


def _kept(plan: Plan, result: Result) -> Result:
    """Record the labels of a scene that is kept, and return *result*."""
    labels, _ = result
    if plan.folder:
        known = read_labels(plan.folder)
        if labels.name not in known:
            write_labels(plan.folder, [*known.values(), labels])
    return result


def _kept_frames(plan: Plan, folder: Path, name: str) -> Iterator[Frame]:
    return VARIANTS[plan.variant].frames(_file(folder, name))


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.mp4"


#: What the processes of a run share.
_shared: list[tuple[Plan, Footage | None]] = []


def _begin(plan: Plan, footage: Footage | None) -> None:
    _shared[:] = [(plan, footage)]


def _run_shared(name: str) -> Result:
    plan, footage = _shared[0]
    return run_scene(plan, name, footage)
