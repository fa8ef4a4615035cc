"""Tries the settings on every tagged event, in several processes."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context

import cv2

from app.config import CameraConfig, Config
from app.errors import WorldError
from app.evaluation.archive.files import open_files
from app.evaluation.archive.index import Archive, ArchivedEvent
from app.evaluation.archive.sample import SampleError
from app.evaluation.evaluate.judging import Judging
from app.evaluation.tune.footage import read_footage
from app.evaluation.tune.knobs import Knobs, detector_knobs
from app.evaluation.tune.replaying import openings
from app.people.choice import make_model


@dataclass(frozen=True, slots=True)
class TriedEvent:
    """The result for *event*: whether each of the settings *opens* it, and its best person *score*.

    *opens* is empty where nobody has tagged it, and where it cannot be replayed; *problem* then
    says why not. *score* is None where it is unknown.
    """

    event: str
    opens: dict[Knobs, bool]
    score: float | None
    problem: str | None = None


class Trials:
    """Tries the settings on events of the archive at *place*; *every* is as for `evaluate`."""

    def __init__(self, place: str, config: Config, every: int) -> None:
        self._config = config
        self._files = open_files(place, config.s3)
        model = make_model(config.people, config.models_dir)
        self._judging = Judging(Archive(self._files, (), {}), config, model, every)
        self._tried = detector_knobs(config)

    def try_(self, event: ArchivedEvent) -> TriedEvent:
        """Return what comes of *event*."""
        score = self._judging.see(event).score
        if event.label is None:
            return TriedEvent(event.id, {}, score)
        camera = self._config.cameras.get(event.camera, CameraConfig())
        try:
            frames = read_footage(self._files, event, camera.fps)
        except (SampleError, WorldError, OSError) as error:
            return TriedEvent(event.id, {}, score, str(error))
        return TriedEvent(event.id, openings(frames, self._config, camera, self._tried), score)


def try_all(
    place: str, config: Config, every: int, events: Sequence[ArchivedEvent], jobs: int
) -> Iterator[TriedEvent]:
    """Yield what comes of each of *events*, in any order, by so many processes, *jobs*."""
    if jobs == 1:
        _begin(place, config, every)
        yield from map(_try, events)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn"), _begin, (place, config, every)) as pool:
        try:
            for done in as_completed([pool.submit(_try, event) for event in events]):
                yield done.result()
        finally:
            pool.shutdown(cancel_futures=True)


#: The trials of this process.
_shared: list[Trials] = []


def _begin(place: str, config: Config, every: int) -> None:
    cv2.setNumThreads(1)
    _shared[:] = [Trials(place, config, every)]


def _try(event: ArchivedEvent) -> TriedEvent:
    return _shared[0].try_(event)
