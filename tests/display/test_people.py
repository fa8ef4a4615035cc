"""The words for the looks of a person model, and for the decision about an alert."""

from typing import Any

import pytest

from app.display.people import decision_text, detection_text
from app.frames import Box, Detection
from app.people.rule import Best
from app.people.view import PeopleView

PERSON = Detection(Box(40, 30, 30, 60), 0.874, "person")
CAT, UNSURE = PERSON._replace(score=0.71, kind="cat"), PERSON._replace(score=0.31)


def best(one: Detection, *, person: bool = False) -> Best:
    return Best(1.0, one, person)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"decision": "sent", "why": "person", "best": best(PERSON, person=True)}, "a person .87"),
        ({"decision": "sent", "why": "sure", "best": best(UNSURE)}, "sure"),
        ({"decision": "sent", "why": "remembered", "best": best(CAT)}, "remembered, a cat .71"),
        ({"decision": "sent", "why": "sure", "corrected": CAT}, "sure; corrected: a cat .71"),
        ({"decision": "sent", "why": "no answer"}, "no answer"),
        ({"decision": "held", "why": "nobody", "best": best(UNSURE)}, "nobody"),
        ({"decision": "held", "why": "nobody", "best": best(CAT)}, "a cat .71"),
        ({"decision": "silenced", "why": "like tagged false alarms"}, "like tagged false alarms"),
    ],
)
def test_a_decision_is_shown_with_its_reason(fields: dict[str, Any], text: str) -> None:
    assert decision_text(PeopleView(number=1, **fields)) == f"{fields['decision']}: {text}"


def test_a_decision_without_a_reason_is_shown_alone() -> None:
    assert decision_text(PeopleView(number=1, decision="sent", why="no model")) == "sent"
    assert decision_text(PeopleView(number=1, decision="waiting")) == "waiting for the model"
    assert decision_text(PeopleView(number=1)) == "no alert: too soon after the last"
    assert decision_text(PeopleView(decision="sent", why="sure")) == ""


def test_a_detection_has_its_class_and_its_score() -> None:
    assert detection_text(PERSON) == "person .87"
    assert detection_text(CAT._replace(score=1.0)) == "cat 1.00"
