"""The alerts that the person rule would send."""

from datetime import timedelta

from app.evaluation.archive.index import ArchivedEvent
from app.evaluation.tune.knobs import Knobs
from app.evaluation.tune.sending import sends
from app.people.base import PeopleSettings
from app.protocol import event_id
from tests.evaluation.tagged import NOON

SCORES = (0.5, 0.1, None, 0.3)
EVENTS = [
    ArchivedEvent(event_id(at, "front"), "front", at)
    for at in (NOON + timedelta(seconds=100 * number) for number in range(len(SCORES)))
]


def sent(knobs: Knobs, *, decides: bool = True) -> list[bool]:
    scores = {one.id: score for one, score in zip(EVENTS, SCORES, strict=True)}
    found = sends(EVENTS, scores, PeopleSettings(), knobs, decides=decides)
    return [found[one.id] for one in EVENTS]


def test_a_threshold_and_a_memory_decide() -> None:
    def knobs(threshold: float, memory_s: float) -> Knobs:
        return (("people.threshold", threshold), ("people.memory_s", memory_s))

    assert sent(knobs(0.4, 0)) == [True, False, True, False]
    assert sent(knobs(0.4, 150)) == [True, True, True, False]
    assert sent(knobs(0.4, 900)) == [True, True, True, True]
    assert sent(knobs(0.2, 0)) == [True, False, True, True]
    assert sent(knobs(0.9, 900)) == [False, False, True, False]


def test_without_a_model_that_decides_all_are_sent() -> None:
    assert sent((), decides=False) == [True] * 4
    assert sent(()) == [True] * 4
