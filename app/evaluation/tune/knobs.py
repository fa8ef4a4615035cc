"""The settings that are tuned, and the values that are tried for each.

docs/tuning.md says which are left out, and why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

from app.config import Config
from app.detector import EventSettings
from app.motion.base import MotionSettings
from app.people.base import PeopleSettings, PersonModel

Value = float | str
#: A value for each tuned key, in a fixed order, as in (("motion.min_size", 0.004),).
Knobs = tuple[tuple[str, Value], ...]
_TIMES = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6)
_MIN_SIZES = tuple(round(times * MotionSettings().min_size, 5) for times in _TIMES)
_CLASSIC: Mapping[str, Sequence[float]] = {
    "motion.min_area": (1250.0, 2500.0, 5000.0, 10000.0, 20000.0),
    "motion.delta_thresh": (3, 5, 8, 12),
    "events.min_occupied_fraction": (0.3, 0.45, 0.6, 0.8),
}
_THRESHOLDS = (0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7, 0.8)
_MEMORIES_S = (0.0, 60.0, 300.0, 900.0)


def detector_knobs(config: Config) -> list[Knobs]:
    """Return what is tried of the detector's settings, by both methods; the present ones first."""
    motion, events = config.motion, config.events
    classic = {
        "motion.min_area": motion.min_area,
        "motion.delta_thresh": motion.delta_thresh,
        "events.min_occupied_fraction": events.min_occupied_fraction,
    }
    by_structure = _grid(
        {
            "motion.method": ("structure",),
            "motion.min_size": (motion.min_size, *_MIN_SIZES),
            **{key: (value,) for key, value in classic.items()},
        }
    )
    by_average = _grid(
        {
            "motion.method": ("running_average",),
            "motion.min_size": (motion.min_size,),
            **{key: (value, *_CLASSIC[key]) for key, value in classic.items()},
        }
    )
    if motion.method == "structure":
        return [*by_structure, *by_average]
    return [*by_average, *by_structure]


def people_knobs(people: PeopleSettings, model: PersonModel | None) -> list[Knobs]:
    """Return what is tried of the person model's settings; only () where it decides nothing."""
    asks = people.require_person
    if model is None or not (model.decides if asks == "auto" else asks):
        return [()]
    threshold = model.threshold if people.threshold is None else people.threshold
    return _grid(
        {
            "people.threshold": (threshold, *_THRESHOLDS),
            "people.memory_s": (people.memory_s, *_MEMORIES_S),
        }
    )


def with_knobs(
    motion: MotionSettings, events: EventSettings, knobs: Knobs
) -> tuple[MotionSettings, EventSettings]:
    """Return the settings of a detector with the values of *knobs*."""
    values = dict(knobs)
    of_motion = {key[7:]: value for key, value in values.items() if key.startswith("motion.")}
    of_events = {key[7:]: value for key, value in values.items() if key.startswith("events.")}
    return replace(motion, **of_motion), replace(events, **of_events)  # type: ignore[arg-type]


def shown(value: Value) -> str:
    """Return *value* as somebody would write it."""
    return value if isinstance(value, str) else f"{value:g}"


def _grid(values: Mapping[str, Sequence[Value]]) -> list[Knobs]:
    choices = [[(key, one) for one in dict.fromkeys(several)] for key, several in values.items()]
    return list(product(*choices))
