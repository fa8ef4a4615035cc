"""The settings that are tried."""

import pytest
from pydantic import TypeAdapter

from app.config import Config
from app.detector import EventSettings
from app.evaluation.tune.knobs import detector_knobs, people_knobs, shown, with_knobs
from app.motion.base import MotionSettings
from app.people.base import PeopleSettings
from app.people.scripted import ScriptedModel


@pytest.mark.parametrize("method", ["structure", "running_average"])
def test_the_present_settings_are_tried_first(method: str) -> None:
    motion = MotionSettings(method=method, min_size=0.03, min_area=77)  # type: ignore[arg-type]
    config = Config(motion=motion)
    tried = detector_knobs(config)
    events = config.events.for_detector()
    assert with_knobs(motion, events, tried[0]) == (motion, events)
    assert len(set(tried)) == len(tried)
    assert {dict(one)["motion.method"] for one in tried} == {"structure", "running_average"}
    assert len({tuple(key for key, _ in one) for one in tried}) == 1


def test_every_value_that_is_tried_is_valid() -> None:
    config = Config()
    for knobs in detector_knobs(config):
        motion, events = with_knobs(config.motion, config.events.for_detector(), knobs)
        for settings, kind in ((motion, MotionSettings), (events, EventSettings)):
            TypeAdapter(kind).validate_python(
                {name: getattr(settings, name) for name in kind.__dataclass_fields__}
            )


def test_the_person_model_is_tuned_only_where_it_decides() -> None:
    model = ScriptedModel()
    assert people_knobs(PeopleSettings(), None) == [()]
    assert people_knobs(PeopleSettings(require_person=False), model) == [()]
    tried = people_knobs(PeopleSettings(threshold=0.42), model)
    assert tried[0] == (("people.threshold", 0.42), ("people.memory_s", 300.0))
    assert dict(people_knobs(PeopleSettings(), model)[0])["people.threshold"] == model.threshold


def test_values_are_shown_as_they_are_written() -> None:
    assert [shown(one) for one in (0.0028, 5000.0, "structure")] == ["0.0028", "5000", "structure"]
