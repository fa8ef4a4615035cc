"""Replays a recorded event with several settings of the detector."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.config import CameraConfig, Config
from app.config.of_camera import unjudged_areas
from app.detector import Detector, EventSettings
from app.evaluation.tune.knobs import Knobs, with_knobs
from app.frames import Frame, Image
from app.motion import make_motion
from app.motion.base import MotionModel, MotionSettings, Sighting


@dataclass(frozen=True, slots=True)
class _Seen:
    """A sighting by the classic method, without its verdict."""

    area_px: float
    learning: bool


class RecordedMotion(MotionModel):
    """Repeats what the classic method has *seen* in each picture, with another *min_area*."""

    def __init__(self, seen: Iterable[_Seen], min_area: float) -> None:
        self._seen = iter(seen)
        self._min_area = min_area

    def judge(self, luma: Image, span: int = 255, at_s: float | None = None) -> Sighting:  # noqa: ARG002
        one = next(self._seen)
        moves = one.area_px > self._min_area and not one.learning
        return Sighting(moves, one.area_px, (), one.learning)

    def relearn(self) -> None:
        """Do nothing: a recording is one scene."""


def openings(
    frames: Sequence[Frame], config: Config, camera: CameraConfig, tried: Sequence[Knobs]
) -> dict[Knobs, bool]:
    """Return for each of the settings *tried* whether an event opens in *frames*."""
    by_threshold = defaultdict(list)
    found: dict[Knobs, bool] = {}
    for knobs in tried:
        values = dict(knobs)
        if values["motion.method"] == "structure":
            found[knobs] = _opens(frames, config, camera, knobs)
        else:
            by_threshold[values["motion.delta_thresh"]].append(knobs)
    for several in by_threshold.values():
        found.update(_classic_openings(frames, config, camera, several))
    return found


def _opens(frames: Iterable[Frame], config: Config, camera: CameraConfig, knobs: Knobs) -> bool:
    motion, events = with_knobs(config.motion, config.events.for_detector(), knobs)
    model = make_motion(motion, unjudged_areas(camera), camera.fps, camera.zones)
    return _opens_with(model, events, frames, camera.fps)


def _opens_with(
    model: MotionModel, events: EventSettings, frames: Iterable[Frame], fps: float
) -> bool:
    detector = Detector(model, events, fps=fps)
    return any((event := detector.judge(frame).event) and event.alert for frame in frames)


def _classic_openings(
    frames: Sequence[Frame], config: Config, camera: CameraConfig, tried: Sequence[Knobs]
) -> Mapping[Knobs, bool]:
    """Return the openings of settings with the same threshold: the pictures are judged once."""
    motion, _ = with_knobs(config.motion, config.events.for_detector(), tried[0])
    seen = _areas(frames, motion, camera)
    found = {}
    for knobs in tried:
        motion, events = with_knobs(config.motion, config.events.for_detector(), knobs)
        recorded = RecordedMotion(seen, motion.min_area)
        found[knobs] = _opens_with(recorded, events, frames, camera.fps)
    return found


def _areas(frames: Iterable[Frame], motion: MotionSettings, camera: CameraConfig) -> list[_Seen]:
    model = make_motion(motion, unjudged_areas(camera), camera.fps, camera.zones)
    judged = (model.judge(one.luma, one.luma_span, one.at_s) for one in frames)
    return [_Seen(one.area_px, one.learning) for one in judged]
