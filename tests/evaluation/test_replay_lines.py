"""The lines of `replay` say what became of each alert."""

import json
from typing import Any

import pytest

from app.detector import Event
from app.evaluation.people_replay import AlertOutcome
from app.evaluation.replay_lines import alert_text, event_line, table
from app.frames import Box, Detection
from app.people.rule import Best

AT = Box(1, 2, 3, 4)
CAT = Detection(AT, 0.814, "cat")


def outcome(decision: Any, why: Any, after_s: float | None = None, **fields: Any) -> AlertOutcome:
    event = Event(1, 10.0, 15.0, 500.0, (AT,), alert=decision is not None)
    decided_s = None if after_s is None else event.started_at_s + after_s
    rest = {"best": None, "score": None, "answers": 0, "corrected": None, **fields}
    return AlertOutcome(event, decision, why, decided_s, **rest)


def seen(score: float, kind: str = "person") -> Best:
    return Best(10.5, Detection(AT, score, kind), kind == "person")


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (outcome(None, None), "none: too soon after the last"),
        (outcome("sent", "no model", 0), "sent at once"),
        (
            outcome("sent", "person", 0.31, best=seen(0.91), answers=2),
            "sent after 0.3 s: person 0.91",
        ),
        (
            outcome("sent", "remembered", 0, best=seen(0.9), answers=1),
            "sent at once: remembered, person 0.90",
        ),
        (
            outcome("sent", "sure", 0, best=seen(0.8, "cat"), answers=4, corrected=CAT),
            "sent at once: sure, cat 0.80; corrected: cat",
        ),
        (outcome("sent", "no answer", 1.0), "sent after 1.0 s: no answer"),
        (outcome("held", "nobody", 1.0, answers=2), "held after 1.0 s: nobody"),
        (
            outcome("held", "nobody", 1.0, best=seen(0.81, "cat"), answers=2),
            "held after 1.0 s: cat 0.81",
        ),
    ],
)
def test_the_table_says_what_became_of_an_alert(one: AlertOutcome, text: str) -> None:
    assert alert_text(one) == text
    assert table("a.mp4", [one], with_people=True).endswith(f"500   {text}")
    assert text not in table("a.mp4", [one], with_people=False)


def test_a_line_of_json_has_the_decision_and_what_was_seen() -> None:
    one = outcome("held", "nobody", 1.0, best=seen(0.8143, "cat"), score=0.3, answers=2)
    line = json.loads(event_line("a.mp4", one, with_people=True))
    assert (line["decision"], line["why"], line["decided_s"]) == ("held", "nobody", 11.0)
    assert (line["seen"], line["seen_score"]) == ("cat", 0.814)
    assert (line["score"], line["person"], line["crops"]) == (0.3, False, 2)
    assert "decision" not in json.loads(event_line("a.mp4", one, with_people=False))
